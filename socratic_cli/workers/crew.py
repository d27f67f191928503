"""A crew: workers of one kind, with the dead replaced; an item goes to the one that has the fewest.

A kind says how a worker is started and spoken to. A crew decides, for processes and actors alike, who gets an item, how
an item comes to be alone, and when it is no use to start one more.
"""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable
from typing import Generic, Self

from socratic_cli.errors import WorkerError, WorkerGone
from socratic_cli.workers.port import R, T

_log = logging.getLogger(__name__)
_STARTS = 3
"""Workers that may die one after the other in one place before any of them has begun."""


class Worker(ABC, Generic[T, R]):
    """The parent's end of one worker.

    Attributes:
        place: its number among the workers, from 0.
        began: whether it has opened its work, or said why it cannot.
        ended: how it ended, once it has.
        open: the items that it has.
    """

    def __init__(self, place: int) -> None:
        self.place, self.began, self.open = place, False, 0
        self.ended: str | None = None
        self._empty = asyncio.Event()

    @property
    def here(self) -> bool:
        """Whether it is somewhere; one that waits for a machine, perhaps for ever, gets nothing."""
        return True

    async def do(self, item: T) -> R:
        """Do an item; see `Pool`."""
        self.open += 1
        try:
            return await self._do(item)
        finally:
            self.open -= 1
            if not self.open:
                self._empty.set()

    async def arrive(self) -> None:
        """Wait until it is somewhere; this one is from its start."""

    async def emptied(self) -> None:
        """Wait until it has nothing."""
        while self.open:
            self._empty.clear()
            await self._empty.wait()

    def lost(self, how: str) -> WorkerGone:
        """Note that it is dead; return what those are told who wait for it."""
        gone = f"worker {self.place + 1} was {how}"
        if self.ended is None:
            self.ended = how
            _log.warning("%s; what it had (%d) goes to others, and a new one starts", gone, self.open)
        return WorkerGone(gone, began=self.began)

    @abstractmethod
    async def _do(self, item: T) -> R: ...

    @abstractmethod
    def dismiss(self) -> None:
        """Tell it to end."""

    @abstractmethod
    def stop(self) -> None:
        """Make an end of it; one that was dismissed has a while to come to it by itself."""


class Crew(Generic[T, R]):
    """A pool of workers."""

    def __init__(self, start: Callable[[int], Worker[T, R]], count: int) -> None:
        """Start so many; `start` is given the place of a worker."""
        self._start = start
        self._stillborn: Counter[int] = Counter()
        self._workers = [start(place) for place in range(count)]
        self._lone: Worker[T, R] | None = None
        self._one = asyncio.Lock()

    async def do(self, item: T, *, alone: bool = False) -> R:
        """Let a worker do an item; see `Pool`."""
        if alone:
            return await self._alone(item)
        while not (free := [worker for worker in await self._here() if worker is not self._lone]):
            async with self._one:  # the only one that is here is alone with an item
                pass
        return await _least(free).do(item)

    async def _alone(self, item: T) -> R:
        """Empty a worker for an item: one more could have no room, where each takes a GPU or the last memory."""
        async with self._one:
            try:
                while self._lone is None:
                    self._lone = _least(await self._here())
                    await self._lone.emptied()
                    if self._lone.ended is not None:  # and another may have got its place
                        self._lone = None
                return await self._lone.do(item)
            finally:
                self._lone = None

    async def _here(self) -> list[Worker[T, R]]:
        """Return the workers that are somewhere; wait for the first one, where none is."""
        while not (here := [worker for worker in self._living() if worker.here]):
            await _arrival(self._workers)
        return here

    def _living(self) -> list[Worker[T, R]]:
        self._workers = [worker if worker is self._lone else self._alive(worker) for worker in self._workers]
        return self._workers

    def _alive(self, worker: Worker[T, R]) -> Worker[T, R]:
        if worker.began:
            self._stillborn[worker.place] = 0
        if worker.ended is None:
            return worker
        self._stillborn[worker.place] += not worker.began
        if self._stillborn[worker.place] >= _STARTS:
            raise WorkerError(
                f"{_STARTS} workers died one after the other while they started, the last {worker.ended}: fewer"
                " --workers need less memory"
            )
        worker.stop()
        return self._start(worker.place)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.dismiss()
        for worker in self._workers:
            worker.stop()


def _least(workers: list[Worker[T, R]]) -> Worker[T, R]:
    return min(workers, key=lambda worker: worker.open)


async def _arrival(workers: list[Worker[T, R]]) -> None:
    """Wait until one of them is somewhere."""
    coming = [asyncio.ensure_future(worker.arrive()) for worker in workers]
    try:
        await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for one in coming:
            one.cancel()
