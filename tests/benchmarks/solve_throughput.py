"""How fast a decomposer and a solver work together: SmolLM2-135M pairs on GSM8K's test problems.

    python -m tests.benchmarks.solve_throughput --student DIR [--problems N] [--alone N] [--source SOURCE]
        [--vllm PYTHON] [--openvino PYTHON] [--llamacpp TREE]

The student is made by `socratic train` (a pair of SmolLM2-135M, trained on GSM8K). Backends that need an environment of
their own are given by its PYTHON (with socratic, the plugin, pytest and hypothesis in it), and llama.cpp by its TREE
(see llamacpp.py); they are left out without. All ways have the same weights, greedy decoding and limits; loading and a
first problem are left out of the seconds. The slowest way may be measured on fewer problems, the first ones.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import measured
from tests.benchmarks.train_throughput import gemm_peak

WAYS = {
    "alone": "`generate`, a turn of a problem after the other",
    "lockstep": "`generate` on batches of 64, turn by turn",
    "vllm": "`socratic solve --backend vllm`",
    "llamacpp": "llama.cpp's server, one for each role, 64 dialogues at once",
    "openvino": "`socratic solve --backend openvino`",
    "socratic": "`socratic solve`",
}
ELSEWHERE = ("vllm", "openvino")
"""Ways that another environment may have."""
LIMIT = 3000.0
Turns = list[list[str]]
"""Role and reply of every turn of a dialogue, as JSON has them."""


@dataclass(frozen=True)
class Row:
    """What one way took."""

    way: str
    problems: int
    seconds: float
    processor: float
    tokens: int
    least: int
    peak: float
    texts: dict[str, Turns]

    @property
    def speed(self) -> float:
        """Problems a second."""
        return self.problems / self.seconds

    def same(self, other: Row) -> tuple[int, int]:
        """Return how many texts are the same letter by letter, of how many that both have."""
        both = self.texts.keys() & other.texts.keys()
        return len(both) - len(self.parted(other)), len(both)

    def parted(self, other: Row) -> dict[str, tuple[Turns, Turns]]:
        """Return the texts that differ, by problem."""
        both = self.texts.keys() & other.texts.keys()
        return {one: (self.texts[one], other.texts[one]) for one in both if self.texts[one] != other.texts[one]}


def row(way: str, options: str, python: str, student: Path, source: str, count: int) -> Row:
    """Measure one way.

    Raises:
        Failed: it did not come to its end.
    """
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.json"
        command = [python, "-m", "tests.benchmarks.solve_ways", way + options, student, source, str(count), out]
        cost = measured.run(command, LIMIT)
        told = json.loads(out.read_text(encoding="utf-8"))
    found = Row(way, count, told["seconds"], told["processor"], told["tokens"], told["least"], cost.peak, told["texts"])
    measured.note(f"{way}: {count} problems in {found.seconds:.1f} s")
    return found


def ties(texts: dict[str, tuple[Turns, Turns]], student: Path, source: str, count: int) -> str:
    """Say in a sentence why texts differ."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.json"
        file.write_text(json.dumps(texts), encoding="utf-8")
        command = [
            sys.executable,
            "-m",
            "tests.benchmarks.solve_ties",
            str(student),
            source,
            str(count),
            str(file),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=measured.ROOT)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    gaps = [one["gap"] for one in found if one["gap"] is not None]
    ended = sum(one["cut"] for one in found)
    told = f"{len(found)} differ, {ended} of them only in where they end: `socratic solve` stops what repeats itself"
    if not gaps:
        return told
    equal = sum(gap == 0 for gap in gaps)
    where = f"; where the others part ({len(gaps)}), the two highest logits are equal in {equal}"
    return f"{told}{where} and differ by at most {max(gaps):.2g}"


def ceiling(ours: Row, peak: float) -> str:
    """Say which share of the ceiling is reached: of the matrix products of the model, with the cores at their peak."""
    products = 2 * (106.2e6 * ours.least + 28.3e6 * ours.tokens) / 1e9
    return (
        f"`socratic solve` wrote {ours.tokens:,} tokens, and {ours.least:,} had to go through a model at least once:"
        f" {products:,.0f} GFLOP of matrix products, {products / peak:.0f} s at the {peak:.0f} GFLOP/s of these cores."
        f" That ceiling is {ours.problems * peak / products:.2f} problems/s;"
        f" **{products / peak / ours.seconds:.0%} of it is reached**."
    )


def report(rows: list[Row], why: dict[str, str], missing: dict[str, str], peak: float) -> Iterator[str]:
    """Yield the lines of the results."""
    slowest, ours = rows[0], rows[-1]
    yield "# Two students in sync: speed beside `generate`"
    yield ""
    yield f"`{measured.command_line()}` on {measured.machine()}"
    yield "One run of each, one after another: differences under 20% are ties."
    yield ""
    yield "| way | problems | problems/s | of the slowest | tokens/s | of processor | peak MB | as `socratic solve` |"
    yield "|---|--:|--:|--:|--:|--:|--:|--:|"
    for one in rows:
        same, both = one.same(ours)
        yield (
            f"| {WAYS[one.way]} | {one.problems} | {one.speed:.2f} | {one.speed / slowest.speed:.1f} "
            f"| {one.tokens / one.seconds:.0f} | {one.tokens / one.processor:.0f} | {one.peak:.0f} | {same} of {both} |"
        )
    yield from (f"| {WAYS[way]} | {told} |||||||" for way, told in missing.items())
    yield ""
    yield ceiling(ours, peak)
    yield ""
    yield "Tokens are told by seconds, and by seconds of processor; texts are the same letter by letter."
    yield ""
    yield from (f"- {WAYS[way]} and `socratic solve`: {told}." for way, told in why.items())


def main() -> None:
    """Measure every way."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", type=Path, required=True)
    parser.add_argument("--source", default="gsm8k/test")
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--alone", type=int, default=40, help="problems of the slowest way; 0 leaves it out")
    for way in ELSEWHERE:
        parser.add_argument(f"--{way}", metavar="PYTHON")
    parser.add_argument("--llamacpp", metavar="TREE", type=Path)
    asked = parser.parse_args()
    student, rows, missing = asked.student.absolute(), list[Row](), dict[str, str]()
    for way in WAYS:
        count = asked.alone if way == "alone" else asked.problems
        if vars(asked).get(way, True) is None or not count:
            missing[way] = "not asked for"
            continue
        python = vars(asked)[way] if way in ELSEWHERE else sys.executable
        options = f"={asked.llamacpp.absolute()}" if way == "llamacpp" else ""
        try:
            rows.append(row(way, options, python, student, asked.source, count))
        except measured.Failed as fault:
            missing[way] = f"failed: {fault}"
            measured.note(f"{way} {missing[way]}")
    if not rows:
        sys.exit("no way came to its end")
    differ = {one.way: one.parted(rows[-1]) for one in rows[:-1]}
    why = {way: ties(texts, student, asked.source, asked.problems) for way, texts in differ.items() if texts}
    measured.write("solve_throughput", report(rows, why, missing, gemm_peak()[1]))


if __name__ == "__main__":
    main()
