"""What merging an adapter into a base in bfloat16 costs: the loss of what a student must say, merged and beside.

    python -m tests.benchmarks.merging_loss STUDENT [PROBLEMS]

STUDENT is the folder of a trained one whose roles are adapters. Each role reads the gold dialogues of the first
PROBLEMS (300) test problems of GSM8K, which it did not learn from, and nothing is written. A merged weight is rounded
together with what the adapter adds to it; beside the base, the adapter's part is rounded alone.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import torch

from socratic_cli.records import GOLD, Problem, Solution
from socratic_cli.settings import Dtype
from socratic_cli.sources import resolve
from socratic_cli.stages.train import passages
from socratic_cli.students.huggingface import HuggingFace
from socratic_cli.students.loss import Loss
from socratic_cli.students.voices import voices
from socratic_cli.trained import TrainedStudent
from tests.benchmarks import measured
from tests.conftest import DATA

WAYS: tuple[tuple[str, Dtype, bool], ...] = (
    ("float32, beside", "float32", False),
    ("bfloat16, beside", "bfloat16", False),
    ("bfloat16, merged", "bfloat16", True),
)
REFERENCE = WAYS[0][0]


def losses(student: TrainedStudent, role: str, dtype: Dtype, merged: bool, problems: Iterable[Problem]) -> list[float]:
    """Return the mean loss of what a role must say about each problem, in nats per token."""
    assert isinstance(student.student, HuggingFace)
    voice = voices(replace(student.student.weights(student.folder), dtype=dtype), merge=merged)(role)
    voice.activate()
    loss = Loss(voice.model, voice.tokens.pad)
    found = []
    for problem in problems:
        gold = Solution(problem=problem, scheme=student.scheme.label, author=GOLD, **dict(problem.rationale))
        said = [voice.tokens.passage(one) for one in passages(gold, student.scheme) if one.role == role]
        with torch.inference_mode():
            found.append(float(loss(said)) / sum(one.targets for one in said))
    return found


def lines(role: str, found: dict[str, Sequence[float]]) -> Iterator[str]:
    """Yield a line for each way: its mean loss, and how far it is from the reference, with an interval of problems."""
    for way, values in found.items():
        apart = [one - other for one, other in zip(values, found[REFERENCE], strict=True)]
        half = 1.96 * statistics.stdev(apart) / math.sqrt(len(apart))
        mean = statistics.fmean(apart)
        difference = f"{mean:+.4f} | {mean - half:+.4f} to {mean + half:+.4f}" if way != REFERENCE else "|"
        yield f"| {role} | {way} | {statistics.fmean(values):.4f} | {difference} |"


def main() -> None:
    """Measure every role in every way, and write it."""
    student = TrainedStudent.load(Path(sys.argv[1]))
    count = int(sys.argv[2]) if len(sys.argv) > 2 else 300
    problems = list(islice(resolve("gsm8k/test", data_dir=DATA), count))
    rows: list[str] = []
    for role in (one.role for one in student.card.roles):
        found: dict[str, Sequence[float]] = {}
        for way, dtype, merged in WAYS:
            measured.note(f"{role}: {way}")
            found[way] = losses(student, role, dtype, merged, problems)
        rows += lines(role, found)
    measured.write(
        "merging_loss",
        [
            f"Loss of what each role must say about the first {count} test problems of GSM8K, by gold; the student is",
            f"{student.card.student['name']}, as {student.scheme.label}, of {student.card.problems:,} problems.",
            f"Made by `{measured.command_line()}`. {measured.machine(('torch', 'transformers', 'peft'))}",
            "",
            "| role | adapter | nats per token | against float32 | 95% interval |",
            "|---|---|--:|--:|---|",
            *rows,
        ],
    )


if __name__ == "__main__":
    main()
