"""Which workers there are, as the settings say."""

from __future__ import annotations

from contextlib import AbstractContextManager
from importlib.util import find_spec

from socratic_cli.errors import MissingPackage
from socratic_cli.settings import Spread
from socratic_cli.workers.local import Processes
from socratic_cli.workers.port import Pool, R, T, Work


def require(spread: Spread) -> None:
    """Refuse workers whose package is not installed, before anything is begun.

    Raises:
        MissingPackage: it is not.
    """
    if spread.engine == "ray" and find_spec("ray") is None:
        raise MissingPackage("--engine ray", "ray")


def pool(work: Work[T, R], spread: Spread, *, computes: bool) -> AbstractContextManager[Pool[T, R]]:
    """Return the workers that `spread` asks for, to be opened; work that computes is given GPUs where there are some.

    Raises:
        WorkerError: they cannot be started.
    """
    if spread.engine == "ray":
        from socratic_cli.workers.actors import actors

        return actors(work, spread, computes=computes)
    return Processes(work, spread.workers)
