"""Workers that are processes of this machine. One that dies is replaced, and what it had is told to whoever waits.

The parent reads, writes and decides; a process gets one item at a time, and sends back what came of it, or the fault.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Generic, Self

from socratic_cli.errors import SocraticError, WorkerError, WorkerGone
from socratic_cli.workers.port import R, T, Work

_log = logging.getLogger(__name__)
_READY = -1
"""The number of the message that says that a process has opened its work, or why it cannot."""
_STARTS = 3
"""Processes that may die one after the other in one place before any of them has begun."""


class Processes(Generic[T, R]):
    """A pool of processes; an item goes to the one with the fewest."""

    def __init__(self, work: Work[T, R], count: int) -> None:
        """Start them.

        Raises:
            WorkerError: the work cannot travel to another process.
        """
        self._work, self._threads = work, max(1, _cores() // count)
        self._stillborn: Counter[int] = Counter()
        self._workers = [self._started(number) for number in range(count)]
        self._cell: _Worker[T, R] | None = None
        self._one = asyncio.Lock()

    async def do(self, item: T, *, alone: bool = False) -> R:
        """Let a process do an item; see `Pool`."""
        if not alone:
            self._workers = [self._alive(worker) for worker in self._workers]
            return await min(self._workers, key=lambda worker: len(worker.waiting)).do(item)
        async with self._one:
            self._cell = self._alive(self._cell) if self._cell else self._started(len(self._workers))
            return await self._cell.do(item)

    def _started(self, number: int) -> _Worker[T, R]:
        return _Worker(self._work, number, self._threads)

    def _alive(self, worker: _Worker[T, R]) -> _Worker[T, R]:
        if worker.began:
            self._stillborn[worker.number] = 0
        if worker.ended is None:
            return worker
        self._stillborn[worker.number] += not worker.began
        if self._stillborn[worker.number] >= _STARTS:
            raise WorkerError(
                f"{_STARTS} workers died one after the other while they started, the last {worker.ended}: fewer"
                " --workers need less memory"
            )
        worker.stop()
        return self._started(worker.number)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        workers = [*self._workers, *([self._cell] if self._cell else [])]
        for worker in workers:
            worker.dismiss()
        for worker in workers:
            worker.stop()


class _Worker(Generic[T, R]):
    """The parent's end of one process. `ended` says how the process ended, once it has."""

    def __init__(self, work: Work[T, R], number: int, threads: int) -> None:
        # A fresh interpreter: a fork would share the parent's threads, locks and connections.
        context = get_context("spawn")
        self.number, self.began = number, False
        self.ended: str | None = None
        self.waiting: dict[int, asyncio.Future[R]] = {}
        self._numbers = itertools.count()
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, work, threads), daemon=True)
        try:
            self._process.start()
        except (TypeError, AttributeError) as fault:
            raise WorkerError(f"this work cannot be shared with --workers: {fault}") from fault
        other.close()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fault: Exception | None = None

    async def do(self, item: T) -> R:
        if self._fault is not None:
            raise self._fault
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            threading.Thread(target=_listen, args=(self._pipe, self._heard), daemon=True).start()
        number = next(self._numbers)
        result = self.waiting[number] = self._loop.create_future()
        try:
            # Where it is gone, whoever listens will hear so, and fail what waits.
            with suppress(OSError):
                self._pipe.send((number, item))
            found: R = await result
            return found
        finally:
            self.waiting.pop(number, None)

    def _heard(self, said: Any) -> None:
        """Take a message from the listening thread; None is the end of the process."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(self._settle, said)

    def _settle(self, said: tuple[int, Any, Exception | None] | None) -> None:
        if said is None:
            self._died()
            return
        number, value, fault = said
        if number == _READY:
            self.began, self._fault = True, fault
            for waits in self.waiting.values() if fault else ():
                _fail(waits, fault)
        elif (waiting := self.waiting.get(number)) is not None and not waiting.done():
            if fault is None:
                waiting.set_result(value)
            else:
                waiting.set_exception(fault)

    def _died(self) -> None:
        self._process.join()
        self.ended = _how(self._process.exitcode)
        told = f"worker {self.number + 1} was {self.ended}"
        _log.warning("%s; what it had (%d) goes to others, and a new one starts", told, len(self.waiting))
        for waits in self.waiting.values():
            _fail(waits, WorkerGone(told, began=self.began))

    def dismiss(self) -> None:
        with suppress(OSError):
            self._pipe.send(None)  # closing would not be heard while our own thread is reading

    def stop(self) -> None:
        self._process.join(timeout=5)
        self._process.kill()


def _fail(waiting: asyncio.Future[Any], fault: Exception | None) -> None:
    if fault is not None and not waiting.done():
        waiting.set_exception(fault)


def _how(code: int | None) -> str:
    if code is None or code >= 0:
        return f"ended with exit code {code}"
    name = signal.Signals(-code).name if -code in list(signal.Signals) else str(-code)
    return f"ended by {name}" + (" (memory ran out, or somebody sent it)" if -code == signal.SIGKILL else "")


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _listen(pipe: Connection, heard: Callable[[Any], None]) -> None:
    try:
        while True:
            heard(pipe.recv())
    except Exception:  # the end of the pipe, or what cannot be read from it: nothing more will come
        heard(None)


def _serve(pipe: Connection, work: Work[Any, Any], threads: int) -> None:
    """Be a worker: do what comes in, until the parent says so or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides how a run ends
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))  # all processes together have the cores of one
    asyncio.run(_served(pipe, work))


async def _served(pipe: Connection, work: Work[Any, Any]) -> None:
    loop = asyncio.get_running_loop()
    arrived: asyncio.Queue[tuple[int, Any] | None] = asyncio.Queue()

    def heard(asked: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: everything is over
            loop.call_soon_threadsafe(arrived.put_nowait, asked)

    def say(number: int, value: Any, fault: Exception | None = None) -> None:
        with suppress(OSError):  # the parent is gone
            pipe.send((number, value, fault))

    # It listens before it opens, which can take long: the parent must not wait to be rid of an item.
    threading.Thread(target=_listen, args=(pipe, heard), daemon=True).start()
    try:
        async with work.open() as do:
            say(_READY, None)
            await _until_the_end(arrived, do, say)
    except Exception as fault:
        say(_READY, None, _told(fault))
        while await arrived.get() is not None:
            pass


async def _until_the_end(
    arrived: asyncio.Queue[tuple[int, Any] | None],
    do: Callable[[Any], Any],
    say: Callable[[int, Any, Exception | None], None],
) -> None:
    async def one(number: int, item: Any) -> None:
        try:
            value, fault = await do(item), None
        except Exception as raised:  # it cannot be raised here, where nobody would see it
            value, fault = None, _told(raised)
        say(number, value, fault)

    tasks: set[asyncio.Task[None]] = set()
    while (asked := await arrived.get()) is not None:
        task = asyncio.ensure_future(one(*asked))
        tasks.add(task)
        task.add_done_callback(tasks.discard)


def _told(fault: Exception) -> Exception:
    """Return a fault as it is told to the parent; a bug may be of a class that the parent does not know."""
    return fault if isinstance(fault, SocraticError) else WorkerError(f"a worker failed: {fault!r}")
