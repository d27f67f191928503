"""Solutions as small students write them: gold rationales of real problems, broken in the ways in which they break."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from socratic_cli.records import Exchange, Problem, Rationale, Reason, Solution, Step, Usage
from socratic_cli.report import Fault

ARMS = {
    "cot shots=4": ("untrained", 0.60),
    "answer": ("answer", 0.55),
    "cot": ("cot", 0.80),
    "socratic-unified": ("socratic-unified", 0.81),
    "socratic": ("socratic", 0.83),
    "socratic ask=next": ("socratic-next", 0.82),
    "socratic guidance=equations": ("socratic-equations", 0.85),
    "socratic oracle": ("gold-questions", 0.90),
}
"""Scheme -> author, and how probable it is that a step is right."""

KINDS = ("bad subquestion", "wrong operation", "arithmetic slip", "wrong quantity", "stopped early", "asked too much")
_REASONS: tuple[Reason, ...] = ("truncated", "repeating", "unreadable")
_RESULT = re.compile(r"(<<[^=<>]+=)(\d+)(>>)(\d+)")


def solutions(problems: list[Problem], arms: int = 8, seed: int = 0) -> Iterator[Solution]:
    """Yield the solutions of some arms to all problems; the same seed gives the same ones."""
    for scheme, (author, skill) in list(ARMS.items())[:arms]:
        chance = random.Random(f"{seed} {author}")
        for problem in problems:
            yield solved(problem, scheme, author, skill, chance)


def fault_of(solution: Solution) -> Fault | None:
    """Return a first fault of a wrong solution, as plausible as the solution, and always the same."""
    if solution.correct is not False or solution.answer is None or not solution.steps:
        return None
    chance = random.Random(f"{solution.author} {solution.problem.id}")
    return Fault(chance.choice(KINDS), chance.randrange(len(solution.steps)), "a number from nowhere")


def solved(problem: Problem, scheme: str, author: str, skill: float, chance: random.Random) -> Solution:
    """Return a solution that is right in every step with the probability `skill`."""
    steps = [_written(step, scheme) for step in problem.steps]
    broken = [at for at in range(len(steps)) if chance.random() > skill]
    for at in broken:
        steps[at] = _slipped(steps[at], chance)
    answer = problem.answer if not broken else str(chance.randrange(1, 400))
    if chance.random() < 0.06:
        return _unanswered(problem, scheme, author, steps, chance)
    kept = () if scheme == "answer" else tuple(steps)
    return _solution(problem, scheme, author, Rationale(steps=kept, answer=answer), chance)


def _written(step: Step, scheme: str) -> Step:
    return step if scheme.startswith("socratic") else Step(solution=step.solution)


def _slipped(step: Step, chance: random.Random) -> Step:
    wrong = str(chance.randrange(2, 900))
    if chance.random() < 0.5:
        return step.model_copy(update={"solution": _RESULT.sub(rf"\g<1>{wrong}\g<3>{wrong}", step.solution)})
    return step.model_copy(update={"solution": f"It is 2*{wrong} = <<2*{wrong}={2 * int(wrong)}>>{2 * int(wrong)}."})


def _unanswered(problem: Problem, scheme: str, author: str, steps: list[Step], chance: random.Random) -> Solution:
    text = "\n".join(step.solution for step in steps)
    reply = Exchange(role="solver", prompt="Answer:", reply=text * 2, finish_reason="length", tokens=256)
    return Solution(
        problem=problem,
        scheme=scheme,
        author=author,
        correct=False,
        unanswered=chance.choice(_REASONS),
        usage=Usage(prompt_tokens=90, completion_tokens=256, cost=256 * 4e-7),
        trace=(reply,),
    ).model_copy(update={"seconds": 0.9})


def _solution(problem: Problem, scheme: str, author: str, rationale: Rationale, chance: random.Random) -> Solution:
    text = " ".join((step.subquestion or "") + step.solution for step in rationale.steps)
    turns = [
        Exchange(role="solver", prompt="Answer:", reply=step.solution, tokens=len(step.solution) // 3)
        for step in rationale.steps
    ]
    if "guidance" in scheme:
        turns.insert(0, Exchange(role="planner", prompt="Plan:", reply=" | ".join(_plan(rationale)), tokens=20))
    written = 4 + len(text) // 3
    return Solution(
        problem=problem,
        scheme=scheme,
        author=author,
        steps=rationale.steps,
        answer=rationale.answer,
        correct=rationale.answer == problem.answer,
        usage=Usage(prompt_tokens=80 + written, completion_tokens=written, cost=written * 4e-7),
        trace=tuple(turns),
    ).model_copy(update={"seconds": written * chance.uniform(0.002, 0.004)})


def _plan(rationale: Rationale) -> list[str]:
    return [match[1] + match[2] for step in rationale.steps for match in [_RESULT.search(step.solution)] if match]
