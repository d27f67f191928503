"""Peak memory and speed of `socratic train` on a GPU: in full, with LoRA, and with LoRA on a base in 8 and 4 bit.

    python -m tests.benchmarks.train_gpu
    python -m tests.benchmarks.train_gpu --students huggingface:gpt2 --problems 50

GPT-2 large and SmolLM2-1.7B, computed in bfloat16, one epoch of GSM8K problems as chains of thought; each mode in a
process of its own, whose peak is that of what torch holds on the GPU. Needs CUDA, and the models from the hub or its
cache. Writes results/train_gpu.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from tests.benchmarks import measured
from tests.benchmarks.train_modes import MODES, Mode, Task, annotated, packages, rows, table

_MB = 1024 * 1024
_STUDENTS = ("huggingface:openai-community/gpt2-large", "huggingface:HuggingFaceTB/SmolLM2-1.7B")


def on_the_gpu(task: Task, student: str, mode: Mode, out: Path) -> float:
    """Train in a process of its own, which notes what it held on the GPU at the most."""
    peak = out.with_suffix(".peak.json")
    arguments = task.arguments(f"{student} dtype=bfloat16", mode, out)
    command = [sys.executable, "-m", "tests.benchmarks.train_gpu", "one", peak, *arguments]
    measured.run(command, task.limit, watch=False, HF_HUB_OFFLINE="0")
    return float(json.loads(peak.read_text(encoding="utf-8")))


def one(peak: Path, arguments: list[str]) -> None:
    """Run the command in this process, and note the peak."""
    import torch

    from socratic_cli.cli import app

    app(arguments, standalone_mode=False)
    peak.write_text(json.dumps(torch.cuda.max_memory_allocated() / _MB), encoding="utf-8")


def _gpu() -> str:
    """Return the name of the GPU, or end with a sentence."""
    import torch

    if not torch.cuda.is_available():
        sys.exit("train_gpu measures a GPU, and torch finds none (torch.cuda.is_available() is false)")
    return str(torch.cuda.get_device_name(0))


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--students", nargs="*", default=_STUDENTS)
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--scheme", default="cot")
    parser.add_argument("--limit", type=float, default=3600, help="seconds for one mode")
    given = parser.parse_args()
    gpu = _gpu()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task = Task(annotated(folder, given.problems, given.scheme), given.limit, ("--epochs", "1"))
        found = list(rows(task, given.students, MODES, on_the_gpu, folder))
    lines = [
        f"One epoch of {given.problems} problems of GSM8K's training file, scheme `{given.scheme}`, in bfloat16. Peak"
        " is what torch held on the GPU at the most (`max_memory_allocated`). One run each.",
        "",
        f"{gpu}. {measured.machine()} {packages()}",
        f"Made by `{measured.command_line()}`.",
        "",
        *table(found, "peak MB on the GPU"),
    ]
    measured.write("train_gpu", lines)


if __name__ == "__main__":
    if sys.argv[1:2] == ["one"]:
        one(Path(sys.argv[2]), sys.argv[3:])
    else:
        main()
