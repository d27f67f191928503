"""When a request is sent again, and when it is of no use: the one layer of retries, for every teacher."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

from socratic_cli.errors import NotStored, TeacherBusy, TeacherError, TeacherUnusable
from socratic_cli.settings import Asking

_LONGEST = 60.0


class Breaker:
    """Tells a service that is down from a request that is at fault.

    While other requests are answered, a request that keeps failing is itself the reason, and is given up. Where
    nothing is answered, everything waits; for a service that never answered at all not for long, for one that did
    as long as the user has patience. Then the run is over, with the last thing the service said. `complaint` is what
    it said when it was last to be left alone for a while.
    """

    def __init__(self, backoff: float) -> None:
        """Begin with a service that has answered nothing yet."""
        self.broken: TeacherUnusable | None = None
        self.rounds = 0
        self.complaint: TeacherBusy | None = None
        self._backoff = backoff
        self._answered_at: float | None = None
        self._failed_at = 0.0

    def answered(self) -> None:
        """Note that the service answered."""
        self._answered_at = monotonic()
        self.rounds = 0

    def failed(self, sent: float) -> float:
        """Note a failure of a request sent at `sent`; return the seconds in which nobody should ask.

        That is none while others are answered. `rounds` counts how often nobody was: what was sent together fails
        together, and counts once.
        """
        if not self.is_out(sent):
            return 0.0
        if sent >= self._failed_at:
            self.rounds += 1
            self._failed_at = monotonic()
        return min(_LONGEST, self._backoff * 2.0 ** (self.rounds - 1))

    def is_out(self, since: float) -> bool:
        """Say whether nothing was answered since a time."""
        return self._answered_at is None or self._answered_at < since

    @property
    def never_answered(self) -> bool:
        """Whether the service answered nothing so far."""
        return self._answered_at is None

    def trip(self, fault: TeacherError) -> TeacherUnusable:
        """End the run: return what every request is told from now on."""
        self.broken = self.broken or (
            fault if isinstance(fault, TeacherUnusable) else TeacherUnusable(f"{fault} (every attempt failed)")
        )
        return self.broken


@dataclass
class Attempts:
    """The attempts of one request: how many failed, and whether and when another one makes sense.

    Patience begins with the first attempt: what is still waiting for its turn was refused nothing yet. When `stopped`,
    no further attempt is made.
    """

    asking: Asking
    breaker: Breaker
    stopped: Callable[[], bool]
    failed: int = 0
    _began: float | None = None

    def sent(self) -> float:
        """Note that an attempt is made; return the time."""
        now = monotonic()
        self._began = now if self._began is None else self._began
        return now

    def require(self, until: float = 0.0) -> None:
        """Refuse another attempt that is of no use, or that would have to wait until a time beyond patience.

        Raises:
            NotStored: the run was stopped, so nobody is to be asked.
            TeacherUnusable: the service is down, or wants to be left alone for longer than anybody waits.
            TeacherError: it wants to be left alone for longer than is left of this request's patience.
        """
        if self.breaker.broken:
            raise self.breaker.broken
        if self.stopped():
            raise NotStored("the run was stopped before this was replied to")
        if (wait := until - monotonic()) > max(0.0, self._patience):
            raise self._given_up(self.breaker.complaint or TeacherBusy("the service is to be left alone"), wait)

    def wait_after(self, fault: TeacherBusy) -> float:
        """Return the seconds to wait before the next attempt.

        Exponential backoff with full jitter (Brooker, 2015), or what the service asked for.

        Raises:
            TeacherUnusable: the service is down.
            TeacherError: it answers others, but not this request.
        """
        backoff = min(_LONGEST, self.asking.backoff * 2.0**self.failed)
        # A service that throttles is alive: to be told to wait is no failure of the request.
        self.failed += not fault.overloaded or fault.billed
        wait = random.uniform(backoff / 2, backoff)  # noqa: S311
        if fault.retry_after is not None:
            wait = max(fault.retry_after, wait / 10)
        if self.breaker.never_answered and self.breaker.rounds >= self.asking.attempts:
            raise self.breaker.trip(fault) from None
        if wait > self._patience:
            raise self._given_up(fault, wait) from None
        if self.failed >= self.asking.attempts and not self._is_out:
            raise TeacherError(f"{fault} (after {self.failed} attempts)") from None
        return wait

    @property
    def _patience(self) -> float:
        """The seconds that are left of it."""
        return self.asking.patience - (monotonic() - self._since)

    @property
    def _since(self) -> float:
        return monotonic() if self._began is None else self._began

    @property
    def _is_out(self) -> bool:
        return self.breaker.is_out(self._since)

    def _given_up(self, fault: TeacherBusy, wait: float) -> TeacherError:
        """Return the end of this request, which is that of the run where nobody is answered."""
        if fault.retry_after is None:
            return self.breaker.trip(fault) if self._is_out else TeacherError(str(fault))
        sentence = (
            f"{fault} (it asks to be left alone for {wait:.1f} s, and {max(0.0, self._patience):.1f} s are left of"
            f" --patience {self.asking.patience:g})"
        )
        return self.breaker.trip(TeacherUnusable(sentence)) if self._is_out else TeacherError(sentence)
