"""Several processes come to what one makes of the same steps, survive together, and only the first one writes."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch

from socratic_cli import processes
from socratic_cli.errors import StudentError, UsageError
from socratic_cli.students import shards
from socratic_cli.students.sharing import shares
from socratic_cli.students.tokens import Sequence
from socratic_cli.trained import is_student
from tests import tiny
from tests.command import COMMAND, socratic
from tests.test_checkpoints import ignore, metrics, weights
from tests.test_students import lesson, student
from tests.together import KINDS, training

torch.set_num_threads(1)

ROOT = Path(__file__).parent.parent
FSDP = ROOT / "recipes" / "launch" / "fsdp.yaml"
TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
ACCELERATE = ("-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "--main_process_port", "0")
SHARDED = (*ACCELERATE[:2], "--config_file", str(FSDP), *ACCELERATE[3:])
LOSSES = 1e-5
"""Relative: the order of a sum is all that differs."""
WEIGHTS = 1e-3
"""Absolute, which is a step at the learning rate of these runs: AdamW makes whole steps of gradients near zero."""


class Ended(NamedTuple):
    code: int
    err: str


def start(launcher: tuple[str, ...], *arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, *launcher, *map(str, arguments)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), **environment},
    )


def end(run: subprocess.Popen[str]) -> Ended:
    _, err = run.communicate(timeout=300)
    return Ended(run.returncode, err)


def by_hand(*arguments: str | Path) -> list[subprocess.Popen[str]]:
    """Start two processes as a cluster's own launcher does, so that the exit code of each is seen."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    told = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [start((), *arguments, **told, RANK=str(at), LOCAL_RANK=str(at)) for at in range(2)]


def sequence(length: int) -> Sequence:
    return Sequence(tuple(range(length)), (True,) * length)


def losses(folder: Path) -> list[float]:
    return [one["loss"] for one in metrics(folder)]


def assert_close(one: Path, other: Path) -> None:
    assert losses(other) == pytest.approx(losses(one), rel=LOSSES)
    left, right = weights(one), weights(other)
    assert left.keys() == right.keys() != set()
    assert max(float((left[name] - right[name]).abs().max()) for name in left) < WEIGHTS


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.llama(tmp_path_factory.mktemp("base"), context=512)


