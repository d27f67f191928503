"""How the time and memory of `socratic solve` grow with the number of problems and with their steps.

    python -m tests.benchmarks.solve_growth problems|steps --student DIR [--values N ...]

The student is any trained pair (that of the quick start will do). Problems are `arithmetic`, made up as they are read.
Each run is a process of its own; its seconds and its peak hold Python, its libraries and the loading of the student,
and the first row, of one problem, tells how much that is. For the growth with steps the subquestions are the gold ones
(`--role decomposer=gold`), so that a problem of so many steps has so many turns. Writes results/solve_growth_WITH.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import measured

LIMIT = 7200.0
FEW = 100
VERSIONS = ("torch", "transformers")


@dataclass(frozen=True)
class Row:
    """What one run took, and what it wrote."""

    problems: int
    steps: str
    seconds: float
    processor: float
    peak: float
    tokens: int

    def line(self, start: Row) -> str:
        """Return a row of the table; `start` is what a process takes before it solves."""
        spent, worked = self.seconds - start.seconds, self.processor - start.processor
        told = (
            f"{self.problems / spent:.2f} | {self.problems / worked:.2f} | {1000 * worked / self.problems:.0f}"
            if self is not start
            else " | | "
        )
        return (
            f"| {self.problems:,} | {self.steps} | {self.seconds:.0f} | {self.processor:.0f} | {told} "
            f"| {self.tokens / self.problems:.0f} | {self.peak:.0f} |"
        )


HEAD = (
    "| problems | steps | s | s of processor | problems/s | of processor | ms of processor a problem "
    "| tokens written a problem | peak MB |",
    "|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
)


def row(student: Path, problems: int, steps: str, *more: str) -> Row:
    """Solve so many problems of so many steps."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "solutions.jsonl"
        source = f"arithmetic:{steps}/test largest=30 count={problems}"
        command = [sys.executable, "-m", "socratic_cli", "solve", student, source, "-o", out, *more]
        cost = measured.run(command, LIMIT, watch=False)
        tokens = written = 0
        with out.open(encoding="utf-8") as lines:
            for line in lines:
                written += 1
                tokens += json.loads(line)["usage"]["completion_tokens"]
    assert written == problems
    found = Row(problems, steps, cost.seconds, cost.cpu, cost.peak, tokens)
    measured.note(f"{found}")
    return found


def by_problems(student: Path, values: list[int]) -> Iterator[Row]:
    """Solve more and more problems of two steps."""
    return (row(student, count, "2") for count in values)


def by_steps(student: Path, values: list[int]) -> Iterator[Row]:
    """Solve problems of more and more steps, the subquestions given."""
    return (row(student, FEW, str(steps), "--role", "decomposer=gold") for steps in values)


KINDS = {"problems": (by_problems, [100, 1000, 10000]), "steps": (by_steps, [2, 4, 6, 8, 10, 12])}


def report(kind: str, start: Row, rows: Sequence[Row]) -> Iterator[str]:
    """Yield the lines of the results."""
    yield f"# How `socratic solve` grows with {kind}"
    yield ""
    yield f"`{measured.command_line()}` on {measured.machine(VERSIONS)}"
    yield "What a process takes to start and to solve one problem, the first row, is taken off of the others' speed."
    yield ""
    yield from HEAD
    yield from (one.line(start) for one in (start, *rows))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=KINDS)
    parser.add_argument("--student", type=Path, required=True)
    parser.add_argument("--values", type=int, nargs="+", help="[default: 100 1000 10000 problems; 2 to 12 steps]")
    asked = parser.parse_args()
    student = asked.student.absolute()
    grow, values = KINDS[asked.kind]
    start = row(student, 1, "2")
    measured.write(f"solve_growth_{asked.kind}", report(asked.kind, start, list(grow(student, asked.values or values))))


if __name__ == "__main__":
    main()
