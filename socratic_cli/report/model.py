"""What a report tells, apart from how it looks: arms, cases, and tables of anything else.

    Findings
    |- arms       Arm: what is compared, with its shares and what it cost
    |- runs       Run: one author of an arm; an arm has several where it was made with several seeds
    |- cases      Case: a problem, and the attempt of every run at it
    |- tables     Table: what was found elsewhere (comparisons, faults, decomposers), shown as it is
    |- curves     Curve: how a role's loss fell in training
    `- notes      what a reader must know before the rest, a sentence each

A section without data is left out of the report.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from socratic_cli.records import Problem, Solution

TRAINING, HELD_OUT = "training loss", "held-out loss"

Outcome = Literal["correct", "wrong", "unanswered"]
Kind = Literal["arm", "run", "text", "count", "share", "interval", "points", "number", "dollars", "p"]
Section = Literal["scores", "steps", "comparisons", "slices", "faults", "decomposers", "cost", "training", "leaks"]
Value = str | int | float | tuple[float, float] | None


@dataclass(frozen=True)
class Share:
    """So many correct of so many, with the 95% interval of their share; over several runs, the mean of them."""

    correct: float
    problems: int
    low: float
    high: float

    @property
    def accuracy(self) -> float:
        """The share itself."""
        return self.correct / self.problems if self.problems else 0.0


@dataclass(frozen=True)
class Cost:
    """What an arm's attempts took together; None is not known."""

    attempts: int = 0
    solved: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    dollars: float = 0.0
    seconds: float | None = None

    @property
    def known(self) -> bool:
        """Whether anything was counted."""
        return bool(self.prompt_tokens or self.completion_tokens or self.dollars or self.seconds)


@dataclass(frozen=True)
class Arm:
    """What is compared: a scheme and who wrote in it.

    `unanswered` counts the reasons, `leaked` the questions of its training set, both as the mean over runs; `by_steps`
    has the shares by the number of gold steps.
    """

    name: str
    scheme: str
    authors: tuple[str, ...]
    share: Share
    unanswered: Mapping[str, float] = field(default_factory=dict)
    leaked: float = 0
    by_steps: Mapping[int, Share] = field(default_factory=dict)
    cost: Cost = Cost()


@dataclass(frozen=True)
class Run:
    """One author of an arm, which is told by its place; it is named as its arm is, unless that has several."""

    name: str
    arm: int


@dataclass(frozen=True)
class Fault:
    """The first thing that went wrong in an attempt: its kind, the step it is in, from 0, and why, for a reader."""

    kind: str
    step: int | None = None
    detail: str = ""


@dataclass(frozen=True)
class Attempt:
    """A solution as it is shown."""

    solution: Solution
    outcome: Outcome
    fault: Fault | None = None


@dataclass(frozen=True)
class Case:
    """A problem and the attempts at it, in the order of the runs; None where a run has none."""

    problem: Problem
    attempts: tuple[Attempt | None, ...]


@dataclass(frozen=True)
class Column:
    """A column of a table: its heading, and how its values are written.

    An `arm` is its place among the arms, a `run` among the runs; a share and both ends of an interval are fractions,
    points are differences of fractions.
    """

    label: str
    kind: Kind = "text"


@dataclass(frozen=True)
class Table:
    """A table with a name for its file, the section it stands in, and a caption."""

    name: str
    section: Section
    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[Value, ...], ...]


@dataclass(frozen=True)
class Curve:
    """How a number fell in training: (step, value) points of one role of one student."""

    student: str
    role: str
    measure: str
    points: tuple[tuple[int, float], ...]


@dataclass(frozen=True)
class Findings:
    """All that a report tells."""

    arms: tuple[Arm, ...]
    runs: tuple[Run, ...]
    cases: tuple[Case, ...]
    tables: Sequence[Table] = ()
    curves: Sequence[Curve] = ()
    notes: Sequence[str] = ()
