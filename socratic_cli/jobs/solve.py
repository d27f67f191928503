"""`socratic solve` on files."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from socratic_cli import jsonl
from socratic_cli.authors import Author
from socratic_cli.dialogue import Model
from socratic_cli.errors import UsageError
from socratic_cli.jobs.done import Done, Wanted, remaining
from socratic_cli.jobs.models import Opening, ensemble, kept, require_chains, weigher
from socratic_cli.jobs.outputs import started
from socratic_cli.jobs.paths import Care
from socratic_cli.jobs.playable import playable
from socratic_cli.jobs.tally import Report, Tally
from socratic_cli.records import Problem, Solution
from socratic_cli.settings import Decoding, Spread
from socratic_cli.stages.solve import sample, solve
from socratic_cli.stages.solving import given_up
from socratic_cli.stages.verifying import Verifier
from socratic_cli.stages.window import as_finished
from socratic_cli.voting import chosen_by
from socratic_cli.workers.pools import pool, require
from socratic_cli.workers.port import Do, Pool, surely


class Told(Protocol):
    """Whoever shows dialogues as they are written."""

    def between(self, model: Model) -> Model:
        """Return the model that replies with `model`, and shows it."""
        ...

    def solved(self, solution: Solution) -> None:
        """Show a solution."""


def solve_file(
    problems: Iterable[Problem],
    author: Author,
    out: str,
    report: Report,
    *,
    decoding: Decoding | None = None,
    verifier: Author | None = None,
    keep_samples: bool = False,
    from_samples: str | None = None,
    oracle: Iterable[str] = (),
    care: Care | None = None,
    resume: bool = False,
    overwrite: bool = False,
    width: int = 128,
    told: Told | None = None,
    spread: Spread | None = None,
) -> Tally:
    """Solve problems into a file.

    Args:
        problems: what is solved.
        author: who solves them.
        out: the file.
        report: is told how far it is.
        decoding: how many chains of a problem are written, and how its answer is chosen among them.
        verifier: who weighs them.
        keep_samples: every chain is written as a solution of its own, and nothing is chosen.
        from_samples: a file of such chains of the same author: they are chosen among, and none is written anew.
        oracle: roles that reply with the gold rationale; problems that have none are left out.
        care: how models are asked that are not the user's own; without it as many times at once as problems are open.
        resume: go on with what is there.
        overwrite: begin anew.
        width: problems open at once, in each worker.
        told: stands between the problems and their model, and is told of solutions, which then are written nowhere.
        spread: who works; this process writes.

    Raises:
        OutputError: the file exists and is neither resumed nor overwritten, or another run is writing it.
        UsageError: what is asked for does not go together, or needs a package.
        WorkerError: workers cannot be started.
    """
    decoding, spread = decoding or Decoding(), spread or Spread()
    job = _Job(author, verifier, decoding, keep_samples, from_samples, tuple(oracle), width, care)
    job.check(spread)
    tally = Tally()
    problems = started(problems) if told is None else problems
    with ExitStack() as files:
        with jsonl.Writer(out, lock=True):  # nobody else may write what is read; and failed lines are taken off it
            done = Done(out, job.made, resume=resume, overwrite=overwrite)
        writer = files.enter_context(jsonl.Writer(out, lock=True, anew=overwrite))
        wanted = remaining(problems, done, job.chains, tally)
        wanted = playable(wanted, author.scheme, tally) if job.oracle else wanted
        solutions = _together(job, spread, wanted, files) if spread.shared else _here(job, out, wanted, files, told)

        def take(solution: Solution) -> None:
            if told is None:
                writer.write(solution.model_copy(update=job.belonging))
            else:
                told.solved(solution)
            tally.note(solution)
            report(tally)

        asyncio.run(job.run(solutions, take))
        tally.others = done.others
    return tally


@dataclass(frozen=True)
class _Job:
    author: Author
    verifier: Author | None
    decoding: Decoding
    keep_samples: bool
    from_samples: str | None
    oracle: tuple[str, ...]
    width: int
    care: Care | None

    @property
    def chains(self) -> int:
        """How many solutions of a problem are written."""
        return self.decoding.samples if self.keep_samples else 1

    @property
    def belonging(self) -> dict[str, Any]:
        """What every solution says of its making beside its author: how it was decoded, and what that one is of."""
        author = self.author
        seed = {} if author.arm is None else {"arm": author.arm, "seed": author.seed}
        trained = {} if author.fingerprint is None else {"fingerprint": author.fingerprint}
        return {"decoding": self._decoding, **trained, **seed}

    @property
    def made(self) -> dict[str, Any]:
        """What a file must say of the making of its solutions to be gone on with."""
        return {"scheme": self.author.scheme.label, "author": self.author.label, **self.belonging}

    @property
    def _decoding(self) -> dict[str, Any]:
        """Settings that are not the default ones, of those that change what is written."""
        # More chains of a problem are added to those that are kept.
        idle = {"batch_size", "backend", *(("samples",) if self.keep_samples else ())}
        settings = self.decoding.model_dump(mode="json", exclude=idle, exclude_defaults=True)
        return settings | ({"verifier": self.verifier.label} if self.verifier is not None else {})

    def check(self, spread: Spread) -> None:
        """Refuse what does not go together before anything is loaded."""
        if not self.keep_samples:
            chosen_by(self.decoding.samples, self.verifier is not None, self.decoding.choose)
        elif self.verifier is not None or self.decoding.choose is not None or self.from_samples is not None:
            raise UsageError("samples are kept, or one of them is chosen: leave --keep-samples or the other out")
        if self.from_samples is not None:
            require_chains(self.from_samples, self.author)
        teacher = next((one.label for one in self.replying if one.teacher), None)
        require(spread)
        if spread.shared and teacher is not None:
            raise UsageError(f"--workers share a student, and {teacher} is asked from here: raise --concurrency")

    @property
    def replying(self) -> list[Author]:
        """Everybody who is asked for a reply."""
        writing = [self.author, *self.author.players.values()] if self.from_samples is None else []
        return [*writing, *([self.verifier] if self.verifier is not None else [])]

    async def run(self, solutions: AsyncIterator[Solution], take: Callable[[Solution], None]) -> None:
        """Take every solution, and let go of whoever was asked."""
        try:
            async for solution in solutions:
                take(solution)
        finally:
            for one in self.replying:
                if one.teacher is not None:
                    await one.teacher.close()

    def solutions(self, wanted: Iterable[Wanted], model: Model, verifier: Verifier | None) -> AsyncIterator[Solution]:
        author = self.author
        common: dict[str, Any] = {
            "oracle": self.oracle,
            "players": author.roles,
            "seen": author.saw,
            "width": self.width,
        }
        if self.keep_samples:
            return sample(wanted, author.scheme, model, author.label, prompted=author.prompted, **common)
        return solve(
            (problem for problem, _ in wanted),
            author.scheme,
            model,
            author.label,
            prompted=author.prompted,
            samples=self.decoding.samples,
            verifier=verifier,
            choose=self.decoding.choose,
            **common,
        )

    def models(self, out: str, files: ExitStack) -> tuple[Model, Verifier | None]:
        """Load who solves, and who weighs."""
        chains = self.from_samples
        opening = Opening(out, self.width, self.care, files)
        model = ensemble(self.author, opening) if chains is None else kept(chains)
        return model, weigher(self.verifier, opening)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Do[Wanted, Solution]]:
        """Load who solves, in a worker, and return who solves one problem; many are solved at once."""
        with ExitStack() as files:
            model, verifier = self.models("-", files)

            async def one(wanted: Wanted) -> Solution:
                [solution] = [solution async for solution in self.solutions([wanted], model, verifier)]
                return solution

            yield one

    def lost(self, wanted: Wanted, why: str) -> Solution:
        """Return what is written of a problem that no worker survives."""
        return given_up(*wanted, self.author.scheme, self.author.label, why)


def _here(
    job: _Job, out: str, wanted: Iterable[Wanted], files: ExitStack, told: Told | None
) -> AsyncIterator[Solution]:
    """Solve in this process."""
    model, verifier = job.models(out, files)
    return job.solutions(wanted, told.between(model) if told is not None else model, verifier)


def _together(job: _Job, spread: Spread, wanted: Iterable[Wanted], files: ExitStack) -> AsyncIterator[Solution]:
    """Let workers solve; each gets its next problem as soon as it has finished another."""
    workers: Pool[Wanted, Solution] = files.enter_context(pool(job, spread, computes=True))
    return as_finished(wanted, partial(surely, workers, lost=job.lost), job.width * spread.workers)
