"""What a file of solutions holds already, and what is still wanted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from socratic_cli import jsonl
from socratic_cli.ids import Table
from socratic_cli.jobs.outputs import is_empty, key_of, key_of_line
from socratic_cli.jobs.tally import Tally
from socratic_cli.records import Problem

Wanted = tuple[Problem, int]
"""A problem and the number of a chain, which is 0 where one solution of a problem is written."""


class Done:
    """Which samples of which problems are in a file already."""

    def __init__(self, target: str, resume: bool, overwrite: bool) -> None:
        """Make the file ready to be written, and read what is in it."""
        jsonl.claim(target, resume=resume, overwrite=overwrite)
        self._known = Table()
        if not is_empty(target):
            for key in jsonl.read(Path(target), key_of_line):
                self._known.put(key, 1)

    def has(self, problem: Problem, sample: int = 0) -> bool:
        """Say whether a sample of a problem is there."""
        return self._known.get(key_of(problem.id, sample)) is not None


def remaining(problems: Iterable[Problem], done: Done, chains: int, tally: Tally) -> Iterator[Wanted]:
    """Yield the chains that are not there; problems that have all of theirs are counted as skipped."""
    for problem in problems:
        missing = [number for number in range(chains) if not done.has(problem, number)]
        tally.skipped += not missing
        yield from ((problem, number) for number in missing)
