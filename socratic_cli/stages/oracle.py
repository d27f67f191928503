"""Roles that reply with the gold rationale, beside a model that plays the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from socratic_cli.dialogue import Model, RehearsalError, Reply, Turn, rehearse
from socratic_cli.errors import InputError, UsageError
from socratic_cli.notation import NotationError
from socratic_cli.parts import Scheme
from socratic_cli.records import Problem


class Oracle:
    """A model in which some roles reply with the gold rationale, the others with another model.

    A gold planner shows what guidance is worth, a gold decomposer whether a wrong answer is the solver's fault.
    """

    def __init__(self, model: Model, roles: Iterable[str], scheme: Scheme, problem: Problem) -> None:
        """Rehearse the gold rationale of `problem`.

        Raises:
            InputError: the problem has no gold rationale that the scheme can be made of.
            UsageError: the scheme has no such role.
        """
        self._model = model
        self._roles = frozenset(roles)
        self._gold = gold_replies(scheme, problem)
        for role in self._roles - set(self._gold):
            raise UsageError(f"{scheme.label} has no role {role!r} for an oracle: it has {', '.join(self._gold)}")

    async def reply(self, turn: Turn) -> Reply:
        """Reply with the next gold reply of an oracle's role, else with the model's."""
        if turn.role not in self._roles:
            return await self._model.reply(turn)
        gold = self._gold[turn.role]
        return Reply(gold.pop(0)) if gold else Reply("", finish_reason="length")


def gold_replies(scheme: Scheme, problem: Problem) -> dict[str, list[str]]:
    """Return what each role replies, turn by turn, where the gold rationale of a problem is written in a scheme.

    Raises:
        InputError: the problem has no gold rationale that the scheme can be made of.
    """
    replies: dict[str, list[str]] = defaultdict(list)
    try:
        examples = rehearse(scheme.solve(problem.blind()), scheme.replies(problem.rationale))
    except (NotationError, RehearsalError) as fault:
        raise InputError(f"problem {problem.id} has no gold rationale for an oracle: {fault}") from fault
    for example in examples:
        replies[example.role].append(example.completion)
    return dict(replies)
