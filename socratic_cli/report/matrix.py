"""Every run against every other on the problems that both tried: who is correct where the other is not."""

from __future__ import annotations

from typing import NamedTuple

from socratic_cli.report.model import Attempt, Column, Findings, Table


class Pair(NamedTuple):
    """Two runs on their common problems: how many only the first, and only the second, solves."""

    problems: int
    only_first: int
    only_second: int

    @property
    def difference(self) -> float:
        """The first's accuracy less the second's."""
        return (self.only_first - self.only_second) / self.problems if self.problems else 0.0


def matrix(findings: Findings) -> list[list[Pair]]:
    """Return the pair of every run (row) with every run (column)."""
    solved = [[_is_correct(case.attempts[at]) for case in findings.cases] for at in range(len(findings.runs))]
    return [[_pair(first, second) for second in solved] for first in solved]


def _is_correct(attempt: Attempt | None) -> bool | None:
    return None if attempt is None else attempt.outcome == "correct"


def _pair(first: list[bool | None], second: list[bool | None]) -> Pair:
    both = [(one, two) for one, two in zip(first, second, strict=True) if one is not None and two is not None]
    only_first = sum(bool(one and not two) for one, two in both)
    return Pair(len(both), only_first, sum(bool(two and not one) for one, two in both))


def comparisons(findings: Findings) -> Table:
    """Return every two runs once, with what their difference stands on."""
    pairs = matrix(findings)
    rows = tuple(
        (first, second, pair.problems, pair.difference, pair.only_first, pair.only_second)
        for first, row in enumerate(pairs)
        for second, pair in enumerate(row)
        if first < second and pair.problems
    )
    columns = (
        Column("first", "run"),
        Column("second", "run"),
        Column("problems", "count"),
        Column("difference, points", "points"),
        Column("only first correct", "count"),
        Column("only second correct", "count"),
    )
    caption = "Two arms on the problems that both tried. Only problems that one alone solves speak for a difference."
    return Table("comparisons", "comparisons", caption, columns, rows)
