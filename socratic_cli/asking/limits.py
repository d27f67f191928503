"""How many requests are in flight, and how often one is sent: never more than a service bears."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from time import monotonic

_FIRST = 8.0
_CUT = 0.5


class Gate:
    """Adaptive concurrency: additive increase, multiplicative decrease, as TCP shares a line (Chiu, Jain, 1989).

    It begins with a few and doubles every round trip until the service first complains; from then on it grows by
    one a round trip. A complaint halves it, down to one, and requests sent before the cut cannot cut again.
    """

    def __init__(self, ceiling: int) -> None:
        """Begin with a few in flight, `ceiling` at most."""
        self.ceiling = ceiling
        self.limit = min(_FIRST, float(ceiling))
        self.in_flight = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._paused_until = 0.0
        self._cut_at = 0.0
        self._probing = True

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[float]:
        """Hold one of the slots; yields the time at which it was given, to be told to `overloaded`."""
        await self._enter()
        try:
            while (pause := self._paused_until - monotonic()) > 0:
                await asyncio.sleep(pause)
            yield monotonic()
        finally:
            self.in_flight -= 1
            self._admit()

    async def _enter(self) -> None:
        if self.in_flight < int(self.limit) and not self._waiting:
            self.in_flight += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append(place)
        try:
            await place  # whoever admits it counts it as in flight
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.in_flight -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting and self.in_flight < int(self.limit):
            place = self._waiting.popleft()
            if not place.done():
                self.in_flight += 1
                place.set_result(None)

    def replied(self) -> None:
        """Note that the service answered: more may be tried, if all that was allowed is in use."""
        if self.in_flight >= int(self.limit):
            self.limit = min(float(self.ceiling), self.limit + (1.0 if self._probing else 1.0 / self.limit))
            self._admit()

    def overloaded(self, sent: float, pause: float | None = None) -> None:
        """Note that the service complained about a request sent at `sent`, and how long it wants to be left alone."""
        if sent >= self._cut_at:
            self.limit = max(1.0, self.limit * _CUT)
            self._cut_at = monotonic()
            self._probing = False
        if pause:
            self._paused_until = max(self._paused_until, monotonic() + pause)


class Pace:
    """A rate limit without bursts: an amount takes its share of the minute before the next one is let through."""

    def __init__(self, per_minute: float | None) -> None:
        """Allow so much a minute; None is no limit."""
        self._seconds_each = 60.0 / per_minute if per_minute else 0.0
        self._free_at = 0.0

    async def wait(self, amount: float = 1.0) -> None:
        """Wait until an amount may be sent, and take it."""
        if not self._seconds_each:
            return
        begin = max(self._free_at, monotonic())
        self._free_at = begin + amount * self._seconds_each
        delay = begin - monotonic()
        if delay > 0:
            await asyncio.sleep(delay)

    def correct(self, amount: float) -> None:
        """Take so much more, or give it back where it is negative: what was sent differed from what was thought."""
        self._free_at += amount * self._seconds_each
