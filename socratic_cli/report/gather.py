"""Attempts -> findings: arms with their shares and costs, and every problem with the attempts at it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from socratic_cli.records import Problem, Usage
from socratic_cli.report.model import Arm, Attempt, Case, Cost, Curve, Findings, Run, Share, Table
from socratic_cli.scoring.counting import scaled


class Runs(NamedTuple):
    """The attempts of an arm, by problem, of one author after the other, and the seconds they took, if known."""

    name: str
    scheme: str
    attempts: Mapping[str, Mapping[str, Attempt]]
    seconds: float | None = None


def findings(
    problems: Iterable[Problem],
    arms: Sequence[Runs],
    *,
    tables: Sequence[Table] = (),
    curves: Sequence[Curve] = (),
    notes: Sequence[str] = (),
) -> Findings:
    """Return what a report tells of arms whose attempts are sorted already."""
    columns = [attempts for arm in arms for attempts in arm.attempts.values()]
    return Findings(
        arms=tuple(map(_arm, arms)),
        runs=tuple(
            Run(author if len(arm.attempts) > 1 else arm.name, at)
            for at, arm in enumerate(arms)
            for author in arm.attempts
        ),
        cases=tuple(Case(problem, tuple(column.get(problem.id) for column in columns)) for problem in problems),
        tables=tables,
        curves=curves,
        notes=notes,
    )


def _arm(runs: Runs) -> Arm:
    attempts = [attempt for of_author in runs.attempts.values() for attempt in of_author.values()]
    by_steps: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_steps[len(attempt.solution.problem.steps)].append(attempt)
    count = len(runs.attempts)
    return Arm(
        name=runs.name,
        scheme=runs.scheme,
        authors=tuple(runs.attempts),
        share=_share(attempts, count),
        unanswered={reason: times / count for reason, times in _reasons(attempts).items()},
        leaked=sum(attempt.solution.leaked for attempt in attempts) / count,
        by_steps={steps: _share(by_steps[steps], count) for steps in sorted(by_steps) if steps},
        cost=_cost(attempts, runs.seconds),
    )


def _share(attempts: list[Attempt], runs: int) -> Share:
    """Return the mean share over runs: more seeds are no more problems, and do not narrow the interval."""
    correct = sum(attempt.outcome == "correct" for attempt in attempts)
    mean = scaled(correct, len(attempts), runs)
    return Share(mean.count, mean.total, mean.low, mean.high)


def _reasons(attempts: Iterable[Attempt]) -> Counter[str]:
    unanswered = (attempt.solution for attempt in attempts if attempt.outcome == "unanswered")
    return Counter(solution.unanswered or "no reason given" for solution in unanswered)


def _cost(attempts: list[Attempt], measured: float | None) -> Cost:
    solutions = [attempt.solution for attempt in attempts]
    usage = sum((solution.usage for solution in solutions), Usage())
    # `solve` writes no times, so that its lines can be written again to the byte: a recipe's stage knows them. Other
    # authors may tell theirs.
    told = [(solution.model_extra or {}).get("seconds") for solution in solutions]
    seconds = [float(value) for value in told if isinstance(value, int | float)]
    return Cost(
        attempts=len(attempts),
        solved=sum(attempt.outcome == "correct" for attempt in attempts),
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens or sum(turn.tokens for one in solutions for turn in one.trace),
        dollars=usage.cost,
        seconds=sum(seconds) if len(seconds) == len(solutions) else measured,
    )
