"""`socratic annotate` on files: replies are kept before they are read, so whatever ends a run, the next one goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass

from socratic_cli.asking.batches import Batched
from socratic_cli.asking.budget import require_price
from socratic_cli.asking.client import Client
from socratic_cli.asking.replies import Replies
from socratic_cli.asking.workers import Asked, Workers
from socratic_cli.dialogue import Model
from socratic_cli.errors import Interrupted, NotStored, OutputError, TeacherError, UsageError
from socratic_cli.jobs.annotations import Annotations
from socratic_cli.jobs.outputs import Again, started
from socratic_cli.jobs.paths import Paths
from socratic_cli.jobs.stopping import Stop
from socratic_cli.jobs.tally import Report, Tally
from socratic_cli.parts import Scheme, Teacher
from socratic_cli.records import Problem
from socratic_cli.settings import Annotation, Asking
from socratic_cli.stages.annotate import Annotated, annotate
from socratic_cli.workers.pools import pool, require

# Open problems beyond the requests in flight: some are always being parsed, written or put on the disk.
_SLACK = 1.25


def annotate_file(
    problems: Iterable[Problem],
    scheme: Scheme,
    teacher: Teacher,
    paths: Paths,
    report: Report,
    annotation: Annotation | None = None,
    asking: Asking | None = None,
    *,
    resume: bool = False,
    overwrite: bool = False,
    reparse: bool = False,
) -> Tally:
    """Annotate problems into files. `reparse` makes the files anew from stored replies and asks nobody.

    Raises:
        OutputError: a file exists and cannot be gone on with, or is being written by another run.
        BudgetReached: `max_cost` is reached; everything paid for is kept.
        Interrupted: Ctrl-C, or a termination; what was in flight was waited for.
    """
    annotation, asking = annotation or Annotation(), asking or Asking()
    _require_samples(teacher, annotation)
    require(asking)
    source = started(problems)
    require_price(teacher, asking.max_cost)
    with ExitStack() as files:
        replies = files.enter_context(Replies(paths.replies_of(teacher, scheme))) if teacher.paid else None
        author = (scheme.label, teacher.label)
        outputs = files.enter_context(Annotations(paths.out, paths.rejects, author, resume, overwrite or reparse))
        shared = pool(Asked(teacher), asking, computes=False) if asking.shared else None
        ask = Workers(files.enter_context(shared), teacher.paid) if shared is not None else None
        tally = Tally(spent_before=replies.spent if replies is not None else 0.0)
        job = _Job(scheme, teacher, annotation, asking, outputs, report, tally, replies, ask, reparse)
        asyncio.run(job.run(source))
        if reparse and tally.waiting and not tally.done:
            raise OutputError(
                f"none of the {tally.waiting} problems has a stored reply to what {teacher.label} would be asked, so"
                f" {paths.out} stays as it is: give --reparse the options of the run that asked"
            )
        outputs.sync()
    return tally


def _require_samples(teacher: Teacher, annotation: Annotation) -> None:
    tries = max(annotation.samples, annotation.until_correct or 1)
    if tries > 1 and not teacher.sampled:
        raise UsageError(
            f"{tries} samples at temperature 0 would buy the same reply {tries} times: give the teacher a temperature,"
            f' --teacher "{teacher.label} temperature=0.7"'
        )


@dataclass
class _Job:
    scheme: Scheme
    teacher: Teacher
    annotation: Annotation
    asking: Asking
    outputs: Annotations
    report: Report
    tally: Tally
    replies: Replies | None
    ask: Workers | None
    offline: bool

    async def run(self, problems: Iterable[Problem]) -> None:
        try:
            with Stop() as stop:
                faults: Mapping[str, TeacherError] = {}
                if self.asking.batch and not self.offline:
                    problems = Again(problems)
                    faults = await self._batched(problems, stop)
                client = Client(
                    self.teacher,
                    self.asking,
                    self.replies,
                    self.ask,
                    offline=self.offline or self.asking.batch,
                    faults=faults,
                    stopped=stop.is_set,
                )
                await self._annotate(problems, client, stop)
            if stop.is_set():
                raise Interrupted("stopped: what was in flight was waited for; the same command goes on", stop.signal)
        finally:
            await self.teacher.close()

    async def _annotate(self, problems: Iterable[Problem], client: Client, stop: Stop) -> None:
        try:
            async for result in self._annotated(self._remaining(problems), client, stop):
                for outcome in result.outcomes:
                    self.outputs.write(outcome)
                self.tally.annotated(result)
                self._show(client)
        finally:
            self._show(client)

    def _annotated(self, problems: Iterable[Problem], model: Model, stop: Stop) -> AsyncIterator[Annotated]:
        return annotate(
            problems,
            self.scheme,
            model,
            self.teacher.label,
            self.annotation,
            width=int(self.asking.concurrency * _SLACK) + 1,
            stopped=stop.is_set,
        )

    async def _batched(self, problems: Iterable[Problem], stop: Stop) -> Mapping[str, TeacherError]:
        """Let the batch service reply to everything that is missing; return what it could not reply to."""
        if self.replies is None:
            raise UsageError(f"--batch: {self.teacher.label} has no batch service")
        batched = Batched(self.teacher, self.replies, self.asking)

        async def played(model: Model) -> None:
            async for _ in self._annotated(self._undone(problems), model, stop):
                pass

        with suppress(NotStored):  # stopped while waiting
            await batched.fill(played, stop.is_set)
        return batched.faults

    def _show(self, client: Client) -> None:
        self.tally.retried = client.retried
        self.tally.spent = self.replies.spent if self.replies is not None else 0.0
        self.tally.lost = client.budget.lost
        self.report(self.tally)

    def _remaining(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        for problem in problems:
            if self.outputs.is_done(problem, self.annotation):
                self.tally.skipped += 1
            else:
                yield problem

    def _undone(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        return (problem for problem in problems if not self.outputs.is_done(problem, self.annotation))
