"""`socratic solve` on files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from pathlib import Path

from socratic_cli import jsonl
from socratic_cli.authors import Author
from socratic_cli.ids import Table
from socratic_cli.jobs.outputs import is_empty, problem_of, started
from socratic_cli.jobs.tally import Report, Tally
from socratic_cli.parts import Teacher
from socratic_cli.records import Problem
from socratic_cli.stages.solve import solve


def solve_file(
    problems: Iterable[Problem],
    author: Author,
    out: str,
    report: Report,
    *,
    oracle: Iterable[str] = (),
    resume: bool = False,
    overwrite: bool = False,
    width: int = 128,
) -> Tally:
    """Solve problems into a file.

    Raises:
        OutputError: the file exists and is neither resumed nor overwritten.
    """
    tally = Tally()
    problems = started(problems)
    done = _claim(out, resume, overwrite)
    with jsonl.Writer(out) as writer, author.open() as model:

        async def work() -> None:
            found = solve(
                _remaining(problems, done, tally),
                author.scheme,
                model,
                author.label,
                prompted=author.prompted,
                oracle=oracle,
                seen=author.saw,
                width=width,
            )
            try:
                async for solution in found:
                    writer.write(solution)
                    tally.note(solution)
                    report(tally)
            finally:
                if isinstance(model, Teacher):
                    await model.close()

        asyncio.run(work())
    return tally


def _claim(target: str, resume: bool, overwrite: bool) -> Table:
    """Make a file ready to be written, and return the ids of the problems that are in it already."""
    jsonl.claim(target, resume=resume, overwrite=overwrite)
    done = Table()
    if not is_empty(target):
        for identity in jsonl.read(Path(target), problem_of):
            done.put(identity, 1)
    return done


def _remaining(problems: Iterable[Problem], done: Table, tally: Tally) -> Iterator[Problem]:
    for problem in problems:
        if done.get(problem.id) is not None:
            tally.skipped += 1
        else:
            yield problem
