"""Annotating through a batch service: what is missing is submitted, waited for, and stored like any other reply.

Rounds: every problem is played with the stored replies; what lacks one is put into a batch; when the batch is done
its replies are stored, and the next round asks what they made possible (a second turn, another sample). Batches are
written down before they are submitted, so a run that was killed finds them again and pays for none twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TypeVar

from socratic_cli import jsonl
from socratic_cli.asking.budget import highest_cost
from socratic_cli.asking.replies import Key, Replies, key_of
from socratic_cli.dialogue import Model, Reply, Turn
from socratic_cli.errors import BudgetReached, NotStored, TeacherBusy, TeacherError, TeacherUnusable
from socratic_cli.parts import Batches, BatchState, Teacher
from socratic_cli.records import Problem
from socratic_cli.settings import Asking

_log = logging.getLogger(__name__)
_TRIES = 6
_BLINK = 0.2

T = TypeVar("T")
Played = Callable[[Model], Awaitable[None]]


@dataclass
class Gathered:
    """The requests of one batch that is to be."""

    turns: dict[Key, Turn] = field(default_factory=dict)
    lines: list[bytes] = field(default_factory=list)
    size: int = 0
    highest: float = 0.0

    @property
    def tag(self) -> str:
        """A name for exactly these requests."""
        return hashlib.sha256(b"".join(self.lines)).hexdigest()[:24]


class Gatherer:
    """A model that replies from the store, and notes what is missing as far as batch and budget hold it."""

    def __init__(self, teacher: Teacher, batches: Batches, replies: Replies, left: float | None) -> None:
        """Begin with an empty batch; `left` US dollars may be spent on it."""
        self.faults: dict[Key, TeacherError] = {}
        self.gathered = Gathered()
        self.too_dear = 0.0
        self._teacher, self._batches, self._replies, self._left = teacher, batches, replies, left

    async def reply(self, turn: Turn) -> Reply:
        """Reply from the store.

        Raises:
            NotStored: it is not there yet.
            TeacherError: the batch service could not reply to it.
        """
        key = key_of(self._teacher.name, self._teacher.request(turn), turn.sample)
        if (known := self._replies.get(key)) is not None:
            return known
        if key in self.faults:
            raise self.faults[key]
        self._gather(key, turn)
        raise NotStored(f"no reply is stored for problem {turn.problem.id}")

    def _gather(self, key: Key, turn: Turn) -> None:
        into = self.gathered
        if key in into.turns or len(into.lines) >= self._batches.max_requests:
            return
        line = json.dumps(self._batches.line(key, turn)).encode() + b"\n"
        most = highest_cost(self._batches.price, len(line), self._teacher.longest)
        if self._left is not None and into.highest + most > self._left:
            self.too_dear = most
        elif into.size + len(line) <= self._batches.max_bytes:
            into.turns[key] = turn
            into.lines.append(line)
            into.size += len(line)
            into.highest += most


class Batched:
    """The batches of one output, and the file in which they are written down."""

    def __init__(self, teacher: Teacher, replies: Replies, asking: Asking) -> None:
        """Prepare to submit.

        Raises:
            TeacherUnusable: the teacher has no batch service.
        """
        if teacher.batches is None:
            raise TeacherUnusable(f"{teacher.label} has no batch service")
        self.faults: dict[Key, TeacherError] = {}
        self._teacher, self._batches, self._replies = teacher, teacher.batches, replies
        self._max_cost, self._poll, self._patience = asking.max_cost, asking.poll, asking.patience
        self._book = _Book(replies.path.with_name(replies.path.name.removesuffix(".jsonl") + ".batches.jsonl"))

    async def fill(self, played: Played, stopped: Callable[[], bool]) -> None:
        """Submit batches until every reply that `played` asks for is stored, or known not to come.

        Raises:
            BudgetReached: the next request could cost more than is left.
            TeacherError: the service failed.
        """
        for tag, batch in self._book.open():
            found = batch or await self._asked(partial(self._batches.find, tag))
            if found is not None:
                await self._collect(tag, found, {}, stopped)
        while True:
            left = None if self._max_cost is None else self._max_cost - self._replies.spent
            gatherer = Gatherer(self._teacher, self._batches, self._replies, left)
            gatherer.faults = self.faults
            await played(gatherer)
            gathered = gatherer.gathered
            if not gathered.lines:
                break
            await self._submit(gathered, stopped)
        if gatherer.too_dear:
            raise BudgetReached(
                f"the budget of ${self._max_cost:g} is reached: ${self._replies.spent:.4f} are spent, and the next"
                f" request of a batch could cost ${gatherer.too_dear:.4f}. Everything paid for is kept"
            )

    async def _submit(self, gathered: Gathered, stopped: Callable[[], bool]) -> None:
        tag = gathered.tag
        self._book.write(tag, "planned", requests=len(gathered.lines))
        # Not tried twice by itself: whether a submission that was not answered came through is asked first.
        try:
            batch = await self._batches.submit(b"".join(gathered.lines), tag)
        except TeacherBusy:
            found = await self._asked(partial(self._batches.find, tag))
            batch = found or await self._batches.submit(b"".join(gathered.lines), tag)
        self._book.write(tag, "submitted", batch=batch)
        _log.info("batch %s: %d requests submitted", batch, len(gathered.lines))
        await self._collect(tag, batch, gathered.turns, stopped)

    async def _collect(self, tag: str, batch: str, turns: dict[Key, Turn], stopped: Callable[[], bool]) -> None:
        """Wait for a batch and store what it brings."""
        state = await self._asked(partial(self._batches.state, batch))
        while not state.done:
            _log.info("batch %s: %d of %d requests are done", batch, state.finished, state.total)
            await self._wait(stopped)
            state = await self._asked(partial(self._batches.state, batch))
        got = await self._store(state, turns)
        self._book.write(tag, "collected", replies=got)
        if state.fault:
            _log.warning("%s", state.fault)
            if not got:
                raise TeacherUnusable(f"{self._teacher.label}: {state.fault}")

    async def _store(self, state: BatchState, turns: dict[Key, Turn]) -> int:
        results = await self._asked(partial(self._batches.results, state))
        puts = []
        for key, result in results:
            if isinstance(result, TeacherError):
                self.faults[key] = result
            elif self._replies.get(key) is None:
                puts.append(self._replies.put(key, turns.get(key) or _forgotten(), result))
        await asyncio.gather(*puts)
        return len(puts)

    async def _wait(self, stopped: Callable[[], bool]) -> None:
        """Wait for the next look.

        Raises:
            NotStored: the user wants to wait no longer; the batch goes on without us.
        """
        until = monotonic() + self._poll
        while (left := until - monotonic()) > 0:
            if stopped():
                raise NotStored("the batch is not done")
            await asyncio.sleep(min(left, _BLINK))

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask the service something that costs nothing, again where it is busy."""
        for failed in range(_TRIES):
            try:
                return await ask()
            except TeacherBusy as fault:
                if failed == _TRIES - 1 or (fault.retry_after or 0.0) > self._patience:
                    raise
                await asyncio.sleep(fault.retry_after or min(self._poll, 2.0**failed))
        raise AssertionError


def _forgotten() -> Turn:
    """Stand for the turn of a request that an earlier run submitted."""
    return Turn("teacher", "", Problem(id="", question=""))


class _Book:
    """The file in which batches are written down: planned, submitted, collected."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def write(self, tag: str, event: str, **more: object) -> None:
        with jsonl.Writer(self._path) as writer:
            writer.write({"tag": tag, "event": event, **more})
            writer.sync()

    def open(self) -> Iterator[tuple[str, str | None]]:
        """Yield the batches that were planned and not collected, with their id where it is known."""
        if not self._path.exists():
            return
        jsonl.take_off_torn_line(self._path)
        found: dict[str, str | None] = {}
        for line in jsonl.read(self._path, lambda line: line.value):
            if line["event"] == "collected":
                found.pop(line["tag"], None)
            else:
                found[line["tag"]] = line.get("batch")
        yield from found.items()
