"""What a person sees: progress and summaries on standard error; data on standard output."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import TracebackType
from typing import Self

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from socratic_cli import parts, processes
from socratic_cli.errors import Interrupted, OutputError, ReaderGone
from socratic_cli.jobs import Tally

_LOOK_BACK = 600.0
"""Seconds over which a speed is estimated: a step of a large model can take half a minute."""


def say(message: str) -> None:
    """Write a line to standard error; of several processes the first one speaks."""
    if processes.first():
        typer.echo(message, err=True)


@contextmanager
def interruptible(stays: str) -> Iterator[None]:
    """Tell whoever presses Ctrl-C what stays and how to go on.

    Raises:
        Interrupted: Ctrl-C was pressed.
    """
    try:
        yield
    except KeyboardInterrupt:
        raise Interrupted(f"stopped: {stays}", signal.SIGINT) from None


def out(text: str) -> None:
    """Write data to standard output.

    Raises:
        ReaderGone: it was closed by its reader.
        OutputError: the disk that it goes to is full, or the like.
    """
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        raise ReaderGone from None
    except OSError as fault:
        raise OutputError(f"standard output cannot be written: {fault.strerror}") from fault


class Bar:
    """A progress bar on standard error; on a terminal it moves, elsewhere it says a line now and then."""

    def __init__(self, what: str, total: int | None = None) -> None:
        """Begin with a bar of `total` pieces of work, or without an end."""
        console = Console(stderr=True)
        self._terminal = console.is_terminal and processes.first()
        self._what, self._total = what, total
        self._told: tuple[str | None, int] | None = None
        self.last = Tally()
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
            console=console,
            speed_estimate_period=_LOOK_BACK,
            disable=not self._terminal,
        )
        self._task: TaskID = self._progress.add_task(what, total=total, note="")

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def tally(self, tally: Tally, total: int | None = None) -> None:
        """Show how far annotating or solving is, and what it costs: so far, and all of it at this rate."""
        self.last = tally
        done, total = tally.done + tally.skipped, total or self._total
        notes = [f"{tally.kept / tally.done:.0%} kept"] if tally.kept < tally.done else []
        if tally.spent:
            fresh = tally.spent - tally.spent_before
            whole = (
                f" of about ${tally.spent + fresh / tally.done * (total - done):.2f}" if total and tally.done else ""
            )
            notes.append(f"${tally.spent:.2f}{whole}")
        if tally.retried:
            notes.append(f"{tally.retried} repeated")
        self._show(done, total, ", ".join(notes))

    def progress(self, progress: parts.Progress) -> None:
        """Show how far training is."""
        speed = progress.tokens / progress.seconds if progress.seconds else 0.0
        note = f"loss {progress.loss:.3f}, {speed:.0f} tokens/s"
        if not self._terminal:  # where there is a bar, it tells so itself
            left = progress.seconds / progress.step * (progress.steps - progress.step)
            note += f", {timedelta(seconds=round(left))} left"
        self._show(progress.step, progress.steps, note, f"{self._what} {progress.role}")

    def _show(self, done: int, total: int | None, note: str, what: str | None = None) -> None:
        if self._terminal:
            begins = (what or self._what) != self._progress.tasks[0].description
            if begins:
                self._progress.refresh()  # or the last step of the role before might never be drawn
            show = self._progress.reset if begins else self._progress.update  # another role has another speed
            show(self._task, completed=done, total=total, note=note, description=what or self._what)
        elif (what, done) != self._told and (done == total or (total and done % max(1, total // 5) == 0)):
            self._told = what, done
            say(f"{what or self._what}: {done}/{total or '?'} {note}".rstrip())


@contextmanager
def bar(what: str, total: int | None = None) -> Iterator[Bar]:
    """Show a bar while the work lasts."""
    with Bar(what, total) as shown:
        yield shown


def summary(verb: str, tally: Tally) -> str:
    """Return one sentence on what was done."""
    words = [f"{verb} {tally.done}"]
    if tally.skipped:
        words.append(f"{tally.skipped} were done before")
    words += [f"{count} {reason}" for reason, count in tally.reasons.most_common()]
    tokens = tally.usage.prompt_tokens + tally.usage.completion_tokens
    if tokens:
        words.append(f"{tokens:,} tokens")
    return ", ".join(words)
