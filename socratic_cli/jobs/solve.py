"""`socratic solve` on files."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

from socratic_cli import jsonl
from socratic_cli.asking.client import Client
from socratic_cli.asking.replies import Replies
from socratic_cli.authors import Author
from socratic_cli.dialogue import Model
from socratic_cli.ids import Table
from socratic_cli.jobs.outputs import is_empty, problem_of, started
from socratic_cli.jobs.paths import Paths
from socratic_cli.jobs.tally import Report, Tally
from socratic_cli.records import Problem
from socratic_cli.settings import Asking
from socratic_cli.stages.solve import solve


def solve_file(
    problems: Iterable[Problem],
    author: Author,
    out: str,
    report: Report,
    *,
    samples: int = 1,
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
    belongs = {} if author.arm is None else {"arm": author.arm, "seed": author.seed}
    done = _claim(out, resume, overwrite)
    with ExitStack() as files:
        writer = files.enter_context(jsonl.Writer(out))
        model = _model(author, out, width, files)

        async def work() -> None:
            found = solve(
                _remaining(problems, done, tally),
                author.scheme,
                model,
                author.label,
                prompted=author.prompted,
                samples=samples,
                oracle=oracle,
                seen=author.saw,
                width=width,
            )
            try:
                async for solution in found:
                    writer.write(solution.model_copy(update=belongs))
                    tally.note(solution)
                    report(tally)
            finally:
                if author.teacher is not None:
                    await author.teacher.close()

        asyncio.run(work())
    return tally


def _model(author: Author, out: str, width: int, files: ExitStack) -> Model:
    """Return who replies: a student, or a teacher that is asked with the same care as in an annotation."""
    teacher = author.teacher
    if teacher is None:
        return files.enter_context(author.open())
    path = Paths.beside(out).replies_of(teacher, author.scheme)
    replies = files.enter_context(Replies(path)) if teacher.paid else None
    return Client(teacher, Asking(concurrency=width), replies)


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
