"""Which workers there are, as the settings say."""

from __future__ import annotations

from contextlib import AbstractContextManager

from socratic_cli.settings import Spread
from socratic_cli.workers.local import Processes
from socratic_cli.workers.port import Pool, R, T, Work


def pool(work: Work[T, R], spread: Spread) -> AbstractContextManager[Pool[T, R]]:
    """Return the workers that `spread` asks for, to be opened.

    Raises:
        WorkerError: they cannot be started.
    """
    return Processes(work, spread.workers)
