"""Processes that send requests, for a service that replies faster than one process can ask.

Gate, budget and store stay in the parent: a worker gets one turn, asks once, and sends back the reply or the fault.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, Self

from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import TeacherBusy, TeacherError, TeacherUnusable
from socratic_cli.parts import Teacher

_Answered = tuple[int, Reply | TeacherError]


class Workers:
    """A model that hands each turn to the process with the fewest."""

    def __init__(self, teacher: Teacher, count: int) -> None:
        """Start the processes."""
        self._numbers = itertools.count()
        self._workers = [_Worker(teacher) for _ in range(count)]

    async def reply(self, turn: Turn) -> Reply:
        """Reply to a turn, or raise what the teacher raised in its process.

        Raises:
            TeacherError: the teacher's own, or the process has died.
        """
        worker = min(self._workers, key=lambda worker: len(worker.waiting))
        return await worker.ask(next(self._numbers), turn)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.stop()


class _Worker:
    """The parent's end of one process."""

    def __init__(self, teacher: Teacher) -> None:
        # A fresh interpreter: a fork would share the parent's threads, locks and connections.
        context = get_context("spawn")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other, teacher), daemon=True)
        self._process.start()
        other.close()
        self.waiting: dict[int, asyncio.Future[Reply]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None

    async def ask(self, number: int, turn: Turn) -> Reply:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            threading.Thread(target=_listen, args=(self._pipe, self._heard), daemon=True).start()
        answer = self.waiting[number] = self._loop.create_future()
        try:
            self._pipe.send((number, turn))
            reply: Reply = await answer
        except (BrokenPipeError, OSError):
            raise TeacherBusy("the process that sends requests has died", billed=True) from None
        finally:
            self.waiting.pop(number, None)
        return reply

    def _heard(self, answered: _Answered | None) -> None:
        """Take an answer from the listening thread; None is the end of the process."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._settle, answered)

    def _settle(self, answered: _Answered | None) -> None:
        if answered is None:
            for lost in self.waiting.values():
                _fail(lost, TeacherBusy("the process that sends requests has died", billed=True))
            return
        number, outcome = answered
        waiting = self.waiting.get(number)
        if waiting is None or waiting.done():
            return
        if isinstance(outcome, Reply):
            waiting.set_result(outcome)
        else:
            _fail(waiting, outcome)

    def stop(self) -> None:
        with suppress(OSError):
            self._pipe.send(None)  # closing would not be heard while our own thread is reading
        self._process.join(timeout=5)
        self._process.kill()


def _fail(waiting: asyncio.Future[Reply], fault: TeacherError) -> None:
    if not waiting.done():
        waiting.set_exception(fault)


def _listen(pipe: Connection, heard: Callable[[Any], None]) -> None:
    try:
        while True:
            heard(pipe.recv())
    except (EOFError, OSError):
        heard(None)


def _serve(pipe: Connection, teacher: Teacher) -> None:
    """Be a worker: ask what comes in, until the parent closes its end or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides how a run ends
    asyncio.run(_served(pipe, teacher))


async def _served(pipe: Connection, teacher: Teacher) -> None:
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    tasks: set[asyncio.Task[None]] = set()

    async def one(number: int, turn: Turn) -> None:
        outcome: Reply | TeacherError
        try:
            outcome = await teacher.reply(turn)
        except TeacherError as fault:
            outcome = fault
        except Exception as bug:  # it cannot be raised here, where nobody would see it
            outcome = TeacherUnusable(f"a process that sends requests failed: {bug!r}")
        pipe.send((number, outcome))

    def begin(asked: tuple[int, Turn] | None) -> None:
        if asked is None:
            ended.set()
            return
        task = asyncio.ensure_future(one(*asked))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    def heard(asked: Any) -> None:
        loop.call_soon_threadsafe(begin, asked)

    threading.Thread(target=_listen, args=(pipe, heard), daemon=True).start()
    await ended.wait()
    await teacher.close()
