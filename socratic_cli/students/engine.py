"""Many dialogues ask at once; each turn joins what is being written, and is answered when it ends."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from threading import Event

from socratic_cli.dialogue import Reply, Turn
from socratic_cli.prompts import PARAGRAPH, completion
from socratic_cli.settings import Decoding
from socratic_cli.students.generation import Request, Voice
from socratic_cli.students.scheduler import Scheduler
from socratic_cli.students.weighing import Weighing
from socratic_cli.students.writing import Writing

QUIET = 8
"""Rounds of the event loop without a new turn before the next token: a dialogue needs a few to ask again, and a
window to open the next problem. So what is written together depends on the problems, and not on the clock."""

_CHANGE = 1.5
"""A role that has so many times the work of the one that writes takes its place; adapters take a while to change."""


class Engine:
    """A student that replies.

    A worker lives as long as turns are waiting, so that one engine serves one event loop after another.
    """

    def __init__(self, voice: Callable[[str], Voice], decoding: Decoding) -> None:
        """Reply with what `voice` returns for a role."""
        self._voice, self._decoding = voice, decoding
        self._schedulers: dict[int, Scheduler] = {}
        self._asked: dict[int, tuple[Writing, asyncio.Future[Reply]]] = {}
        self._writer: Scheduler | None = None
        self._worker: asyncio.Task[None] | None = None
        self._halt = Event()
        self._arrived = 0

    async def reply(self, turn: Turn) -> Reply:
        """Reply to a turn.

        Raises:
            StudentError: the student was not trained for this role.
        """
        voice = self._voice(turn.role)
        writing = (Weighing if turn.options else Writing)(voice, self._request(turn), self._decoding)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        # Roles that one untrained model plays are written together.
        scheduler = self._schedulers.setdefault(id(voice), Scheduler(voice, self._decoding, self._halt))
        scheduler.waiting.append(writing)
        self._asked[id(writing)] = writing, future
        self._arrived += 1
        self._wake()
        return await future

    def close(self) -> None:
        """End what is being written."""
        self._halt.set()

    def _request(self, turn: Turn) -> Request:
        prompt, dropped = completion(turn), (PARAGRAPH,) if turn.instruction or turn.shots else ()
        seed = f"{self._decoding.seed}/{turn.sample}/{prompt}" if self._decoding.temperature else ""
        digest = hashlib.sha256(seed.encode()).digest()
        return Request(
            prompt,
            (*turn.stop, *dropped),
            dropped,
            int.from_bytes(digest[:8], "big"),
            turn.options,
            turn.role,
            turn.hear,
        )

    def _wake(self) -> None:
        loop = asyncio.get_running_loop()
        if self._worker is None or self._worker.done() or self._worker.get_loop() is not loop:
            self._worker = loop.create_task(self._work(loop))

    async def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        self._halt.clear()
        # What an earlier loop left behind can be answered to nobody.
        self._drop(lambda future: future.get_loop() is not loop)
        while True:
            await self._settle()
            self._drop(asyncio.Future.done)
            scheduler = self._next()
            if not scheduler.work:
                return
            await self._step(scheduler)

    def _next(self) -> Scheduler:
        """Return who writes next: the role with most to write, and not another one after every token."""
        most = max(self._schedulers.values(), key=lambda one: one.work)
        if self._writer is None or most.work > _CHANGE * self._writer.work:
            most.activate()
            self._writer = most
        return self._writer

    def _forget(self) -> None:
        self._schedulers.clear()
        self._asked.clear()
        self._writer = None

    async def _settle(self) -> None:
        """Wait until no new turns arrive."""
        quiet, known = 0, self._arrived
        while quiet < QUIET:
            await asyncio.sleep(0)
            quiet, known = (quiet + 1, known) if self._arrived == known else (0, self._arrived)

    def _drop(self, gone: Callable[[asyncio.Future[Reply]], bool]) -> None:
        dropped = [writing for writing, future in self._asked.values() if gone(future)]
        for writing in dropped:
            del self._asked[id(writing)]
        if dropped:
            for scheduler in self._schedulers.values():
                scheduler.drop(dropped)

    async def _step(self, scheduler: Scheduler) -> None:
        """Write one token of every reply, in a thread; whatever happens, nobody waits in vain."""
        try:
            ended = await asyncio.to_thread(scheduler.step)
        except asyncio.CancelledError:
            self._halt.set()  # the thread may still be at it: what it works on is left to it
            self._forget()
            raise
        except Exception as fault:
            for _, future in self._asked.values():
                if not future.done():
                    future.set_exception(fault)
            self._forget()
            return
        for writing in ended:
            _, future = self._asked.pop(id(writing))
            if not future.done():
                future.set_result(writing.reply())