@pytest.fixture(scope="module")
def together(base: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes trained."""
    folder = tmp_path_factory.mktemp("together")
    ended = end(start(TORCHRUN, "-m", "tests.together", base, folder))
    assert ended.code == 0, ended.err
    return folder


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_shares_are_balanced_whole_and_the_same_for_all(count: int) -> None:
    batch = [sequence(length) for length in (90, 10, 80, 20, 70, 30)]
    dealt = shares(batch, count)
    assert len(dealt) == count
    assert sorted(len(one) for share in dealt for one in share) == [10, 20, 30, 70, 80, 90]
    loads = [sum(map(len, share)) for share in dealt]
    assert max(loads) - min(loads) <= 90 if count > 3 else max(loads) - min(loads) <= 10
    assert dealt == shares(batch, count)


@pytest.mark.parametrize("kind", ["full", "lora", "8bit"])
def test_two_processes_come_to_what_one_does(kind: str, base: str, together: Path, tmp_path: Path) -> None:
    student(base, **KINDS[kind]).train(lesson(), training(), tmp_path, ignore)
    assert_close(tmp_path, together / kind)


def test_a_step_with_fewer_sequences_than_processes(base: str, together: Path, tmp_path: Path) -> None:
    student(base).train(lesson(), training(batch_size=1), tmp_path, ignore)
    assert_close(tmp_path, together / "alone")


def test_dropout_goes_on_in_each_process_where_it_was(together: Path) -> None:
    assert losses(together / "again") == losses(together / "dropping")
    left, right = weights(together / "again"), weights(together / "dropping")
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


def test_a_process_that_does_not_answer_is_given_up(tmp_path: Path) -> None:
    first, other = by_hand("-m", "tests.together", "wait", tmp_path)
    ended = end(first)
    other.kill()
    end(other)
    assert ended.code == 1
    assert "told: another process of this training ended, or did not answer" in ended.err


@pytest.fixture(scope="module")
def annotated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("annotated") / "annotations.jsonl"
    told = socratic("annotate", "arithmetic:2/train", "--limit", "16", "--teacher", "gold", "-o", path)
    assert told.code == 0, told.err
    return path


def command(annotations: Path, base: str, out: Path, *more: str) -> list[str]:
    settings = ["--max-steps", "30", "--batch-size", "3", "--seed", "3", "--checkpoint-steps", "2", *more]
    named = ["--student", f"huggingface:{base} dtype=float32", "--scheme", "socratic", "--learning-rate", "1e-3"]
    return [*COMMAND[1:], "train", str(annotations), "-o", str(out), *named, *settings]


def noted(out: Path, steps: int, runs: list[subprocess.Popen[str]]) -> None:
    """Wait until so many steps are noted, or a run has ended."""
    path, until = out.with_name(f".{out.name}.part") / "metrics.jsonl", time.monotonic() + 120
    while time.monotonic() < until and all(run.poll() is None for run in runs):
        if path.exists() and len(path.read_text().splitlines()) >= steps:
            return
        time.sleep(0.01)


def child(launcher: subprocess.Popen[str], number: int) -> int:
    """Return the process id of one of a launcher's processes."""
    for found in Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split():
        if f"RANK={number}" in Path(f"/proc/{found}/environ").read_text().split("\0"):
            return int(found)
    raise AssertionError("no such process")


@pytest.mark.slow  # minutes, of which most are the libraries' that each process imports
@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="finds processes in /proc")
def test_killed_interrupted_and_gone_on_with_they_end_with_one_student(
    base: str, annotated: Path, tmp_path: Path
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    alone = end(start((), *command(annotated, base, whole)))
    assert alone.code == 0, alone.err

    killed = start(TORCHRUN, *command(annotated, base, out))
    noted(out, 9, [killed])
    os.kill(child(killed, 1), signal.SIGKILL)
    ended = end(killed)  # nobody hangs
    assert ended.code == 1
    assert not out.exists()
    assert list(tmp_path.glob(".out.part/decomposer.checkpoint-*"))

    runs = by_hand(*command(annotated, base, out))
    noted(out, 36, runs)
    runs[1].send_signal(signal.SIGINT)  # it need not reach all of them
    first, other = map(end, runs)
    assert (first.code, other.code) == (130, 130)
    assert "the decomposer goes on after step" in first.err
    assert "the same command goes on" in first.err
    assert other.err == ""
    [kept] = tmp_path.glob(".out.part/*.checkpoint-*")
    assert kept.name == f"solver.checkpoint-{metrics(kept.parent)[-1]['step']:08}"  # of the very step

    done = end(start(ACCELERATE, *command(annotated, base, out)))
    assert done.code == 0, done.err
    assert done.err.count("train solver: 30/30") == 1
    assert done.err.count(f"{out}: 16 problems") == 1
    assert [(one["role"], one["step"]) for one in metrics(out)] == [
        (role, step) for role in ("decomposer", "solver") for step in range(1, 31)
    ]
    assert is_student(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "whole"]
    assert_close(whole, out)


def test_what_only_one_can_do_is_refused_or_told_once(annotated: Path, base: str, tmp_path: Path) -> None:
    piped = end(start((), *command(Path("-"), base, tmp_path / "s"), RANK="0", WORLD_SIZE="2", LOCAL_RANK="0"))
    assert piped.code == 2
    assert "several processes cannot read one pipe: name a file" in piped.err
    other = end(start((), *command(Path("-"), base, tmp_path / "s"), RANK="1", WORLD_SIZE="2", LOCAL_RANK="1"))
    assert (other.code, other.err) == (2, "")
    solving = end(start((), *COMMAND[1:], "solve", "s", str(annotated), RANK="0", WORLD_SIZE="2", LOCAL_RANK="0"))
    assert solving.code == 2
    assert "only train is launched as several" in solving.err
    lonely = end(start((), *command(annotated, base, tmp_path / "s"), RANK="0", WORLD_SIZE="2"))
    assert lonely.code == 2
    assert "start the processes with torchrun or accelerate launch" in lonely.err


def test_one_process_alone_talks_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RANK", raising=False)
    monkeypatch.setenv("WORLD_SIZE", "8")  # some clusters set it for jobs of one process
    assert (processes.count(), processes.number(), processes.first(), processes.sharded()) == (1, 0, True, False)
    assert processes.totals([1.5, 2.0]) == [1.5, 2.0]
    assert (processes.of_first("a"), processes.gathered("a"), processes.highest(3)) == ("a", ["a"], 3)
    with pytest.raises(StudentError, match="full"):
        processes.first_does(lambda: (_ for _ in ()).throw(StudentError("the disk is full")))


def test_the_configuration_for_gpus_is_what_accelerate_understands() -> None:
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.commands.launch import launch_command_parser
    from accelerate.utils import DistributedType

    told: Any = load_config_from_file(str(FSDP))  # knows its keys, and raises at others
    assert told.distributed_type == DistributedType.FSDP
    known = {action.dest for action in launch_command_parser()._actions}
    assert set(told.fsdp_config) <= known
    head = FSDP.read_text(encoding="utf-8").partition("\ncompute_environment")[0]
    assert all(line.startswith("#") for line in head.splitlines())
    assert f"accelerate launch --config_file recipes/launch/{FSDP.name}" in head


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({}, ""),
        ({"FSDP_VERSION": "1"}, "fsdp_version: 2"),
        ({"FSDP_OFFLOAD_PARAMS": "true"}, "fsdp_offload_params: false"),
        ({"FSDP_ACTIVATION_CHECKPOINTING": "true"}, "fsdp_activation_checkpointing: false"),
    ],
)
def test_a_configuration_that_is_not_supported_says_what_to_set(
    setting: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in ({"FSDP_VERSION": "2", "FSDP_CPU_RAM_EFFICIENT_LOADING": "false"} | setting).items():
        monkeypatch.setenv(name, value)
    if not sentence:
        assert shards.configured().fsdp_version == 2
        return
    with pytest.raises(UsageError, match=sentence):
        shards.configured()


@pytest.mark.slow
@pytest.mark.parametrize("make", sorted(tiny.MAKERS))  # GPT-2's output layer is its embedding
def test_weights_in_parts_come_to_what_one_process_does(make: str, annotated: Path, tmp_path: Path) -> None:
    """Interrupted, gone on with, chosen on held-out problems; a step has one sequence, so that a process has none."""
    base = tiny.MAKERS[make](tmp_path / "base", context=512)
    whole, out = tmp_path / "whole", tmp_path / "out"
    more = ("--held-out", "4", "--evaluate-steps", "7")
    alone = end(start((), *command(annotated, base, whole, *more)))
    assert alone.code == 0, alone.err

    stopped = start(SHARDED, *command(annotated, base, out, *more))
    noted(out, 36, [stopped])
    stopped.send_signal(signal.SIGINT)
    assert "the same command goes on" in end(stopped).err
    assert list(tmp_path.glob(".out.part/solver.checkpoint-*"))
    done = end(start(SHARDED, *command(annotated, base, out, *more)))
    assert done.code == 0, done.err
    assert "the solver goes on after step" in done.err
    assert_close(whole, out)
    assert [one.get("held_out_loss") for one in metrics(out)] == [
        pytest.approx(one.get("held_out_loss"), rel=LOSSES) for one in metrics(whole)
    ]


@pytest.mark.slow
def test_adapters_are_not_put_in_parts(annotated: Path, base: str, tmp_path: Path) -> None:
    refused = end(start(SHARDED, *command(annotated, base, tmp_path / "s", "--lora")))
    assert refused.err.count("error: ") == 1
    assert "launch LoRA, 8 bit and 4 bit without FSDP" in refused.err
