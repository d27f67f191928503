"""Many dialogues ask at once; their turns are gathered into batches."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event

from socratic_cli.dialogue import Reply, Turn
from socratic_cli.prompts import PARAGRAPH, completion
from socratic_cli.settings import Decoding
from socratic_cli.students.generation import Request, Voice, write

QUIET = 8
"""Rounds of the event loop without a new turn before a batch is closed: a dialogue needs a few to ask again, and a
window to open the next problem."""


@dataclass(frozen=True, slots=True)
class _Waiting:
    role: str
    request: Request
    future: asyncio.Future[Reply]


class Engine:
    """A student that replies.

    A worker lives as long as turns are waiting, so that one engine serves one event loop after another.
    """

    def __init__(self, voice: Callable[[str], Voice], decoding: Decoding) -> None:
        """Reply with what `voice` returns for a role."""
        self._voice, self._decoding = voice, decoding
        self._waiting: list[_Waiting] = []
        self._worker: asyncio.Task[None] | None = None
        self._halt = Event()
        self._asked: Counter[str] = Counter()

    async def reply(self, turn: Turn) -> Reply:
        """Reply to a turn.

        Raises:
            StudentError: the student was not trained for this role.
        """
        self._voice(turn.role)
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Waiting(turn.role, self._request(turn), future))
        self._wake()
        return await future

    def close(self) -> None:
        """End what is being written."""
        self._halt.set()

    def _request(self, turn: Turn) -> Request:
        prompt, dropped = completion(turn), (PARAGRAPH,) if turn.instruction or turn.shots else ()
        # Asked again, a prompt is sampled anew: that is what voting over several chains needs.
        seed = f"{self._decoding.seed}/{self._asked[prompt]}/{prompt}" if self._decoding.temperature else ""
        self._asked[prompt] += bool(seed)
        digest = hashlib.sha256(seed.encode()).digest()
        return Request(prompt, (*turn.stop, *dropped), dropped, int.from_bytes(digest[:8], "big"))

    def _wake(self) -> None:
        loop = asyncio.get_running_loop()
        if self._worker is None or self._worker.done() or self._worker.get_loop() is not loop:
            # what an earlier loop left behind can be answered to nobody
            self._waiting = [one for one in self._waiting if one.future.get_loop() is loop]
            self._worker = loop.create_task(self._work())

    async def _work(self) -> None:
        while self._waiting:
            await self._settle()
            batch = self._take()
            if batch:
                await self._serve(batch)

    async def _settle(self) -> None:
        """Wait until no new turns arrive."""
        quiet, known = 0, len(self._waiting)
        while quiet < QUIET:
            await asyncio.sleep(0)
            quiet, known = (quiet + 1, known) if len(self._waiting) == known else (0, len(self._waiting))

    def _take(self) -> list[_Waiting]:
        """Take a batch of the role for which most turns wait, of like lengths."""
        self._waiting = [one for one in self._waiting if not one.future.done()]  # cancelled ones are dropped
        if not self._waiting:
            return []
        role, _ = Counter(one.role for one in self._waiting).most_common(1)[0]
        of_role = sorted((one for one in self._waiting if one.role == role), key=lambda one: len(one.request.prompt))
        batch = of_role[-self._decoding.batch_size :]
        taken = set(map(id, batch))
        self._waiting = [one for one in self._waiting if id(one) not in taken]
        return batch

    async def _serve(self, batch: list[_Waiting]) -> None:
        """Write the replies of a batch in a thread; whatever happens, nobody waits in vain."""
        self._halt = halt = Event()
        requests = [one.request for one in batch]
        try:
            voice = self._voice(batch[0].role)
            replies = await asyncio.to_thread(write, voice, requests, self._decoding, halt)
        except asyncio.CancelledError:
            halt.set()  # the thread ends after its present token
            for one in batch:
                one.future.cancel()
            raise
        except Exception as fault:
            for one in batch:
                if not one.future.done():
                    one.future.set_exception(fault)
            return
        for one, reply in zip(batch, replies, strict=True):
            if not one.future.done():
                one.future.set_result(reply)
