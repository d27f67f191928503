"""Kinds of first wrong steps; `faults` says what makes each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal[
    "none",
    "bad-subquestion",
    "off-the-way",
    "wrong-operation",
    "arithmetic-slip",
    "wrong-quantity",
    "stopped-early",
    "asked-too-much",
    "wrong-answer-after-right-steps",
    "unanswered",
    "not-judged",
]
Mark = Literal["right", "sound", "wrong", "after"]
"""Of a step: comes to a gold result, does no harm, is the first wrong one, or comes after it."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What went wrong first: the kind, the step (from 0, None where no step is wrong), and why, for a reader."""

    kind: Kind
    step: int | None = None
    detail: str = ""
    marks: tuple[Mark, ...] = ()
