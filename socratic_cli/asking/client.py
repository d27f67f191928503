"""A teacher as it is asked: through a gate, at a pace, within a budget, again where that helps, and once a reply."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from time import monotonic
from typing import Any

from socratic_cli.asking.budget import Budget, highest_cost, require_price
from socratic_cli.asking.limits import Gate, Pace, rest
from socratic_cli.asking.replies import Key, Replies, key_of
from socratic_cli.asking.retries import Attempts, Breaker
from socratic_cli.dialogue import Model, Reply, Turn
from socratic_cli.errors import NotStored, TeacherBusy, TeacherError, TeacherUnusable
from socratic_cli.parts import Teacher
from socratic_cli.settings import Asking

_log = logging.getLogger(__name__)
# What prose in a Latin script comes to; only for pacing, where the truth is known a moment later.
_BYTES_PER_TOKEN = 4


class Client:
    """A model that asks a teacher. Replies that cost nothing go straight through.

    `replies` keeps what was said, and is asked first; without it nothing is kept. `ask` is who really asks, where
    that is not the teacher itself; `offline` asks nobody, and `faults` are then what else is
    known. When `stopped`, nothing more is sent: what is in flight is waited for, and the rest is not stored.
    """

    def __init__(
        self,
        teacher: Teacher,
        asking: Asking,
        replies: Replies | None = None,
        ask: Model | None = None,
        *,
        offline: bool = False,
        faults: Mapping[Key, TeacherError] | None = None,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        """Prepare to ask.

        Raises:
            UsageError: a budget is set and the price is not known.
        """
        require_price(teacher, asking.max_cost)
        self.teacher = teacher
        self.asking = asking
        self.replies = replies
        self.budget = Budget(asking.max_cost, replies.spent if replies is not None else 0.0)
        self.gate = Gate(asking.concurrency)
        self.breaker = Breaker(asking.backoff)
        self.retried = 0
        self._offline, self._faults, self._stopped = offline, faults or {}, stopped
        self._ask = ask or teacher
        self._requests = Pace(asking.requests_per_minute)
        self._tokens = Pace(asking.tokens_per_minute)
        self._written = float(teacher.longest)
        self._open: dict[Key, asyncio.Future[Reply]] = {}

    async def reply(self, turn: Turn) -> Reply:
        """Reply to a turn: what is stored, or else what the teacher says.

        Raises:
            TeacherError: the teacher gave no reply, though it was asked as often as makes sense.
            TeacherUnusable: it replies to nobody.
            BudgetReached: the reply could cost more than is left.
            NotStored: nobody is to be asked, or not any more.
        """
        if not self.teacher.paid:
            return await self._ask.reply(turn)
        request = self.teacher.request(turn)
        key = key_of(self.teacher.name, request, turn.sample)
        known = self.replies.get(key) if self.replies is not None else None
        if known is None and key in self._faults:
            raise self._faults[key]
        if known is None and self._offline:
            raise NotStored(f"no reply is stored for problem {turn.problem.id}")
        return known or await self._once(key, turn, request)

    async def _once(self, key: Key, turn: Turn, request: Mapping[str, Any]) -> Reply:
        """Ask, unless the very same is being asked already: then wait for that reply."""
        if key in self._open:
            return await asyncio.shield(self._open[key])
        self._open[key] = asyncio.get_running_loop().create_future()
        try:
            reply = await self._paid(turn, request)
            if self.replies is not None:
                await self.replies.put(key, turn, reply)
        except BaseException as fault:
            waiting = self._open.pop(key)
            if isinstance(fault, Exception):
                waiting.set_exception(fault)
                waiting.exception()  # nobody else may be waiting for it
            else:
                waiting.cancel()
            raise
        self._open.pop(key).set_result(reply)
        return reply

    async def _paid(self, turn: Turn, request: Mapping[str, Any]) -> Reply:
        size = len(json.dumps(request, ensure_ascii=False).encode("utf-8", "replace"))
        attempts = Attempts(self.asking, self.breaker, self._stopped)
        while True:
            try:
                return await self._attempt(turn, size, attempts)
            except TeacherBusy as fault:
                wait = attempts.wait_after(fault)
                _log.debug("problem %s: %s; again in %.1f s", turn.problem.id, fault, wait)
            except TeacherUnusable as fault:
                raise self.breaker.trip(fault) from None
            await rest(monotonic() + wait, attempts.require)
            self.retried += 1

    async def _attempt(self, turn: Turn, size: int, attempts: Attempts) -> Reply:
        most = highest_cost(self.teacher.price, size, self.teacher.longest)
        thought = size / _BYTES_PER_TOKEN + self._written
        async with self.gate.slot(attempts.require):
            await self._requests.wait(require=attempts.require)
            await self._tokens.wait(thought, attempts.require)
            await self.budget.reserve(most)
            cost, lost = 0.0, False
            try:
                attempts.require()
                sent = attempts.sent()
                reply = await self._ask.reply(turn)
                cost = reply.usage.cost
            except TeacherBusy as fault:
                lost = fault.billed
                self._complained(fault, sent)
                raise
            except asyncio.CancelledError:
                lost = True
                raise
            finally:
                self.budget.settle(most, cost, lost=lost)
            self._learn(reply, thought)
        return reply

    def _complained(self, fault: TeacherBusy, sent: float) -> None:
        """Take in a complaint about a request sent at a time: fewer are sent, and none as long as none should be."""
        pause = fault.retry_after if fault.overloaded else self.breaker.failed(sent)
        if pause:
            self.breaker.complaint = fault
        if pause or fault.overloaded:
            self.gate.overloaded(sent, pause)

    def _learn(self, reply: Reply, thought: float) -> None:
        """Take in a reply: the service works, and this is how long its replies are."""
        self.breaker.answered()
        self.gate.replied()
        wrote = reply.usage.completion_tokens
        self._written += (wrote - self._written) / 16
        self._tokens.correct(reply.usage.prompt_tokens + wrote - thought)
