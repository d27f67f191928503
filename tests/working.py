"""Work for workers to be tested with: it lives in a module that a worker can import."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from socratic_cli.dialogue import Model, Reply, Turn
from socratic_cli.errors import StudentError
from socratic_cli.stages.window import as_finished
from socratic_cli.workers.port import Do, Pool, surely

POISON = "poison"
Said = tuple[str, int]
"""A word, and the process that said it back; or why nobody did, and 0."""


def said_by(pool: AbstractContextManager[Pool[str, Said]], words: list[str]) -> list[Said]:
    """Return what workers make of words, as they finish."""

    async def gathered(workers: Pool[str, Said]) -> list[Said]:
        one = partial(surely, workers, lost=lambda _, why: (why, 0))
        return [said async for said in as_finished(words, one, 8)]

    with pool as workers:
        return asyncio.run(gathered(workers))


@dataclass(frozen=True)
class Echo:
    """Says every word back with the number of its process; words tell it to fail, to die or to wait."""

    seconds: float = 0.0

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Do[str, tuple[str, int]]]:
        yield self.said

    async def said(self, word: str) -> tuple[str, int]:
        if word == POISON:
            os.kill(os.getpid(), signal.SIGKILL)
        if word == "bug":
            raise ZeroDivisionError
        if word == "fault":
            raise StudentError("told")
        await asyncio.sleep(self.seconds)
        return word, os.getpid()


@dataclass(frozen=True)
class Mortal:
    """A model that answers 5, and whose process dies of poison in a question."""

    async def reply(self, turn: Turn) -> Reply:
        await asyncio.sleep(0.05)
        if POISON in turn.prompt:
            os.kill(os.getpid(), signal.SIGKILL)
        return Reply("#### 5")


def mortal() -> AbstractContextManager[Model]:
    """Open it."""
    return nullcontext(Mortal())


def never(_question: str) -> bool:
    """Say that no question was seen."""
    return False


@dataclass(frozen=True)
class Surroundings:
    """Tells what its process sees of a variable, which is the word."""

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Do[str, tuple[str, int]]]:
        yield self.said

    async def said(self, word: str) -> tuple[str, int]:
        return os.environ.get(word, ""), os.getpid()


@dataclass(frozen=True)
class Unopened:
    """Cannot be opened: it raises, or its process dies."""

    dies: bool

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Do[str, tuple[str, int]]]:
        if self.dies:
            os.kill(os.getpid(), signal.SIGKILL)
        raise StudentError("no weights")
        yield Echo().said


@dataclass(frozen=True)
class DyingOnce:
    """Dies while it does the first item of all, and leaves a mark so that it dies once."""

    mark: Path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Do[str, tuple[str, int]]]:
        yield self.said

    async def said(self, word: str) -> tuple[str, int]:
        await asyncio.sleep(0.05)
        if not self.mark.exists():
            self.mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return word, os.getpid()


@dataclass(frozen=True)
class RoomForOne:
    """Opens in one process alone, as where memory holds one student: every other dies."""

    mark: Path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Do[str, tuple[str, int]]]:
        try:
            self.mark.touch(exist_ok=False)
        except FileExistsError:
            os.kill(os.getpid(), signal.SIGKILL)
        yield Echo(seconds=0.5).said
