"""What a run has done so far, in numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from socratic_cli.records import Problem, Solution, Usage
from socratic_cli.stages.annotate import Annotated


@dataclass
class Yield:
    """Problems of one number of steps: how many were done, and how many of them gave something to keep."""

    problems: int = 0
    kept: int = 0


@dataclass
class Tally:
    """What a run has done so far. `skipped` problems were done by an earlier run; `others` are solutions in its output
    of problems that it was not given.

    `done` and `kept` count problems, `rationales` what was kept of them. `waiting` problems lack a stored reply.
    `spent` is in US dollars and counts earlier runs of the same output; `lost` is what replies that never arrived
    may have cost at most.
    """

    done: int = 0
    kept: int = 0
    rationales: int = 0
    correct: int = 0
    skipped: int = 0
    others: int = 0
    waiting: int = 0
    leaked: int = 0
    miscalculated: int = 0
    retried: int = 0
    spent: float = 0.0
    spent_before: float = 0.0
    lost: float = 0.0
    reasons: Counter[str] = field(default_factory=Counter)
    by_steps: dict[int, Yield] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)

    def note(self, solution: Solution) -> None:
        """Count one solved problem."""
        self.done += 1
        self.usage += solution.usage
        self.kept += 1
        self.correct += solution.correct is True
        self.leaked += solution.leaked
        if solution.unanswered:
            self.reasons[solution.unanswered] += 1

    def annotated(self, result: Annotated) -> None:
        """Count one annotated problem."""
        self.waiting += not result.complete
        if not result.outcomes:
            return
        kept = [outcome for outcome in result.outcomes if isinstance(outcome, Solution)]
        self.done += 1
        self.kept += bool(kept)
        self.rationales += len(kept)
        self.miscalculated += sum(any(step.miscalculations for step in one.steps) for one in kept)
        for outcome in result.outcomes:
            self.usage += outcome.usage
            if not isinstance(outcome, Solution):
                self.reasons[outcome.reason] += 1
        row = self.by_steps.setdefault(_steps(result.problem, kept), Yield())
        row.problems += 1
        row.kept += bool(kept)


def _steps(problem: Problem, kept: list[Solution]) -> int:
    """Return the number of gold steps, or else of the steps that were written; 0 where there are none."""
    return len(problem.steps or (kept[0].steps if kept else ()))


Report = Callable[[Tally], None]
