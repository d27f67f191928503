"""How many requests are in flight, and how often one is sent: never more than a service bears."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from time import monotonic

_FIRST = 8.0
_CUT = 0.5
_BLINK = 0.2

Require = Callable[[float], None]
"""Raises what ends a request, where it is of no use that it waits until a time."""


def _patient(_until: float) -> None:
    """Wait for whatever it takes."""


async def rest(until: float, require: Callable[[], None]) -> None:
    """Sleep until a time, and look now and then whether that is still of use: `require` raises where it is not."""
    require()
    while (left := until - monotonic()) > 0:
        await asyncio.sleep(min(left, _BLINK))
        require()


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
        self._waiting: deque[tuple[asyncio.Future[None], Require]] = deque()
        self._paused_until = 0.0
        self._cut_at = 0.0
        self._probing = True

    @asynccontextmanager
    async def slot(self, require: Require = _patient) -> AsyncIterator[float]:
        """Hold one of the slots; yields the time at which it was given, to be told to `overloaded`.

        Raises:
            Exception: what `require` raises, which is asked while the service is to be left alone.
        """
        await self._enter(require)
        try:
            while (until := self._paused_until) > monotonic():
                # looked at again after each blink, since a pause may be made longer
                require(until)
                await asyncio.sleep(min(until - monotonic(), _BLINK))
            require(0.0)
            yield monotonic()
        finally:
            self.in_flight -= 1
            self._admit()

    async def _enter(self, require: Require) -> None:
        if self.in_flight < int(self.limit) and not self._waiting:
            self.in_flight += 1
            return
        place = asyncio.get_running_loop().create_future()
        self._waiting.append((place, require))
        try:
            await place  # whoever admits it counts it as in flight
        except asyncio.CancelledError:
            if place.done() and not place.cancelled() and place.exception() is None:
                self.in_flight -= 1
                self._admit()
            raise

    def _admit(self) -> None:
        while self._waiting and self.in_flight < int(self.limit):
            place, _ = self._waiting.popleft()
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
            self._dismiss()

    def _dismiss(self) -> None:
        """Send away who cannot wait for the end of the pause, and would learn it only when others have waited."""
        for place, require in self._waiting:
            if place.done():
                continue
            try:
                require(self._paused_until)
            except Exception as fault:
                place.set_exception(fault)


class Pace:
    """A rate limit without bursts: an amount takes its share of the minute before the next one is let through."""

    def __init__(self, per_minute: float | None) -> None:
        """Allow so much a minute; None is no limit."""
        self._seconds_each = 60.0 / per_minute if per_minute else 0.0
        self._free_at = 0.0

    async def wait(self, amount: float = 1.0, require: Callable[[], None] = lambda: None) -> None:
        """Wait until an amount may be sent, and take it.

        Raises:
            Exception: what `require` raises, which is asked now and then.
        """
        if not self._seconds_each:
            return
        begin = max(self._free_at, monotonic())
        self._free_at = begin + amount * self._seconds_each
        await rest(begin, require)

    def correct(self, amount: float) -> None:
        """Take so much more, or give it back where it is negative: what was sent differed from what was thought."""
        self._free_at += amount * self._seconds_each
