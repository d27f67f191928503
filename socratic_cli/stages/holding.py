"""Problems held out of the training: which ones, and how well a student does on them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Collection, Iterable

from socratic_cli.dialogue import Model, Passage, RehearsalError, merge
from socratic_cli.errors import InputError
from socratic_cli.notation import NotationError
from socratic_cli.parts import HeldOut, Scheme, Verification
from socratic_cli.records import Solution, fingerprint
from socratic_cli.stages.solve import solve
from socratic_cli.stages.verifying import judged_rightly


def apart(solutions: Iterable[Solution], count: int) -> tuple[list[Solution], list[Solution]]:
    """Split annotations into those that are trained on, and those of `count` problems that are not.

    Which problems these are depends on their questions alone, so that they stay the same whatever the scheme, and
    no question is on both sides.

    Raises:
        InputError: that leaves nothing to train on.
    """
    given = list(solutions)
    marks = {fingerprint(solution.problem.question) for solution in given}
    if len(marks) <= count:
        raise InputError(f"held_out={count} leaves nothing to train on: there are {len(marks)} problems")
    kept = set(sorted(marks, key=lambda mark: hashlib.sha256(mark.encode()).digest())[:count])
    sides: tuple[list[Solution], list[Solution]] = [], []
    for solution in given:
        sides[fingerprint(solution.problem.question) in kept].append(solution)
    return sides


def held(solutions: Iterable[Solution], scheme: Scheme) -> HeldOut:
    """Return what a student is to be measured by.

    Raises:
        InputError: none of the problems can be used for the scheme.
    """
    passages: list[Passage] = []
    usable: list[Solution] = []
    answers = ""
    for solution in solutions:
        if solution.correct is False and not scheme.learns_from_wrong:
            continue
        try:
            examples = scheme.examples(solution)
        except (NotationError, RehearsalError):
            continue
        passages += merge(examples)
        answers = examples[-1].role
        usable.append(solution)
    if not usable:
        raise InputError(f"none of the held-out problems can be used for the scheme {scheme.label!r}: hold out more")
    if isinstance(scheme, Verification):
        return HeldOut(tuple(passages), answers, lambda model, _: judged_rightly(usable, scheme, model))
    return HeldOut(tuple(passages), answers, _solved(usable, scheme, {passage.role for passage in passages}))


def _solved(solutions: list[Solution], scheme: Scheme, roles: set[str]) -> Callable[[Model, Collection[str]], float]:
    """Return who measures the share of problems that a model solves; of several solutions of one, the first counts."""
    firsts: dict[str, Solution] = {}
    for one in solutions:
        firsts.setdefault(one.problem.id, one)
    problems = [
        one.problem.model_copy(update={"steps": one.steps, "answer": one.problem.answer or one.answer})
        for one in firsts.values()
    ]

    def accuracy(model: Model, played: Collection[str]) -> float:
        async def correct() -> int:
            found = solve(problems, scheme, model, "student", oracle=sorted(roles.difference(played)))
            return sum([solution.correct is True async for solution in found])

        return asyncio.run(correct()) / len(problems)

    return accuracy
