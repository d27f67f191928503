"""The files of an annotation: what was kept and what was rejected, and which of it is there already."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from socratic_cli import jsonl
from socratic_cli.errors import OutputError
from socratic_cli.ids import Table
from socratic_cli.jobs.outputs import Questions, is_empty, key_of, key_of_line, take_off
from socratic_cli.records import Problem, Rejection, Solution
from socratic_cli.settings import Annotation


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
        self._questions = Questions(
            out, "--reparse judges the stored replies anew, --overwrite asks what is not stored"
        )
        with ExitStack() as files:
            self._out = files.enter_context(jsonl.Writer(out, lock=True, anew=overwrite))
            for target in filter(None, (out, rejects)):
                if not (resume or overwrite) and not is_empty(target):
                    _require(target, author)
                jsonl.claim(target, resume=not overwrite, overwrite=overwrite)
            if not overwrite:
                self._read(out, kept=True)
                if rejects and not is_empty(rejects):
                    take_off(Path(rejects), _failed)
                    self._read(rejects, kept=False)
            self._rejects = files.enter_context(jsonl.Writer(rejects, anew=overwrite)) if rejects else None
            self._files = files.pop_all()

    def _read(self, target: str, *, kept: bool) -> None:
        if not is_empty(target):
            for key in jsonl.read(target, self._noted):
                self._kept.put(key, kept)

    def _noted(self, line: jsonl.Line) -> str:
        key = key_of_line(line)
        self._questions.note(line)
        return key

    def is_done(self, problem: Problem, annotation: Annotation) -> bool:
        """Say whether everything that is wanted of a problem is in the files.

        Raises:
            OutputError: what is in the files under its id is of another problem.
        """
        self._questions.require(problem)
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
        return some or not hintable or self._kept.get(key_of(problem.id, tries, rationalized=True)) is not None

    def write(self, outcome: Solution | Rejection) -> None:
        """Append an outcome, unless it is there."""
        key = key_of(outcome.problem.id, outcome.sample, rationalized=outcome.rationalized)
        kept = isinstance(outcome, Solution)
        if self._kept.get(key) is not None:
            return
        writer = self._out if kept else self._rejects
        self._begin()
        if writer is not None:
            writer.write(outcome)
        self._kept.put(key, kept)

    def _begin(self) -> None:
        """Replace both files as soon as there is something for either: one of an earlier run would not fit."""
        for writer in filter(None, (self._out, self._rejects)):
            writer.begin()

    def sync(self) -> None:
        """Wait until the files are on the disk."""
        self._out.sync()
        if self._rejects is not None:
            self._rejects.sync()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.__exit__(kind, fault, trace)


def _require(target: str, author: tuple[str, str]) -> None:
    first = next(jsonl.read(target, lambda line: line.value))
    if (found := (first.get("scheme"), first.get("author"))) != author:
        told = " by ".join(str(name) for name in reversed(found)) if all(found) else "something else"
        raise OutputError(
            f"{target} exists and holds {told}, not {author[1]} by {author[0]}: pass --resume to append to it all the"
            " same, --overwrite to start anew, or another -o"
        )


def _failed(value: Mapping[str, Any]) -> bool:
    return value.get("reason") == "failed"
