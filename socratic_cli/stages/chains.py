"""Chains that were kept, played once more: they are voted on or weighed without being written again."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from socratic_cli.dialogue import Reply, Turn, last_line
from socratic_cli.errors import InputError
from socratic_cli.records import Exchange, Problem, Solution, Usage

_Chain = tuple[str, str, int]
"""The id and the question of a problem, and the number of a chain."""


@dataclass(frozen=True)
class _Said:
    """A reply that was kept, and to what."""

    role: str
    prompt: str
    reply: Reply


class Chains:
    """A model that replies, in every chain of a problem, what is kept of that chain.

    Usage is that of the first writing, so that what a solved problem costs stays true.
    """

    def __init__(self, solutions: Iterable[Solution], source: str) -> None:
        """Keep the replies of solutions that are chains (`solve --keep-samples`); `source` is where they come from."""
        self._source = source
        self._kept = {_chain(one.problem, one.sample): deque(_said(one)) for one in solutions}

    async def reply(self, turn: Turn) -> Reply:
        """Reply with the next reply of the turn's chain.

        Raises:
            InputError: this chain of the problem is not kept, or was written in another scheme.
        """
        chain = self._kept.get(_chain(turn.problem, turn.sample))
        if chain is None:
            raise InputError(
                f"{self._source} holds no chain {turn.sample} of problem {turn.problem.id}: solve --keep-samples with"
                " as many --samples writes it, with --resume what is missing"
            )
        said = chain.popleft() if chain else None
        if said is None or (said.role, said.prompt) != (turn.role, last_line(turn.prompt)):
            raise InputError(
                f"{self._source}: chain {turn.sample} of problem {turn.problem.id} was written in another scheme, or by"
                " another version of it"
            )
        return said.reply


def _chain(problem: Problem, sample: int) -> _Chain:
    return problem.id, problem.question, sample


def _said(solution: Solution) -> Iterator[_Said]:
    """Yield the replies of a chain; what is known of the whole chain alone, prompts and cost, goes to the first."""
    usage = solution.usage.model_copy(update={"completion_tokens": 0})
    for exchange in solution.trace:
        yield _Said(exchange.role, exchange.prompt, _reply(exchange, usage))
        usage = Usage()


def _reply(exchange: Exchange, more: Usage) -> Reply:
    return Reply(
        exchange.reply,
        exchange.finish_reason,
        more + Usage(completion_tokens=exchange.tokens),
        calculator=exchange.calculator,
        shares=exchange.shares,
    )
