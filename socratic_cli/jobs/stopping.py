"""Ending a run that pays for its replies: the first signal ends the sending, the second one the run."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import Self

_log = logging.getLogger(__name__)


class Stop:
    """Catches Ctrl-C and termination while it is open, on the running event loop.

    After the first signal `is_set` is true, and the signals have their old meaning again.
    """

    def __init__(self) -> None:
        """Begin unset."""
        self.signal = 0
        self._loop: asyncio.AbstractEventLoop | None = None

    def is_set(self) -> bool:
        """Whether the run is to end."""
        return bool(self.signal)

    def __enter__(self) -> Self:
        try:
            loop = asyncio.get_running_loop()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, self._caught, number)
            self._loop = loop
        except (NotImplementedError, RuntimeError, ValueError):
            pass  # not the main thread, or a system without signals
        return self

    def _caught(self, number: int) -> None:
        self.signal = number
        self._release()
        _log.info("stopping: waiting for the replies in flight, which are paid for; once more to leave them")

    def _release(self) -> None:
        loop, self._loop = self._loop, None
        if loop is not None:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def __exit__(self, *_: object) -> None:
        self._release()
