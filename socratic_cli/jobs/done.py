"""What a file of solutions holds already, and what is still wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from socratic_cli import jsonl
from socratic_cli.errors import OutputError
from socratic_cli.ids import Table
from socratic_cli.jobs.outputs import Questions, is_empty, key_of, key_of_line, take_off
from socratic_cli.jobs.tally import Tally
from socratic_cli.records import Problem

Wanted = tuple[Problem, int]
"""A problem and the number of a chain, which is 0 where one solution of a problem is written."""


_IN_WORDS = {
    "scheme": "the scheme",
    "author": "the author",
    "fingerprint": "the fingerprint of its author",
    "decoding": "decoding",
    "arm": "the arm",
    "seed": "the seed",
}
"""What a solution says of its making, as people say it."""


class Done:
    """Which samples of which problems are in a file already, all of them made as the run makes them that goes on."""

    def __init__(self, target: str, made: Mapping[str, Any], *, resume: bool, overwrite: bool) -> None:
        """Make the file ready to be written, and read what is in it, if that is gone on with.

        What failed is taken off: a service did not reply, or no worker outlived it, and may today.

        Args:
            target: the file, or `-`.
            made: what a solution of this run says of its making (`Making`); what a line does not tell is not held
                against it.
            resume: go on with what is there.
            overwrite: begin anew; what is there stays until there is something else.

        Raises:
            OutputError: it is there and neither is wanted, or it was made by somebody else or otherwise.
            InputError: a line is no solution.
        """
        jsonl.claim(target, resume=resume, overwrite=overwrite)
        self._made = made
        self._questions = Questions(target, "Pass --overwrite to solve them anew")
        self._known = Table()
        self._met = 0
        if not overwrite and not is_empty(target):
            take_off(Path(target), _failed)
            for key in jsonl.read(Path(target), self._noted):
                self._known.put(key, 1)

    def _noted(self, line: jsonl.Line) -> str:
        key = key_of_line(line)
        for name, now in self._made.items():
            if (then := line.value.get(name, now)) != now:
                raise OutputError(
                    f"{line.where}: {_IN_WORDS[name]} was {_told(then)}, and is {_told(now)} now: pass --overwrite to"
                    " solve all anew, or name another -o"
                )
        self._questions.note(line)
        return key

    def has(self, problem: Problem, sample: int = 0) -> bool:
        """Say whether a sample of a problem is there.

        Raises:
            OutputError: what is there under its id is of another problem.
        """
        self._questions.require(problem)
        found = self._known.get(key_of(problem.id, sample)) is not None
        self._met += found
        return found

    @property
    def others(self) -> int:
        """How many solutions are there of which nobody asked."""
        return len(self._known) - self._met


def _failed(line: Mapping[str, Any]) -> bool:
    return line.get("unanswered") == "failed"


def _told(value: Any) -> str:
    """Return a value in words."""
    if isinstance(value, Mapping):
        return " ".join(f"{key}={inner}" for key, inner in sorted(value.items())) or "as by default"
    return "unknown" if value is None else str(value)


def remaining(problems: Iterable[Problem], done: Done, chains: int, tally: Tally) -> Iterator[Wanted]:
    """Yield the chains that are not there; problems that have all of theirs are counted as skipped."""
    for problem in problems:
        missing = [number for number in range(chains) if not done.has(problem, number)]
        tally.skipped += not missing
        yield from ((problem, number) for number in missing)
