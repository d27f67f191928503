"""An evaluation as one tree: what `socratic bench` found out, for its tables, its files and its report.

    Evaluation
    |- problems     every problem that some run has, gold and all, in the order in which they came
    |- arms         what is compared: one way to make an author
    |  |- runs      one author each; an arm has several where it was made with several seeds
    |  |  `- outcomes   one a problem: correct, wrong or unanswered, and why
    |  `- result, spread, slices, passes
    |- comparisons  of two arms on the problems that both have
    |- leaks        test questions that look like training questions or exemplars
    |- origins      the files it was made from
    `- notes        what a reader must know beside

The tree is plain data: `evaluation.json` holds all of it but the solutions, and reads back into the same tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from socratic_cli.records import Problem, Reason, Solution
from socratic_cli.settings import Reading

FORMAT = 1

State = Literal["correct", "wrong", "unanswered"]


@dataclass(frozen=True)
class Proportion:
    """A count of a total, with the 95% Wilson interval of its share; of nothing, the share is 0 within 0 to 1."""

    count: float
    total: int
    share: float
    low: float
    high: float


@dataclass(frozen=True)
class Outcome:
    """What came of one problem in one run.

    `strict` says whether the answer as written is the gold answer as written, `lenient` whether a generous reader
    finds it: in what was written, where no answer was given. Neither changes `state`, nor does `claimed`, what the
    record says of itself.
    """

    problem: str
    state: State
    reason: Reason | None = None
    answer: str | None = None
    strict: bool = False
    lenient: bool = False
    leaked: bool = False
    claimed: bool | None = None
    solution: Solution | None = field(default=None, repr=False, compare=False)

    @property
    def judged(self) -> Solution | None:
        """The solution as it was read and judged here, whatever it says of itself."""
        if self.solution is None:
            return None
        read = {"answer": self.answer, "unanswered": self.reason, "correct": self.state == "correct"}
        return self.solution.model_copy(update=read)


@dataclass(frozen=True)
class Result:
    """Outcomes, counted. Unanswered problems are never among the wrong ones.

    Over several runs of an arm the counts are sums, while every proportion is the mean over the runs out of the
    problems of one run: seeds do not add problems, so they do not narrow an interval.
    """

    problems: int
    correct: int
    wrong: int
    unanswered: int
    reasons: dict[str, int]
    leaked: int
    accuracy: Proportion
    answered: Proportion
    strict: Proportion
    lenient: Proportion


@dataclass(frozen=True)
class Spread:
    """Accuracy over the runs of an arm; `sd` is the sample standard deviation, None of a single run."""

    runs: int
    mean: float
    sd: float | None
    lowest: float
    highest: float


@dataclass(frozen=True)
class PassAt:
    """The share of problems of which one of k samples at least is right, whoever may choose it (pass@k).

    It is estimated from all samples (`statistics.pass_at`); the interval is of the choice of problems, and for fewer
    than all samples wider than it had to be.
    """

    k: int
    samples: int
    share: Proportion


@dataclass(frozen=True)
class Slice:
    """The problems of an arm that have one value of one feature, such as steps = 3."""

    feature: str
    value: str
    result: Result


@dataclass(frozen=True)
class Run:
    """One author on one set of problems; `seconds` by the clock is what solving all of them took, if that is known."""

    author: str
    seed: int | None
    sample: int
    outcomes: tuple[Outcome, ...]
    result: Result
    seconds: float | None = None


@dataclass(frozen=True)
class Arm:
    """One way to make an author, with a run for every seed and sample. `name` is its own among the arms.

    `passes` tells what several samples of a problem hold, if there are some.
    """

    name: str
    scheme: str
    runs: tuple[Run, ...]
    result: Result
    spread: Spread
    slices: tuple[Slice, ...]
    passes: tuple[PassAt, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """Two arms on the problems that both have.

    Attributes:
        old: name of the arm that is compared against.
        new: name of the other arm.
        problems: how many both have; `only_old` and `only_new` are left out.
        old_accuracy: on those problems, mean over the runs, as `new_accuracy` is.
        difference: new - old, with its 95% interval: from a paired bootstrap of problems, and where an arm has several
            seeds as much wider as these can move it (Student's t).
        old_alone: problems that only the old arm solves, summed over pairs of runs; so is `new_alone`.
        test: of p_problems: mcnemar where both have one run, else sign-flip, its generalisation to means over runs.
        p_problems: two-sided and exact: whether these runs would differ on other such problems.
        p_seeds: two-sided, by Student's t-test: whether other seeds would differ. None where both have one seed.
        p_value: the larger of the two, since a difference between arms must outlast both.
        p_holm: the same, corrected by Holm for the number of comparisons.
        gain_over_old: (new - old) / old, None where old is 0.
        gain_over_new: (new - old) / new, None where new is 0.
    """

    old: str
    new: str
    problems: int
    only_old: int
    only_new: int
    old_accuracy: float
    new_accuracy: float
    difference: float
    low: float
    high: float
    old_alone: int
    new_alone: int
    test: Literal["mcnemar", "sign-flip"]
    p_problems: float
    p_seeds: float | None
    p_value: float
    p_holm: float
    gain_over_old: float | None
    gain_over_new: float | None


@dataclass(frozen=True)
class Leak:
    """A test question and the question most like it among those its author may have learnt from.

    `similarity` is the Jaccard index of their shingles with numbers masked; 1 for what is the same but for numbers.
    """

    problem: str
    kind: Literal["exact", "near"]
    source: str
    question: str
    similarity: float


@dataclass(frozen=True)
class Origin:
    """A file that solutions came from."""

    path: str
    sha256: str | None
    solutions: int
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Evaluation:
    """All that was found out."""

    problems: tuple[Problem, ...]
    arms: tuple[Arm, ...]
    comparisons: tuple[Comparison, ...] = ()
    leaks: tuple[Leak, ...] = ()
    origins: tuple[Origin, ...] = ()
    notes: tuple[str, ...] = ()
    reading: Reading | None = None
    resamples: int = 10_000
    seed: int = 0
    format: int = FORMAT
