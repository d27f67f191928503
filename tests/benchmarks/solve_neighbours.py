"""Whether what a problem gets depends on its neighbours in the batch: GSM8K alone, and in batches of many make-ups.

    python -m tests.benchmarks.solve_neighbours --student DIR [--source SOURCE] [--problems N] [--processes N]

The student is any trained pair; it computes in float32, greedily. A text that differs from the one written alone is
traced to where they part: there the two likeliest tokens are read once more, in one plain forward pass. Make-ups are
written in several processes at once, if you like. Writes results/solve_neighbours.md.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from socratic_cli.records import Problem
from socratic_cli.settings import Decoding
from socratic_cli.sources import resolve
from socratic_cli.trained import TrainedStudent
from tests.benchmarks import measured
from tests.benchmarks.solve_ties import Parting, partings
from tests.benchmarks.solve_ways import LONGEST, Turns, loaded
from tests.conftest import DATA

VERSIONS = ("torch", "transformers", "peft")
TIE = 1e-3
"""Logits nearer than this are told as equal: rounding in float32 moves them by about 1e-5 times their size of 20."""


@dataclass(frozen=True)
class MakeUp:
    """Which problems are written together."""

    name: str
    width: int
    order: str = "as they are"

    def arranged(self, problems: list[Problem]) -> list[Problem]:
        """Return problems in this order."""
        if self.order == "backwards":
            return problems[::-1]
        if self.order == "longest first":
            return sorted(problems, key=lambda one: -len(one.question))
        if self.order == "shuffled":
            return random.Random(self.width).sample(problems, len(problems))
        return problems


ALONE = MakeUp("alone, one after the other", 1)
TOGETHER = (
    MakeUp("8 at once", 8),
    MakeUp("64 at once", 64),
    MakeUp("64 at once, the last first", 64, "backwards"),
    MakeUp("64 at once, the longest first", 64, "longest first"),
    MakeUp("32 at once, in an order drawn at random", 32, "shuffled"),
    MakeUp("all at once", 1000, "shuffled"),
)


@dataclass(frozen=True)
class Row:
    """What one make-up wrote, by problem."""

    make_up: MakeUp
    seconds: float
    texts: dict[str, Turns]


def row(folder: Path, problems: list[Problem], make_up: MakeUp) -> Row:
    """Solve problems in one make-up."""
    student = student_of(folder, make_up.width)
    asked = make_up.arranged(problems)
    began = time.perf_counter()
    solutions = student.solve_all(asked)
    seconds = time.perf_counter() - began
    student.close()
    texts = [[(one.role, one.reply) for one in solution.trace] for solution in solutions]
    measured.note(f"{make_up.name}: {seconds:.0f} s")
    return Row(make_up, seconds, dict(zip([one.id for one in asked], texts, strict=True)))


def student_of(folder: Path, width: int) -> TrainedStudent:
    """Load the student, in float32."""
    return TrainedStudent.load(folder, Decoding(max_new_tokens=LONGEST, batch_size=width), dtype="float32")


def parted(folder: Path, problems: list[Problem], alone: Row, other: Row) -> list[Parting]:
    """Return where the texts of two make-ups part."""
    differ = {one: (alone.texts[one], other.texts[one]) for one in alone.texts if alone.texts[one] != other.texts[one]}
    if not differ:
        return []
    student = student_of(folder, 1)
    return list(partings(student.scheme, loaded(student), iter(problems), differ))


def told(one: Parting) -> str:
    """Say in a sentence where two texts part, and why."""
    if one.gap is None:
        return f"{one.problem}, turn {one.turn + 1}: one text only ends sooner"
    why = "a numerical tie" if one.gap < TIE else "no tie"
    return f"{one.problem}, turn {one.turn + 1}: the two highest logits differ by {one.gap:.1e}, {why}"


def report(alone: Row, others: list[tuple[Row, list[Parting]]]) -> Iterator[str]:
    """Yield the lines of the results."""
    count = len(alone.texts)
    yield "# Whether a problem's result depends on its neighbours"
    yield ""
    yield f"`{measured.command_line()}` on {measured.machine(VERSIONS)}"
    yield f"{count} problems, {sum(map(len, alone.texts.values()))} turns, in float32, greedily."
    yield "A text is that of all turns of a problem, letter by letter."
    yield ""
    yield "| written | s | texts as alone |"
    yield "|---|--:|--:|"
    yield f"| {alone.make_up.name} | {alone.seconds:.0f} | |"
    for one, differ in others:
        yield f"| {one.make_up.name} | {one.seconds:.0f} | {count - len(differ)} of {count} |"
    yield ""
    for one, differ in others:
        yield from (f"- {one.make_up.name}: {told(each)}." for each in differ)


def main() -> None:
    """Solve in all make-ups, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", type=Path, required=True)
    parser.add_argument("--source", default="gsm8k/test")
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--processes", type=int, default=1)
    asked = parser.parse_args()
    folder = asked.student.absolute()
    problems = [one.blind() for one in resolve(asked.source, data_dir=DATA, limit=asked.problems)]
    with ProcessPoolExecutor(asked.processes, get_context("spawn")) as processes:
        alone, *rows = processes.map(partial(row, folder, problems), (ALONE, *TOGETHER))
    measured.write("solve_neighbours", report(alone, [(one, parted(folder, problems, alone, one)) for one in rows]))


if __name__ == "__main__":
    main()
