"""What each of several processes does in the tests of many processes; torchrun starts it as `-m tests.together`."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import torch

from socratic_cli import processes
from socratic_cli.errors import StudentError
from socratic_cli.settings import Training
from tests.test_checkpoints import Killed, ignore, killing
from tests.test_students import lesson, student

KINDS: dict[str, dict[str, Any]] = {
    "full": {},
    "lora": {"lora": True},
    "8bit": {"load_in_8bit": True},
    "dropping": {"lora": True, "lora_dropout": 0.5},
}


def training(**more: Any) -> Training:
    """Three sequences a step are shared by two processes; so is one, which leaves the other nothing."""
    options: dict[str, Any] = {"max_steps": 6, "batch_size": 3, "tokens_per_batch": 64, "learning_rate": 1e-3}
    return Training(**(options | more))


def train_all(base: str, folder: Path) -> None:
    """Train every kind of student, with fewer sequences than processes too, and once in two attempts."""
    for kind, options in KINDS.items():
        student(base, **options).train(lesson(), training(), folder / kind, ignore)
    student(base).train(lesson(), training(batch_size=1), folder / "alone", ignore)
    try:
        student(base, **KINDS["dropping"]).train(lesson(), training(checkpoint_steps=1), folder / "again", killing(4))
    except Killed:
        student(base, **KINDS["dropping"]).train(lesson(), training(), folder / "again", ignore)


def wait_in_vain() -> None:
    """Wait for another process that is there and does not answer."""
    processes.MINUTES = 0.05
    try:
        with processes.joined():
            if not processes.first():
                time.sleep(300)
            processes.meet()
    except StudentError as fault:
        sys.exit(f"told: {fault}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    if sys.argv[1] == "wait":
        wait_in_vain()
    else:
        train_all(sys.argv[1], Path(sys.argv[2]))
