"""Solutions -> findings: arms with their shares and costs, and every problem with the attempts at it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from socratic_cli.records import Problem, Solution, Usage
from socratic_cli.report.model import Arm, Attempt, Case, Cost, Curve, Fault, Findings, Outcome, Run, Share, Table
from socratic_cli.stages.bench import is_correct, wilson

FaultOf = Callable[[Solution], Fault | None]
"""Tells what went wrong first in a solution."""


class Runs(NamedTuple):
    """The attempts of an arm, by problem, of one author after the other, and the seconds they took, if known."""

    name: str
    scheme: str
    attempts: Mapping[str, Mapping[str, Attempt]]
    seconds: float | None = None


def gather(
    solutions: Iterable[Solution],
    *,
    fault_of: FaultOf = lambda _: None,
    tables: Sequence[Table] = (),
    curves: Sequence[Curve] = (),
) -> Findings:
    """Sort solutions by scheme and author, each of which is an arm, in the order in which they came."""
    problems: dict[str, Problem] = {}
    found: dict[tuple[str, str], dict[str, Attempt]] = defaultdict(dict)
    for solution in solutions:
        identity = solution.problem.id
        problems.setdefault(identity, solution.problem)
        attempt = Attempt(solution, outcome(solution), fault_of(solution))
        found[solution.scheme, solution.author][identity] = attempt
    arms = [
        Runs(name, scheme, {author: attempts})
        for name, ((scheme, author), attempts) in zip(_names(list(found)), found.items(), strict=True)
    ]
    return findings(problems.values(), arms, tables=tables, curves=curves)


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


def outcome(solution: Solution) -> Outcome:
    """Return whether a solution is correct, wrong, or none."""
    if solution.answer is None:
        return "unanswered"
    return "correct" if is_correct(solution) else "wrong"


def _names(keys: list[tuple[str, str]]) -> list[str]:
    """Name arms by what tells them apart: the author, else the scheme, else both."""
    schemes, authors = [scheme for scheme, _ in keys], [author for _, author in keys]
    for names in (authors, schemes):
        if len(set(names)) == len(keys) and len(keys) > 1:
            return names
    return [f"{scheme}, {author}" for scheme, author in keys]


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
        unanswered=Counter(_reason(attempt.solution) for attempt in attempts if attempt.outcome == "unanswered"),
        leaked=sum(attempt.solution.leaked for attempt in attempts),
        by_steps={steps: _share(by_steps[steps], count) for steps in sorted(by_steps) if steps},
        cost=_cost(attempts, runs.seconds),
    )


def _share(attempts: list[Attempt], runs: int) -> Share:
    """Return the mean share over runs: more seeds are no more problems, and do not narrow the interval."""
    correct = sum(attempt.outcome == "correct" for attempt in attempts)
    problems = round(len(attempts) / runs)
    return Share(correct / runs, problems, *wilson(correct / runs, problems))


def _reason(solution: Solution) -> str:
    return solution.unanswered or "no reason given"


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
