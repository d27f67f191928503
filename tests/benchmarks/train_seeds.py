"""How far the loss after the same problems depends on their order alone: `socratic train` and TRL with several seeds.

    python -m tests.benchmarks.train_seeds --peers DIR [--problems N] [--seeds N]

Chains of thought, as in train_throughput, whose differences in loss it puts in proportion. No speeds are told, so the
machine may be busy meanwhile. Writes results/train_seeds.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from statistics import mean, stdev

from tests.benchmarks import measured
from tests.benchmarks.contenders import TRL
from tests.benchmarks.train_throughput import LIMIT, VERSIONS, gemm_peak, ours, peer, prepared

TASK = "cot"


def report(losses: dict[str, list[float]], problems: int, about: str) -> Iterator[str]:
    """Yield the lines of the results."""
    yield f"# The loss by the order of {problems} problems"
    yield ""
    yield f"`{measured.command_line()}` on {measured.machine(VERSIONS)} {about}."
    yield "Chains of thought, one epoch; the loss on 64 held-out problems, by seed 0, 1, ..."
    yield ""
    yield "| trained by | mean | standard deviation | each |"
    yield "|---|--:|--:|---|"
    for name, found in losses.items():
        each = ", ".join(f"{loss:.3f}" for loss in found)
        yield f"| {name} | {mean(found):.3f} | {stdev(found):.3f} | {each} |"


def main() -> None:
    """Train with every seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peers", type=Path, required=True, help="folder for the environments of other tools")
    parser.add_argument("--problems", type=int, default=64)
    parser.add_argument("--seeds", type=int, default=3, help="at least 2")
    asked = parser.parse_args()
    python, about = TRL.made(asked.peers, LIMIT)
    with tempfile.TemporaryDirectory() as folder:
        task = prepared(TASK, Path(folder) / "cot", asked.problems, gemm_peak()[0])
        seeds = range(asked.seeds)
        losses = {
            "`socratic train`": [ours(task, seed).loss for seed in seeds],
            "TRL SFTTrainer, default": [peer(task, "TRL", "default", python, seed).loss for seed in seeds],
            "TRL SFTTrainer, packing": [peer(task, "TRL", "packing", python, seed).loss for seed in seeds],
        }
    measured.write("train_seeds", report(losses, asked.problems, about))


if __name__ == "__main__":
    main()
