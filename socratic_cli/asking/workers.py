"""Workers that send requests, for a service that replies faster than one process can ask.

Gate, budget and store stay in the parent: a worker gets one turn, asks once, and sends back the reply or the fault.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NoReturn

from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import TeacherBusy, TeacherError, TeacherUnusable, WorkerError, WorkerGone
from socratic_cli.parts import Teacher
from socratic_cli.workers.port import Do, Pool, surely


@dataclass(frozen=True)
class Asked:
    """What a worker does: it asks a teacher."""

    teacher: Teacher

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Do[Turn, Reply]]:
        """Reply as the teacher does."""
        try:
            yield self.teacher.reply
        finally:
            await self.teacher.close()


@dataclass(frozen=True)
class Workers:
    """A model whose turns go to workers. What is paid for is asked again by whoever counts what is spent."""

    pool: Pool[Turn, Reply]
    paid: bool

    async def reply(self, turn: Turn) -> Reply:
        """Reply to a turn, or raise what the teacher raised in its worker.

        Raises:
            TeacherError: the teacher's own, or the worker has died; where nothing is paid, each that had the turn.
        """
        try:
            return await (self.pool.do(turn) if self.paid else surely(self.pool, turn, _given_up))
        except WorkerGone as gone:
            raise TeacherBusy(f"who sends requests has died: {gone}", billed=gone.began) from None
        except WorkerError as fault:
            raise TeacherUnusable(str(fault)) from fault


def _given_up(_turn: Turn, why: str) -> NoReturn:
    raise TeacherError(why)
