"""Every arm against every other on the problems that both tried: who is right where the other is not."""

from __future__ import annotations

from typing import NamedTuple

from socratic_cli.report.model import Column, Findings, Table


class Pair(NamedTuple):
    """Two arms on their common problems: how many only the first, and only the second, has right."""

    problems: int
    only_first: int
    only_second: int

    @property
    def difference(self) -> float:
        """The first's accuracy less the second's."""
        return (self.only_first - self.only_second) / self.problems if self.problems else 0.0


def matrix(findings: Findings) -> list[list[Pair]]:
    """Return the pair of every arm (row) with every arm (column)."""
    rights = [[_right(case.attempts[at]) for case in findings.cases] for at in range(len(findings.arms))]
    return [[_pair(first, second) for second in rights] for first in rights]


def _right(attempt: object) -> bool | None:
    return None if attempt is None else getattr(attempt, "outcome", None) == "right"


def _pair(first: list[bool | None], second: list[bool | None]) -> Pair:
    both = [(one, two) for one, two in zip(first, second, strict=True) if one is not None and two is not None]
    only_first = sum(bool(one and not two) for one, two in both)
    return Pair(len(both), only_first, sum(bool(two and not one) for one, two in both))


def comparisons(findings: Findings) -> Table:
    """Return every two arms once, with what their difference stands on."""
    pairs = matrix(findings)
    rows = tuple(
        (first, second, pair.problems, pair.difference, pair.only_first, pair.only_second)
        for first, row in enumerate(pairs)
        for second, pair in enumerate(row)
        if first < second and pair.problems
    )
    columns = (
        Column("first", "arm"),
        Column("second", "arm"),
        Column("problems", "count"),
        Column("difference, points", "points"),
        Column("only first right", "count"),
        Column("only second right", "count"),
    )
    caption = "Two arms on the problems that both tried. Only problems that one alone has right speak for a difference."
    return Table("comparisons", "comparisons", caption, columns, rows)
