"""Workers that are processes of this machine. Where one dies, what it had is told to whoever waits.

The parent reads, writes and decides; a process gets one item at a time, and sends back what came of it, or the fault.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any

from socratic_cli.errors import WorkerError
from socratic_cli.workers.crew import Crew, Worker
from socratic_cli.workers.port import R, T, Work, cores, told

_READY = -1
"""The number of the message that says that a process has opened its work, or why it cannot."""


class Processes(Crew[T, R]):
    """A pool of processes."""

    def __init__(self, work: Work[T, R], count: int) -> None:
        """Start them.

        Raises:
            WorkerError: the work cannot travel to another process.
        """
        threads = max(1, cores() // count)
        super().__init__(lambda place: _Process(work, place, threads), count)


class _Process(Worker[T, R]):
    """The parent's end of one process."""

    def __init__(self, work: Work[T, R], place: int, threads: int) -> None:
        # A fresh interpreter: a fork would share the parent's threads, locks and connections.
        context = get_context("spawn")
        super().__init__(place)
        self._waiting: dict[int, asyncio.Future[R]] = {}
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

    async def _do(self, item: T) -> R:
        if self._fault is not None:
            raise self._fault
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            threading.Thread(target=_listen, args=(self._pipe, self._heard), daemon=True).start()
        number = next(self._numbers)
        result = self._waiting[number] = self._loop.create_future()
        try:
            # Where it is gone, whoever listens will hear so, and fail what waits.
            with suppress(OSError):
                self._pipe.send((number, item))
            found: R = await result
            return found
        finally:
            self._waiting.pop(number, None)

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
            for waits in self._waiting.values() if fault else ():
                _fail(waits, fault)
        elif (waiting := self._waiting.get(number)) is not None and not waiting.done():
            if fault is None:
                waiting.set_result(value)
            else:
                waiting.set_exception(fault)

    def _died(self) -> None:
        self._process.join()
        gone = self.lost(_how(self._process.exitcode))
        for waits in self._waiting.values():
            _fail(waits, gone)

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
        say(_READY, None, told(fault))
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
            value, fault = None, told(raised)
        say(number, value, fault)

    tasks: set[asyncio.Task[None]] = set()
    while (asked := await arrived.get()) is not None:
        task = asyncio.ensure_future(one(*asked))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
