"""Many dialogues ask at once; each turn joins what is being written, and is answered when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import Event
from typing import Generic, TypeVar

from socratic_cli.dialogue import Reply, Turn
from socratic_cli.settings import Decoding
from socratic_cli.students.multiple_choice import MultipleChoice
from socratic_cli.students.requests import requested
from socratic_cli.students.scribe import Scribe, Speaker
from socratic_cli.students.writing import Writing

QUIET = 8
"""Rounds of the event loop without a new turn before the next token: a dialogue needs a few to ask again, and a
window to open the next problem. So what is written together depends on the problems, and not on the clock."""

_CHANGE = 1.5
"""A role that has so many times the work of the one that writes takes its place; adapters take a while to change."""


S = TypeVar("S", bound=Speaker)


class Engine(Generic[S]):
    """A student that replies.

    A worker lives as long as turns are waiting, so that one engine serves one event loop after another.
    """

    def __init__(
        self, speaker: Callable[[str], S], scribe: Callable[[S, Decoding, Event], Scribe], decoding: Decoding
    ) -> None:
        """Let whoever `speaker` returns for a role reply, and the `scribe` made for it write; an event halts it."""
        self._speaker, self._scribe, self._decoding = speaker, scribe, decoding
        self._scribes: dict[int, Scribe] = {}
        self._asked: dict[int, tuple[Writing, asyncio.Future[Reply]]] = {}
        self._writer: Scribe | None = None
        self._worker: asyncio.Task[None] | None = None
        self._halt = Event()
        self._arrived = 0

    async def reply(self, turn: Turn) -> Reply:
        """Reply to a turn.

        Raises:
            StudentError: the student was not trained for this role.
        """
        speaker = self._speaker(turn.role)
        request = requested(turn, self._decoding)
        writing = (MultipleChoice if turn.options else Writing)(speaker.language, request, self._decoding)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        # Roles that one untrained model plays are written together.
        scribe = self._scribes.get(id(speaker))
        if scribe is None:
            scribe = self._scribes[id(speaker)] = self._scribe(speaker, self._decoding, self._halt)
        scribe.add(writing)
        self._asked[id(writing)] = writing, future
        self._arrived += 1
        self._wake()
        return await future

    def close(self) -> None:
        """End what is being written."""
        self._halt.set()

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
            scribe = self._next()
            if not scribe.work:
                return
            await self._step(scribe)

    def _next(self) -> Scribe:
        """Return who writes next: the role with most to write, and not another one after every token."""
        most = max(self._scribes.values(), key=lambda one: one.work)
        if self._writer is None or most.work > _CHANGE * self._writer.work:
            most.activate()
            self._writer = most
        return self._writer

    def _forget(self) -> None:
        self._scribes.clear()
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
            for scribe in self._scribes.values():
                scribe.drop(dropped)

    async def _step(self, scribe: Scribe) -> None:
        """Write one token of every reply, in a thread; whatever happens, nobody waits in vain."""
        try:
            ended = await asyncio.to_thread(scribe.step)
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
