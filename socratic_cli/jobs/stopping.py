"""Ending a run that would lose something: the first signal ends it at a good moment, the second one at once."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from typing import Any, Self

_log = logging.getLogger(__name__)
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stop:
    """Catches Ctrl-C and termination while it is open, on the running event loop if there is one.

    After the first signal `is_set` is true, and the signals have their old meaning again.
    """

    def __init__(self, waits_for: str = "the replies in flight, which are paid for") -> None:
        """Begin unset; `waits_for` is told when the signal comes."""
        self.signal = 0
        self._waits_for = waits_for
        self._release: Callable[[], None] = lambda: None

    def is_set(self) -> bool:
        """Whether the run is to end."""
        return bool(self.signal)

    def __enter__(self) -> Self:
        try:
            self._release = self._on_loop(asyncio.get_running_loop())
        except NotImplementedError:
            pass  # a loop without signals
        except RuntimeError:
            self._release = self._on_process()
        except ValueError:
            pass  # not the main thread
        return self

    def _on_loop(self, loop: asyncio.AbstractEventLoop) -> Callable[[], None]:
        for number in _SIGNALS:
            loop.add_signal_handler(number, self._caught, number)

        def release() -> None:
            for number in _SIGNALS:
                loop.remove_signal_handler(number)

        return release

    def _on_process(self) -> Callable[[], None]:
        try:
            before = {number: signal.signal(number, self._caught) for number in _SIGNALS}
        except ValueError:  # not the main thread
            return lambda: None

        def release() -> None:
            for number, handler in before.items():
                signal.signal(number, handler)

        return release

    def _caught(self, number: int, _frame: Any = None) -> None:
        self.signal = number
        self.__exit__()
        _log.info("stopping: waiting for %s; once more to leave at once", self._waits_for)

    def __exit__(self, *_: object) -> None:
        release, self._release = self._release, lambda: None
        release()
