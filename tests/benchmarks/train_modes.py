"""Ways to train one student, measured: in full, with LoRA, and with LoRA on a base in 8 or 4 bit."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks import measured
from tests.benchmarks.measured import Failed
from tests.conftest import DATA

SOCRATIC = (sys.executable, "-m", "socratic_cli")


@dataclass(frozen=True)
class Mode:
    """A way to train: options of the student, and the learning rate that suits it."""

    name: str
    options: str
    rate: str


MODES = (
    Mode("full fine-tuning", "", "2e-4"),
    Mode("LoRA", "lora=true", "1e-3"),
    Mode("LoRA, base in 8 bit", "load_in_8bit=true", "1e-3"),
    Mode("LoRA, base in 4 bit", "load_in_4bit=true", "1e-3"),
)


@dataclass(frozen=True)
class Task:
    """What is trained on, and for how long."""

    annotations: Path
    limit: float
    more: Sequence[str] = ()

    def arguments(self, student: str, mode: Mode, out: Path) -> list[str]:
        """Return the command's arguments."""
        spec = f"{student} {mode.options}".strip()
        given = ["train", str(self.annotations), "-o", str(out), "--student", spec, "--learning-rate", mode.rate]
        return [*given, *self.more]


@dataclass(frozen=True)
class Row:
    """What a mode took; `why_not` where it could not be done here."""

    student: str
    mode: Mode
    peak: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    loss: float = 0.0
    why_not: str = ""

    @property
    def line(self) -> str:
        """A row of the table."""
        if self.why_not:
            return f"| {self.student} | {self.mode.name} | | | | | {self.why_not} |"
        speed = self.tokens / self.seconds
        cells = (f"{self.peak:,.0f}", f"{speed:,.0f}", f"{self.tokens:,}", f"{self.seconds:.0f}", f"{self.loss:.3f}")
        return f"| {self.student} | {self.mode.name} | {' | '.join(cells)} |"


Train = Callable[[Task, str, Mode, Path], float]
"""Trains into a folder, and returns the peak of its memory in megabytes."""


def annotated(folder: Path, problems: int, scheme: str) -> Path:
    """Write annotations of GSM8K's training problems by its own authors."""
    out = folder / "annotations.jsonl"
    options = ("--scheme", scheme, "--limit", str(problems), "--data-dir", DATA, "-o", out)
    measured.run([*SOCRATIC, "annotate", "gsm8k/train", *options], limit=300)
    return out


def in_a_process(task: Task, student: str, mode: Mode, out: Path) -> float:
    """Train by the command, in a process of its own: its peak is that of its resident memory."""
    return measured.run([*SOCRATIC, *task.arguments(student, mode, out)], task.limit, watch=False).peak


def rows(task: Task, students: Iterable[str], modes: Iterable[Mode], train: Train, folder: Path) -> Iterator[Row]:
    """Train every student in every mode, one after another."""
    wanted = list(modes)
    for student in students:
        for at, mode in enumerate(wanted):
            row = _row(task, student, mode, train, folder / f"{student.replace('/', '-').replace(':', '-')}-{at}")
            measured.note(row.line)
            yield row


def _row(task: Task, student: str, mode: Mode, train: Train, out: Path) -> Row:
    try:
        peak = train(task, student, mode, out)
    except Failed as fault:
        return Row(student, mode, why_not=str(fault))
    roles = json.loads((out / "student.json").read_text(encoding="utf-8"))["roles"]
    tokens, seconds = (sum(role[name] for role in roles) for name in ("tokens", "seconds"))
    return Row(student, mode, peak, tokens, seconds, roles[-1]["loss"])


def packages() -> str:
    """Return the versions of what trains, in one sentence."""
    return ", ".join(f"{name} {version(name)}" for name in ("torch", "transformers", "peft", "bitsandbytes")) + "."


def table(found: Iterable[Row], peak: str) -> Iterator[str]:
    """Yield the table."""
    yield f"| student | trained by | {peak} | tokens/s | tokens | seconds | loss |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    yield from (row.line for row in found)
