"""Workers that are actors of a Ray cluster: on any of its machines, one or several to a GPU.

Actors behind the port of pools, and not Ray Data: that hands out blocks, and where a problem kills its actor it tries
the block again and again, neighbours and all, without an end (tried with Ray 2.60); it cannot let one item be done
alone; and `annotate` gives out turns of dialogues that are open here, not rows. Taken from Ray is a worker's place: the
machine and the GPU that it gets, its start there, and the word that it died. Who gets what is the crew's.
"""

from __future__ import annotations

import asyncio
import os
import platform
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import AsyncExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

from socratic_cli import __version__
from socratic_cli.errors import WorkerError
from socratic_cli.settings import Spread
from socratic_cli.workers import cluster  # before Ray, which it tells to be quiet
from socratic_cli.workers.crew import Crew, Worker
from socratic_cli.workers.port import Do, Pool, R, T, Work, told

# isort: split
import ray
from ray.exceptions import RayError, RayTaskError

_OPEN = 10_000
"""Items that an actor can have at once."""
_OF_A_MACHINE = ("CUDA_", "HIP_", "LD_", "MKL_", "OMP_", "PYTHON", "RAY_", "ROCR_", "SLURM_")
"""How variables begin that are about a machine or its scheduler, and stay there."""


@contextmanager
def actors(work: Work[T, R], spread: Spread, *, computes: bool) -> Iterator[Pool[T, R]]:
    """Open a pool of actors, in the cluster that this process has joined already, or else for its own time.

    Raises:
        WorkerError: no cluster answers, it is ours and too small, or the work cannot travel.
    """
    with cluster.joined() as ours:
        needs = cluster.needs(spread, computes=computes, ours=ours)
        if ours:
            cluster.require_room(spread.workers, needs)
        try:
            sent = ray.put(work)
        except TypeError as fault:
            raise WorkerError(f"this work cannot be shared with --workers: {str(fault).splitlines()[0]}") from fault
        kind = ray.remote(_Served).options(max_concurrency=_OPEN, **needs)
        placed: list[Future[None]] = []

        def start(place: int) -> _Actor[T, R]:
            actor = _Actor[T, R](kind, sent, place)
            placed.append(actor.placed)
            return actor

        with Crew(start, spread.workers) as crew:
            cluster.await_places(placed[:], needs)
            yield crew


class _Actor(Worker[T, R]):
    """The parent's end of one actor."""

    def __init__(self, kind: Any, work: Any, place: int) -> None:
        super().__init__(place)
        self._actor = kind.remote(str(Path.cwd()), _environment())
        self.placed: Future[None] = self._actor.found.remote().future()
        self._opened = self._actor.open.remote(work, _versions())
        self._closed: Any = None

    @property
    def here(self) -> bool:
        """One that died on its way is here too, and what it is given next learns of it."""
        return self.placed.done()

    async def arrive(self) -> None:
        # Shielded: who waits no longer does not call off the word itself.
        with suppress(RayError):
            await asyncio.shield(asyncio.wrap_future(self.placed))

    async def _do(self, item: T) -> R:
        try:
            # Not before it is open: what an item is told then has nothing to do with the item.
            fault = None if self.began else await self._opened
            self.began = True
            if fault is None:
                value, fault = await self._actor.do.remote(item)
        except RayTaskError as bug:
            raise WorkerError(f"a worker failed: {bug.cause!r}") from None
        except RayError as gone:
            raise self.lost(_how(gone)) from None
        if fault is not None:
            raise fault
        found: R = value
        return found

    def dismiss(self) -> None:
        if self.here and self.ended is None:
            self._closed = self._actor.close.remote()

    def stop(self) -> None:
        if self._closed is not None:
            ray.wait([self._closed], timeout=5)
        ray.kill(self._actor)


def _how(gone: RayError) -> str:
    """Return Ray's word on how an actor ended: the last line, without advice."""
    line = (str(gone).strip().splitlines() or [type(gone).__name__])[-1]
    return f"lost: {line.partition(' Some common causes')[0].partition('Worker exit detail: ')[2] or line}"[:300]


def _environment() -> dict[str, str]:
    """Return the variables that go along, as keys of services must."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OF_A_MACHINE)}


def _versions() -> str:
    return f"socratic {__version__}, Python {platform.python_version()}"


class _Served:
    """The worker's end: an actor, which opens the work once and does many items at once."""

    def __init__(self, folder: str, environment: Mapping[str, str]) -> None:
        """Take the parent's folder, if it is here too, and those of its variables that this machine does not set.

        Not in `open`: calls of an actor may overtake one another, and none overtakes this.
        """
        with suppress(OSError):
            os.chdir(folder)
        for name, value in environment.items():
            os.environ.setdefault(name, value)
        self._files = AsyncExitStack()
        self._do: Do[Any, Any] | None = None

    async def found(self) -> None:
        """Say that it is there."""

    async def open(self, work: Work[Any, Any], versions: str) -> Exception | None:
        """Open the work; return why that cannot be done."""
        if versions != _versions():
            return WorkerError(f"{platform.node()} has {_versions()}, and here is {versions}: results could differ")
        try:
            self._do = await self._files.enter_async_context(work.open())
        except Exception as fault:
            return told(fault)
        return None

    async def do(self, item: Any) -> tuple[Any, Exception | None]:
        """Return what came of an item, or the fault."""
        assert self._do is not None
        try:
            return await self._do(item), None
        except Exception as fault:
            return None, told(fault)

    async def close(self) -> None:
        """Close the work."""
        await self._files.aclose()
