"""Solutions -> findings: arms with their shares and costs, and every problem with the attempts at it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from socratic_cli.records import Problem, Solution, Usage
from socratic_cli.report.model import Arm, Attempt, Case, Cost, Curve, Fault, Findings, Outcome, Share, Table
from socratic_cli.stages.bench import is_correct, wilson

Faults = Mapping[tuple[str, str, str], Fault]
"""What went wrong, by scheme, author and the problem's id."""


def gather(
    solutions: Iterable[Solution],
    *,
    faults: Faults | None = None,
    tables: Sequence[Table] = (),
    curves: Sequence[Curve] = (),
) -> Findings:
    """Sort solutions by arm and by problem, each in the order in which they came."""
    problems: dict[str, Problem] = {}
    arms: dict[tuple[str, str], dict[str, Attempt]] = defaultdict(dict)
    for solution in solutions:
        identity = solution.problem.id
        # A question that differs under one id would show the wrong question beside an attempt.
        problems.setdefault(identity, solution.problem)
        fault = (faults or {}).get((solution.scheme, solution.author, identity))
        arms[solution.scheme, solution.author][identity] = Attempt(solution, outcome(solution), fault)
    names = _names(list(arms))
    return Findings(
        arms=tuple(_arm(name, list(of_arm.values())) for name, of_arm in zip(names, arms.values(), strict=True)),
        cases=tuple(
            Case(problem, tuple(of_arm.get(identity) for of_arm in arms.values()))
            for identity, problem in problems.items()
        ),
        tables=tables,
        curves=curves,
    )


def outcome(solution: Solution) -> Outcome:
    """Return whether a solution is right, wrong, or none."""
    if solution.answer is None:
        return "unanswered"
    return "right" if is_correct(solution) else "wrong"


def _names(keys: list[tuple[str, str]]) -> list[str]:
    """Name arms by what tells them apart: the author, else the scheme, else both."""
    schemes, authors = [scheme for scheme, _ in keys], [author for _, author in keys]
    for names in (authors, schemes):
        if len(set(names)) == len(keys) and len(keys) > 1:
            return names
    return [f"{scheme}, {author}" for scheme, author in keys]


def _arm(name: str, attempts: list[Attempt]) -> Arm:
    by_steps: dict[int, list[Attempt]] = defaultdict(list)
    for attempt in attempts:
        by_steps[len(attempt.solution.problem.steps)].append(attempt)
    return Arm(
        name=name,
        scheme=attempts[0].solution.scheme,
        author=attempts[0].solution.author,
        share=_share(attempts),
        unanswered=Counter(_reason(attempt.solution) for attempt in attempts if attempt.outcome == "unanswered"),
        leaked=sum(attempt.solution.leaked for attempt in attempts),
        by_steps={steps: _share(by_steps[steps]) for steps in sorted(by_steps) if steps},
        cost=_cost([attempt.solution for attempt in attempts]),
    )


def _share(attempts: list[Attempt]) -> Share:
    correct = sum(attempt.outcome == "right" for attempt in attempts)
    return Share(correct, len(attempts), *wilson(correct, len(attempts)))


def _reason(solution: Solution) -> str:
    return solution.unanswered or "no reason given"


def _cost(solutions: list[Solution]) -> Cost:
    usage = sum((solution.usage for solution in solutions), Usage())
    # Seconds are no field of every solution: who measures them keeps them beside the others.
    seconds = [(solution.model_extra or {}).get("seconds") for solution in solutions]
    known = [float(value) for value in seconds if isinstance(value, int | float)]
    return Cost(
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens or sum(turn.tokens for one in solutions for turn in one.trace),
        dollars=usage.cost,
        seconds=sum(known) if len(known) == len(solutions) else None,
    )
