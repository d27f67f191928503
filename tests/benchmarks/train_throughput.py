"""How fast `socratic train` is beside TRL and the Trainer of transformers: SmolLM2-135M on GSM8K, in full.

    python -m tests.benchmarks.train_throughput solver|cot --peers DIR [--problems N]

One role is trained: the Socratic solver, or that of chains of thought. Each contender trains once over the same
problems, in optimiser steps of 16 of them (as nearly as packed rows allow), at the same learning rate, over float32
weights and in the type that `socratic train` picks for the machine: bfloat16 by autocast where that is native, else
float32. All learn the end of a completion as well. The seconds are those of training alone. Afterwards everybody's
weights are measured by one and the same function: the loss on 64 problems that nobody was trained on.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import measured
from tests.benchmarks.contenders import TRL
from tests.benchmarks.measured import Failed

PROBLEMS_A_STEP = 16
HELD_OUT = 64
PACKED = 1024
RATE = "2e-4"
LIMIT = 3000.0
VERSIONS = ("torch", "transformers", "accelerate")
TASKS = {"solver": "socratic", "cot": "cot"}
"""The scheme whose solver is trained."""


@dataclass(frozen=True)
class Counts:
    """What a task's data holds: rows, tokens, and tokens that are learnt; one by one, and merged."""

    problems: int
    examples: int
    tokens: int
    merged: int
    learnt: int


@dataclass(frozen=True)
class Row:
    """What one contender took for one task."""

    name: str
    problems: int
    steps: int
    seconds: float
    peak: float
    tokens: int
    learnt: int
    loss: float

    def line(self, base: float) -> str:
        """Return a row of the table; `base` is the problems/s that 1.0 stands for."""
        speed = self.problems / self.seconds
        return (
            f"| {self.name} | {speed:.2f} | {speed / base:.1f} | {self.seconds / self.problems:.2f} "
            f"| {self.learnt / self.seconds:.0f} | {self.tokens / self.seconds:.0f} | {self.peak:.0f} "
            f"| {self.steps} | {self.loss:.3f} |"
        )


HEAD = (
    "| trained by | problems/s | of TRL's default | s a problem | learnt tokens/s | tokens/s | peak MB | steps "
    "| held-out loss |",
    "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
)


@dataclass(frozen=True)
class Task:
    """One role to be learnt, with its data in every form that a contender takes."""

    name: str
    folder: Path
    counts: Counts
    base: str
    dtype: str

    @property
    def scheme(self) -> str:
        """The scheme whose solver is trained."""
        return TASKS[self.name]

    @property
    def steps(self) -> int:
        """Optimiser steps of everybody."""
        return math.ceil(self.counts.problems / PROBLEMS_A_STEP)

    def rows_a_pass(self, setup: str) -> int:
        """Return how many rows a peer computes at once: examples, or one packed row."""
        return min(8, math.ceil(self.counts.examples / self.steps)) if setup in ("default", "trainer") else 1


def peer(task: Task, name: str, setup: str, python: Path, seed: int = 0) -> Row:
    """Train by somebody else's trainer."""
    out = task.folder / f"{setup}-{seed}"
    data = task.folder / ("conversations.jsonl" if setup == "best" else "examples.jsonl")
    how = (task.dtype, seed, task.rows_a_pass(setup), task.steps)
    script = [python, "-m", "tests.benchmarks.peers.with_trl", setup, task.base, data, out, *how]
    cost = measured.run(script, LIMIT, watch=False, PYTHONPATH=str(measured.ROOT))
    told = json.loads((out / "told.json").read_text(encoding="utf-8"))
    read = task.counts.merged if setup == "best" else task.counts.tokens
    return _row(task, name, told["steps"], told["seconds"], cost.peak, read, out)


def ours(task: Task, seed: int = 0) -> Row:
    """Train by `socratic train`, as everybody calls it."""
    out = task.folder / f"student-{seed}"
    train = [sys.executable, "-m", "socratic_cli", "train", str(task.folder / "annotations.jsonl"), "-o", str(out)]
    more = ["--student", "smollm2-135m", "--scheme", task.scheme, "--epochs", "1", "--learning-rate", RATE]
    more += ["--seed", str(seed)]
    cost = measured.run([*train, *more, "--warmup", "0", "--batch-size", str(PROBLEMS_A_STEP)], LIMIT, watch=False)
    roles = json.loads((out / "student.json").read_text(encoding="utf-8"))["roles"]
    solver = next(role for role in roles if role["role"] == "solver")
    return _row(task, "`socratic train`", task.steps, solver["seconds"], cost.peak, task.counts.merged, out / "solver")


