"""What workers are given and give back, whoever they are; and what becomes of an item whose worker dies."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

from socratic_cli.errors import SocraticError, WorkerError, WorkerGone

T = TypeVar("T")
R = TypeVar("R")
T_contra = TypeVar("T_contra", contravariant=True)
R_co = TypeVar("R_co", covariant=True)
Do = Callable[[T], Awaitable[R]]
"""Does an item."""

_TRIES = (False, False, True, True)
"""An item whose worker died is tried once more among others, and then alone: a neighbour may have been at fault."""


class Work(Protocol[T_contra, R_co]):
    """What every worker does. It travels to the worker, and opens there what it needs."""

    def open(self) -> AbstractAsyncContextManager[Callable[[T_contra], Awaitable[R_co]]]:
        """Open it, and return who does an item; many items are done at once."""
        ...


class Pool(Protocol[T_contra, R_co]):
    """Workers that share items."""

    async def do(self, item: T_contra, *, alone: bool = False) -> R_co:
        """Let a worker do an item, one that does nothing else if it is to be `alone`.

        Raises:
            WorkerGone: the worker died.
            WorkerError: workers cannot be started, or what they do has a bug.
            SocraticError: what the work raised.
        """
        ...


async def surely(pool: Pool[T, R], item: T, lost: Callable[[T, str], R]) -> R:
    """Let a pool do an item, again where its worker dies. `lost` says what becomes of one that kills every worker.

    Workers that die before they have begun say nothing about an item.
    """
    tries = list(_TRIES)
    while tries:
        try:
            return await pool.do(item, alone=tries[0])
        except WorkerGone as gone:
            fault = str(gone)
            if gone.began:
                tries.pop(0)
    return lost(item, f"each of the {len(_TRIES)} workers that had it died, the last two with nothing else: {fault}")


def told(fault: Exception) -> Exception:
    """Return a fault of the work as it is told to the parent: a bug may be of a class that the parent does not know."""
    return fault if isinstance(fault, SocraticError) else WorkerError(f"a worker failed: {fault!r}")


def cores() -> int:
    """Return the cores that this process may use, which its workers share."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
