"""The benchmarks of training's memory do what they say: tried on a tiny student."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests import tiny
from tests.benchmarks.train_gpu import on_the_gpu
from tests.benchmarks.train_modes import MODES, Mode, Task, annotated, in_a_process, rows, table

STEPS = ("--max-steps", "2")


@pytest.fixture
def task(tmp_path: Path, data_dir: Path) -> Task:
    assert data_dir.is_dir()
    return Task(annotated(tmp_path, 4, "cot"), limit=600, more=STEPS)


def test_a_mode_is_measured_and_one_that_is_impossible_says_why(task: Task, tmp_path: Path) -> None:
    student = f"huggingface:{tiny.gpt2(tmp_path / 'base', context=512)}"
    wanted = [MODES[1], Mode("impossible", "load_in_7bit=true", "1e-3")]
    adapted, impossible = rows(task, [student], wanted, in_a_process, tmp_path)
    assert adapted.peak > 100
    assert adapted.tokens > 0
    assert "unknown option 'load_in_7bit'" in impossible.why_not
    assert [line.count("|") for line in table([adapted, impossible], "peak MB")] == [8] * 4


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_refuses_with_a_sentence() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.benchmarks.train_gpu"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("train_gpu measures a GPU, and torch finds none")


@pytest.mark.gpu
def test_every_mode_is_measured_on_a_gpu(task: Task, tmp_path: Path) -> None:
    student = f"huggingface:{tiny.llama(tmp_path / 'base', context=512)}"
    found = list(rows(task, [student], MODES, on_the_gpu, tmp_path))
    assert [row.why_not for row in found] == [""] * len(MODES)
    assert all(row.peak > 0 for row in found)
