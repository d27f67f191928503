"""Problems held out of the training: which ones, and how well a student does on them."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Collection, Iterable

from socratic_cli.dialogue import Model, Passage, RehearsalError, merge, rehearse
from socratic_cli.errors import InputError
from socratic_cli.notation import NotationError
from socratic_cli.parts import HeldOut, Scheme
from socratic_cli.records import Solution, fingerprint
from socratic_cli.stages.solve import solve


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
    usable: dict[str, Solution] = {}
    answers = ""
    for solution in solutions:
        if solution.correct is False:
            continue
        try:
            examples = rehearse(scheme.solve(solution.problem.blind()), scheme.replies(solution.rationale))
        except (NotationError, RehearsalError):
            continue
        passages += merge(examples)
        answers = examples[-1].role
        usable.setdefault(solution.problem.id, solution)
    if not usable:
        raise InputError(f"none of the held-out problems can be used for the scheme {scheme.label!r}: hold out more")
    roles = {passage.role for passage in passages}
    problems = [
        one.problem.model_copy(update={"steps": one.steps, "answer": one.problem.answer or one.answer})
        for one in usable.values()
    ]

    def accuracy(model: Model, played: Collection[str]) -> float:
        async def correct() -> int:
            found = solve(problems, scheme, model, "student", oracle=sorted(roles.difference(played)))
            return sum([solution.correct is True async for solution in found])

        return asyncio.run(correct()) / len(problems)

    return HeldOut(tuple(passages), answers, accuracy)
