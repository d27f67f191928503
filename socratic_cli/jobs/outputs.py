"""The files that results are appended to, and which results are in them already."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, Self

from socratic_cli import jsonl
from socratic_cli.errors import InputError, OutputError
from socratic_cli.ids import Table
from socratic_cli.records import Problem, Rejection, Solution
from socratic_cli.settings import Annotation


def started(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Read the first problem now, the others when they are asked for.

    So input that cannot be read is told before an output is emptied, and in a second, not after loading weights.
    """
    source = iter(problems)
    return chain(list(islice(source, 1)), source)


class Again:
    """Problems that are gone through several times: kept in a temporary file, whatever they come from."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Copy the problems."""
        self._file = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        for problem in problems:
            self._file.write(problem.model_dump_json(exclude_unset=True) + "\n")

    def __iter__(self) -> Iterator[Problem]:
        self._file.seek(0)
        return map(Problem.model_validate_json, self._file)


def is_empty(target: str) -> bool:
    """Say whether there is nothing to go on with."""
    return target == "-" or not Path(target).exists() or not Path(target).stat().st_size


def problem_of(line: jsonl.Line) -> str:
    """Return the id of a line's problem.

    Raises:
        InputError: the line has none.
    """
    problem = line.value.get("problem")
    if not isinstance(problem, dict) or "id" not in problem:
        raise InputError(f"{line.where}: this is no solution, so the file cannot be resumed: name another -o")
    return str(problem["id"])


class Annotations:
    """Two files of outcomes, kept and rejected, keyed by problem and sample: no key is written twice.

    A run goes on with files of the same scheme and author by itself; with others only if it is told to. What failed
    is taken off then, and asked again.
    """

    def __init__(self, out: str, rejects: str | None, author: tuple[str, str], resume: bool, overwrite: bool) -> None:
        """Open the files for appending, and lock the output.

        Args:
            out: file of the kept ones, or `-`.
            rejects: file of the others, or None to drop them.
            author: scheme and author of this run.
            resume: go on with whatever is there.
            overwrite: begin anew.

        Raises:
            OutputError: a file is there and of another author, cannot be written, or is being written.
            InputError: a file is there and cannot be read.
        """
        self._kept = Table()
        self._files = ExitStack()
        try:
            self._out = self._files.enter_context(jsonl.Writer(out, lock=True))
            for target in filter(None, (out, rejects)):
                if not (resume or overwrite) and not is_empty(target):
                    _require(target, author)
                jsonl.claim(target, resume=not overwrite, overwrite=overwrite)
            self._read(out, kept=True)
            if rejects and not is_empty(rejects):
                _take_off_failed(Path(rejects))
                self._read(rejects, kept=False)
            self._rejects = self._files.enter_context(jsonl.Writer(rejects)) if rejects else None
        except BaseException:
            self._files.close()
            raise

    def _read(self, target: str, *, kept: bool) -> None:
        if not is_empty(target):
            for key in jsonl.read(target, key_of_line):
                self._kept.put(key, kept)

    def is_done(self, problem: Problem, annotation: Annotation) -> bool:
        """Say whether everything that is wanted of a problem is in the files."""
        tries = annotation.until_correct or annotation.samples
        some = False
        for sample in range(tries):
            kept = self._kept.get(key_of(problem.id, sample))
            if kept is None:
                return False
            some = some or bool(kept)
            if some and annotation.until_correct:
                return True
        hintable = annotation.rationalize and problem.answer is not None
        return some or not hintable or self._kept.get(key_of(problem.id, tries)) is not None

    def write(self, outcome: Solution | Rejection) -> None:
        """Append an outcome, unless it is there."""
        key, kept = key_of(outcome.problem.id, outcome.sample), isinstance(outcome, Solution)
        if self._kept.get(key) is not None:
            return
        writer = self._out if kept else self._rejects
        if writer is not None:
            writer.write(outcome)
        self._kept.put(key, kept)

    def sync(self) -> None:
        """Wait until the files are on the disk."""
        self._out.sync()
        if self._rejects is not None:
            self._rejects.sync()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()


def _require(target: str, author: tuple[str, str]) -> None:
    first = next(jsonl.read(target, lambda line: line.value))
    if (found := (first.get("scheme"), first.get("author"))) != author:
        told = " by ".join(str(name) for name in reversed(found)) if all(found) else "something else"
        raise OutputError(
            f"{target} exists and holds {told}, not {author[1]} by {author[0]}: pass --resume to append to it all the"
            " same, --overwrite to start anew, or another -o"
        )


def key_of(problem: str, sample: int) -> str:
    """Return the key of one sample of a problem."""
    return f"{problem}\n{sample}"


def key_of_line(line: jsonl.Line) -> str:
    """Return the key of the solution or rejection on a line."""
    return key_of(problem_of(line), int(line.value.get("sample", 0)))


def _take_off_failed(rejects: Path) -> None:
    """Take off what failed, so that it is asked again."""
    if any(_failed(value) for value in _values(rejects)):
        jsonl.write_all(rejects, (value for value in _values(rejects) if not _failed(value)))


def _values(path: Path) -> Iterator[dict[str, Any]]:
    return jsonl.read(path, lambda line: line.value)


def _failed(value: dict[str, Any]) -> bool:
    return value.get("reason") == "failed"
