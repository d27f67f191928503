"""What it takes to share problems among workers: `socratic solve` with a student that costs next to nothing.

    python -m tests.benchmarks.solve_spread [--sizes SMALL LARGE] [--workers N]

The student repeats what it heard, so what is left is reading, sending, solving without a model, sending back and
writing. It heard 200 problems of 2 to 4 steps, which come again and again under other ids. What more problems take is
told from the difference of two sizes, without start-up. Writes results/solve_spread.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import measured
from tests.benchmarks.measured import Cost

LIMIT = 3600.0
HEARD = 200
SOCRATIC = (sys.executable, "-m", "socratic_cli")


@dataclass(frozen=True)
class Row:
    """Two runs in one way, and the bytes of a problem before and after."""

    way: str
    sizes: tuple[int, int]
    costs: tuple[Cost, Cost]
    read: float
    wrote: float

    def line(self) -> str:
        """Return a row of the table."""
        few, many = self.costs
        more = self.sizes[1] - self.sizes[0]
        cpu = 1000 * (many.cpu - few.cpu) / more
        return (
            f"| {self.way} | {few.seconds:.1f} | {many.seconds:.1f} | {more / (many.seconds - few.seconds):.0f} |"
            f" {cpu:.2f} | {few.peak:.0f} | {many.peak:.0f} | {many.together:.0f} |"
            f" {self.read:.0f} | {self.wrote:.0f} |"
        )


def student(folder: Path) -> list[dict[str, object]]:
    """Train the student; return the problems that it heard."""
    annotations, heard = folder / "annotations.jsonl", ("arithmetic:2-4/train", "--limit", HEARD)
    measured.run([*SOCRATIC, "annotate", *heard, "-o", annotations], LIMIT)
    measured.run([*SOCRATIC, "train", annotations, "-o", folder / "student", "--student", "parrot"], LIMIT)
    return [json.loads(line)["problem"] for line in annotations.read_text().splitlines()]


def problems(path: Path, known: list[dict[str, object]], count: int) -> Path:
    """Write so many problems."""
    with path.open("w", encoding="utf-8") as file:
        for at in range(count):
            file.write(json.dumps({**known[at % len(known)], "id": f"p{at}"}) + "\n")
    return path


def measure(folder: Path, files: tuple[Path, Path], sizes: tuple[int, int], way: list[str]) -> Row:
    """Solve both files in one way."""
    costs: list[Cost] = []
    out = folder / "out.jsonl"
    for file in files:
        wanted = ("solve", folder / "student", file, "-o", out, "--overwrite", *way)
        costs.append(measured.run([*SOCRATIC, *wanted], LIMIT))
        measured.note(f"{' '.join(way) or 'alone'}: {file.name}, {costs[-1].seconds:.1f} s")
    assert measured.line_count(out) == sizes[1]
    read, wrote = (path.stat().st_size / sizes[1] for path in (files[1], out))
    return Row(f"`{' '.join(way)}`" if way else "one process", sizes, (costs[0], costs[1]), read, wrote)


def report(rows: list[Row], sizes: tuple[int, int]) -> Iterator[str]:
    """Yield the lines of the result."""
    few, many = sizes
    yield "# What it takes to share problems among workers"
    yield ""
    yield (
        f"`socratic solve` on {few:,} and {many:,} problems with a student that repeats what it heard: everything but"
        " the model. Problems a second and CPU are of the difference, start-up left out; CPU is of all processes that"
        " the command waited for, which actors of Ray are not. Peak is that of the largest process."
    )
    yield ""
    yield measured.machine(("ray",))
    yield f"Made by `{measured.command_line()}`. One run of each: differences under 20% are ties."
    yield ""
    yield (
        f"| way | s of {few:,} | s of {many:,} | problems/s | CPU ms a problem | peak MB of {few:,} | of {many:,} |"
        " all MB | bytes read | bytes written |"
    )
    yield "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|"
    yield from (row.line() for row in rows)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs=2, default=[1_000, 11_000], metavar=("SMALL", "LARGE"))
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    sizes: tuple[int, int] = tuple(given.sizes)
    workers = ["--workers", str(given.workers)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        known = student(folder)
        files = (problems(folder / "few.jsonl", known, sizes[0]), problems(folder / "many.jsonl", known, sizes[1]))
        ways: list[list[str]] = [[], workers, [*workers, "--engine", "ray"]]
        rows = [measure(folder, files, sizes, way) for way in ways]
    measured.write("solve_spread", report(rows, sizes))


if __name__ == "__main__":
    main()
