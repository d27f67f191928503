"""Peak memory of `socratic annotate` as its input grows, and what another tool takes for the same.

.venv/bin/python -m tests.benchmarks.annotate_memory --peers DIR
.venv/bin/python -m tests.benchmarks.annotate_memory --peers DIR --peer-sizes 1000 100000

The litellm teacher asks a local server (`tests.faulty`) that replies at once; the gold teacher asks nobody, so it
shows the rest of the program at sizes that take a server too long. Writes results/annotate_memory.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import measured
from tests.benchmarks.contenders import CONCURRENCY, PEERS, SCHEME, Contender, Place, annotated, bare, socratic, told
from tests.benchmarks.measured import Cost
from tests.faulty import faulty

_MB = 1024 * 1024


@dataclass(frozen=True)
class Row:
    """One run."""

    name: str
    problems: int
    cost: Cost


def gold() -> Contender:
    """Return the teacher that knows the answers."""

    def run(place: Place, calls: int, limit: float) -> Cost:
        return annotated(place, calls, limit, ["--teacher", "gold", "--scheme", SCHEME])

    return Contender("`socratic annotate`, gold teacher", run)


def measured_at(contender: Contender, sizes: list[int], place: Place, limit: float) -> Iterator[Row]:
    """Yield a row a size, as far as it goes."""
    for size in sizes:
        if cost := contender.measured(place, size, limit):
            measured.note(f"{contender.name}: {size} problems, {cost.peak:.0f} MB, {cost.seconds:.1f} s")
            yield Row(contender.name, size, cost)


def table(rows: list[Row]) -> Iterator[str]:
    """Yield the table."""
    yield "| | problems | peak MB | all processes MB | seconds | problems/s, start-up included |"
    yield "|---|--:|--:|--:|--:|--:|"
    for row in rows:
        cost = row.cost
        yield (
            f"| {row.name} | {row.problems:,} | {cost.peak:.0f} | {cost.together:.0f} | {cost.seconds:.1f} |"
            f" {row.problems / cost.seconds:.0f} |"
        )


def growth(rows: list[Row]) -> Iterator[str]:
    """Yield by how much each grows, from its smallest to its largest run."""
    for name in dict.fromkeys(row.name for row in rows):
        its = sorted((row for row in rows if row.name == name), key=lambda row: row.problems)
        low, high = its[0], its[-1]
        if high.problems > low.problems:
            more = high.cost.peak - low.cost.peak
            each = more * _MB / (high.problems - low.problems)
            span = f"from {low.problems:,} to {high.problems:,} problems"
            yield f"- {name}: {more:+.1f} MB {span}, {each:.0f} bytes each."


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="*", default=[100, 1_000, 10_000, 100_000], help="litellm teacher")
    parser.add_argument("--gold-sizes", type=int, nargs="*", default=[100, 10_000, 1_000_000], help="gold teacher")
    parser.add_argument("--peer-sizes", type=int, nargs="*", default=[1_000], help="other tools, and bare litellm")
    parser.add_argument("--peers", type=Path, help="folder of the other tools' environments")
    parser.add_argument("--limit", type=float, default=3600, help="seconds for one run")
    parser.add_argument("--install-limit", type=float, default=900, help="seconds to install one tool")
    given = parser.parse_args()
    others = [bare()[0], *(peer.contender(given.peers, given.install_limit) for peer in PEERS)]
    ours, teacher = socratic(), gold()
    with tempfile.TemporaryDirectory() as folder, faulty() as server:
        place = Place(Path(folder), server.url)
        rows = list(measured_at(ours, given.sizes, place, given.limit))
        rows += measured_at(teacher, given.gold_sizes, place, given.limit)
        rows += [row for other in others for row in measured_at(other, given.peer_sizes, place, given.limit)]
    lines = [
        f"Peak memory of one run each, {CONCURRENCY} requests at a time, a local server without latency. Peak is that"
        " of the largest process (`ru_maxrss`); of all processes together, memory they share is counted once.",
        "",
        measured.machine(),
        f"Made by `{measured.command_line()}`.",
        "",
        *table(rows),
        "",
        *growth(rows),
        *told([ours, teacher, *others]),
    ]
    measured.write("annotate_memory", lines)


if __name__ == "__main__":
    main()