def _row(task: Task, name: str, steps: int, seconds: float, peak: float, tokens: int, weights: Path) -> Row:
    helper = [
        sys.executable,
        "-m",
        "tests.benchmarks.train_data",
        "loss",
        str(weights),
        str(task.folder / "held.jsonl"),
    ]
    done = subprocess.run([*helper, task.scheme], capture_output=True, text=True, check=True, cwd=measured.ROOT)
    row = Row(
        name, task.counts.problems, steps, seconds, peak, tokens, task.counts.learnt, float(done.stdout.split()[-1])
    )
    measured.note(f"{task.name}: {row}")
    return row


def prepared(name: str, folder: Path, problems: int, dtype: str) -> Task:
    """Write the data of a task."""
    folder.mkdir(parents=True)
    helper = [sys.executable, "-m", "tests.benchmarks.train_data", "write", str(folder), TASKS[name], str(problems)]
    done = subprocess.run([*helper, str(HELD_OUT)], capture_output=True, text=True, check=True, cwd=measured.ROOT)
    told = json.loads(done.stdout.splitlines()[-1])
    return Task(name, folder, Counts(**told["counts"]), told["base"], dtype)


def contenders(task: Task, python: Path) -> Iterator[Row]:
    """Yield everybody's row; who fails is told and left out."""
    setups = {
        "TRL SFTTrainer, default": "default",
        "TRL SFTTrainer, packing": "packing",
        "TRL SFTTrainer, best for this data": "best",
        "transformers Trainer": "trainer",
    }
    for name, setup in setups.items():
        try:
            yield peer(task, name, setup, python)
        except Failed as fault:
            measured.note(f"{task.name}: {name}: {fault}")
    yield ours(task)


def report(task: Task, rows: list[Row], about: str, peak: float) -> Iterator[str]:
    """Yield the lines of the results."""
    counts = task.counts
    yield f"# Training speed beside other trainers: {task.name}"
    yield ""
    yield f"`{measured.command_line()}` on {measured.machine(VERSIONS)} {about}."
    yield f"All in {task.dtype}; its matrix products alone: {peak:.0f} GFLOP/s."
    yield "One run of each, one after another: differences under 20% are ties."
    yield ""
    yield f"{counts.problems} problems, {PROBLEMS_A_STEP} in an optimiser step; {counts.examples} examples:"
    yield f"{counts.tokens:,} tokens one by one, {counts.merged:,} merged, {counts.learnt:,} learnt."
    yield ""
    yield from HEAD
    base = next((row for row in rows if "default" in row.name), rows[-1])
    yield from (row.line(base.problems / base.seconds) for row in rows)
    mine = rows[-1]
    flops = 6 * (106.2e6 * mine.tokens + 28.3e6 * mine.learnt) / mine.seconds / 1e9
    yield ""
    yield f"`socratic train` reaches {flops:.0f} GFLOP/s of model arithmetic, {flops / peak:.0%} of the products alone."


def gemm_peak() -> tuple[str, float]:
    """Return the type everybody computes in, and the GFLOP/s of products of the size that this model makes."""
    helper = [sys.executable, "-m", "tests.benchmarks.train_data", "peak"]
    done = subprocess.run(helper, capture_output=True, text=True, check=True, cwd=measured.ROOT)
    dtype, gflops = done.stdout.split()[-2:]
    return dtype, float(gflops)


def main() -> None:
    """Measure a task."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("task", choices=TASKS)
    parser.add_argument("--peers", type=Path, required=True, help="folder for the environments of other tools")
    parser.add_argument("--problems", type=int, default=96)
    asked = parser.parse_args()
    python, about = TRL.made(asked.peers, LIMIT)
    with tempfile.TemporaryDirectory() as folder:
        dtype, peak = gemm_peak()
        task = prepared(asked.task, Path(folder) / asked.task, asked.problems, dtype)
        rows = list(contenders(task, python))
    measured.write(f"train_throughput_{asked.task}", report(task, rows, about, peak))


if __name__ == "__main__":
    main()
