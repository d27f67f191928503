"""A calculation that leads nowhere beside the gold steps that are due: what makes it wrong."""

from __future__ import annotations

from collections.abc import Iterable

from socratic_cli.analysis.gold import Gold, GoldStep
from socratic_cli.analysis.kinds import Kind
from socratic_cli.analysis.operations import Chain
from socratic_cli.analysis.words import SAME, coverage, likeness
from socratic_cli.records import Step

# Likeness of words below which a subquestion is not that of the gold step whose numbers its solution shares.
UNLIKE = 0.5
# Share of a subquestion's words that its problem has: below, it is about something else.
FOREIGN = 0.5


def compared(step: Step, wrong: tuple[Chain, ...], due: list[GoldStep], measure: Gold) -> tuple[Kind, Chain | None]:
    """Compare a wrong operation, and what was asked, with the gold steps that are due: the kind, and what was due."""
    asked = step.subquestion
    if asked and coverage(asked, measure.text) < FOREIGN:
        return "bad-subquestion", None
    same = next((measure.steps[at] for at in asking(asked, measure.steps)), None)
    for mine, theirs, _ in _pairs(wrong, [*([same] if same else []), *due]):
        if sorted(mine.parts) == sorted(theirs.parts):
            return "wrong-operation", theirs
    for mine, theirs, one in _pairs(wrong, [same] if same else due):
        shares = set(mine.parts) & set(theirs.parts) and set(mine.operators) == set(theirs.operators)
        if shares and not (asked and one.subquestion and likeness(asked, one.subquestion) < UNLIKE):
            return "wrong-quantity", theirs
    if same:
        operators = {sign for chain in same.chains for sign in chain.operators}
        used = {sign for chain in wrong for sign in chain.operators}
        return ("wrong-quantity" if used <= operators else "wrong-operation"), same.chains[-1]
    if measure.states(asked):
        return "wrong-operation", None
    return ("bad-subquestion" if asked else "off-the-way"), None


def _pairs(wrong: tuple[Chain, ...], steps: list[GoldStep]) -> list[tuple[Chain, Chain, GoldStep]]:
    return [(mine, theirs, one) for one in steps for theirs in one.chains for mine in wrong]


def asking(asked: str | None, steps: Iterable[GoldStep]) -> list[int]:
    """Return the places of the gold steps that ask nearly the same, word by word: those that come nearest."""
    near = [likeness(asked or "", one.subquestion) for one in steps]
    return [at for at, one in enumerate(near) if one == max(near) and one >= SAME]


def shown(chain: Chain) -> str:
    """Return a sum or product as it is written."""
    first, *rest = (f"{part / 100:g}" for part in chain.parts)
    return first + "".join(f"{sign}{part}" for sign, part in zip(chain.operators, rest, strict=True))
