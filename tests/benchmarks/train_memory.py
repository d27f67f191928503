"""Peak memory and speed of `socratic train` in full, with LoRA, and with LoRA on a base in 8 and 4 bit, on a CPU.

    python -m tests.benchmarks.train_memory
    python -m tests.benchmarks.train_memory --problems 50 --modes 2

SmolLM2-135M, one epoch of GSM8K problems as chains of thought, each mode in a process of its own. Writes
results/train_memory.md.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.benchmarks import measured
from tests.benchmarks.train_modes import MODES, Task, annotated, in_a_process, packages, rows, table


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--student", default="smollm2-135m")
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--scheme", default="cot")
    parser.add_argument("--modes", type=int, nargs="*", default=range(len(MODES)), help="positions in the list, from 0")
    parser.add_argument("--limit", type=float, default=1800, help="seconds for one mode")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task = Task(annotated(folder, given.problems, given.scheme), given.limit, ("--epochs", "1"))
        found = list(rows(task, [given.student], [MODES[at] for at in given.modes], in_a_process, folder))
    lines = [
        f"One epoch of {given.problems} problems of GSM8K's training file, scheme `{given.scheme}`. Peak is that of the"
        " process's resident memory (`ru_maxrss`), Python and its libraries included; the seconds are those of the"
        " training steps, and the loss is the mean of their last tenth. One run each: differences under 20% are ties.",
        "",
        f"{measured.machine()} {packages()}",
        f"Made by `{measured.command_line()}`.",
        "",
        *table(found, "peak MB"),
    ]
    measured.write("train_memory", lines)


if __name__ == "__main__":
    main()
