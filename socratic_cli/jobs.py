"""The verbs on files: where results go, what is done already, what is counted."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

from socratic_cli import jsonl
from socratic_cli.authors import Author
from socratic_cli.errors import InputError
from socratic_cli.parts import Scheme, Teacher
from socratic_cli.records import Problem, Rejection, Score, Solution, Usage
from socratic_cli.stages.annotate import annotate
from socratic_cli.stages.bench import bench, markdown
from socratic_cli.stages.solve import solve

STDIO = "-"


@dataclass
class Tally:
    """What a run has done so far. `skipped` problems were done by an earlier run."""

    done: int = 0
    kept: int = 0
    correct: int = 0
    skipped: int = 0
    leaked: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    usage: Usage = field(default_factory=Usage)

    def note(self, result: Solution | Rejection) -> None:
        """Count one result."""
        self.done += 1
        self.usage += result.usage
        if isinstance(result, Rejection):
            self.reasons[result.reason] += 1
            return
        self.kept += 1
        self.correct += result.correct is True
        self.leaked += result.leaked
        if result.unanswered:
            self.reasons[result.unanswered] += 1


Report = Callable[[Tally], None]


def annotate_file(
    problems: Iterable[Problem],
    scheme: Scheme,
    teacher: Teacher,
    out: str,
    rejects: str | None,
    report: Report,
    *,
    resume: bool = False,
    overwrite: bool = False,
    width: int = 16,
) -> Tally:
    """Annotate problems into a file, the rejected ones into another.

    Raises:
        OutputError: a file exists and is neither resumed nor overwritten.
    """
    tally = Tally()
    problems = _started(iter(problems))
    with ExitStack() as files:
        done = _claim(out, resume, overwrite) | (_claim(rejects, resume, overwrite) if rejects else set())
        kept_to = files.enter_context(jsonl.Writer(out))
        rejected_to = files.enter_context(jsonl.Writer(rejects)) if rejects else None

        async def work() -> None:
            try:
                async for result in annotate(_remaining(problems, done, tally), scheme, teacher, width=width):
                    writer = kept_to if isinstance(result, Solution) else rejected_to
                    if writer is not None:
                        writer.write(result)
                    tally.note(result)
                    report(tally)
            finally:
                await teacher.close()

        asyncio.run(work())
    return tally


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
    problems = _started(iter(problems))
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


def bench_files(
    sources: Iterable[str | Path], folder: Path | None, on_invalid: jsonl.OnInvalid | None = None
) -> list[Score]:
    """Score files of solutions; scores and table go to `folder` as well."""
    scores = bench(solution for source in sources for solution in solutions(source, on_invalid))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        jsonl.write_all(folder / "scores.jsonl", scores)
        (folder / "table.md").write_text(markdown(scores), encoding="utf-8")
    return scores


def solutions(source: str | Path, on_invalid: jsonl.OnInvalid | None = None) -> Iterator[Solution]:
    """Read solutions lazily.

    Raises:
        InputError: a line is no solution.
    """
    convert = jsonl.record(Solution)
    return jsonl.read(source, convert) if on_invalid is None else jsonl.read(source, convert, on_invalid)


def _claim(target: str, resume: bool, overwrite: bool) -> set[str]:
    """Make a file ready to be written, and return the ids of the problems that are in it already."""
    jsonl.claim(target, resume=resume, overwrite=overwrite)
    path = Path(target)
    if target == STDIO or not path.exists() or not path.stat().st_size:
        return set()
    return set(jsonl.read(path, _problem_id))


def _problem_id(line: jsonl.Line) -> str:
    problem = line.value.get("problem")
    if not isinstance(problem, dict) or "id" not in problem:
        raise InputError(f"{line.where}: this is no solution, so the file cannot be resumed: name another -o")
    return str(problem["id"])


def _remaining(problems: Iterable[Problem], done: set[str], tally: Tally) -> Iterator[Problem]:
    for problem in problems:
        if problem.id in done:
            tally.skipped += 1
        else:
            yield problem


def _started(problems: Iterator[Problem]) -> Iterator[Problem]:
    """Read the first problem now, the others when they are asked for.

    So input that cannot be read is told before an output is emptied, and in a second, not after loading weights.
    """
    return chain(list(islice(problems, 1)), problems)
