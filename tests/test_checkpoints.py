"""A training that is killed, stopped, or out of disk goes on, and ends as if nothing had happened."""

from __future__ import annotations

import json
import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from socratic_cli.errors import Interrupted, OutputError
from socratic_cli.jobs.train import train_and_save
from socratic_cli.jsonl import Writer
from socratic_cli.parts import Progress, Scheme, Trained
from socratic_cli.records import Solution
from socratic_cli.settings import Training
from socratic_cli.stages.train import Lesson, prepare
from socratic_cli.trained import is_student
from tests import tiny
from tests.command import COMMAND, Outcome, socratic
from tests.test_students import PROBLEMS, lesson, scheme, student

torch.set_num_threads(1)

STEPS = 10
KINDS: dict[str, dict[str, Any]] = {
    "full": {},
    "lora": {"lora": True, "lora_dropout": 0.3},
    "8bit": {"load_in_8bit": True},
}


class Killed(Exception):
    """Stands for SIGKILL: nothing catches it on its way."""


@pytest.fixture(scope="session")
def dropping(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A base whose result depends on torch's random state."""
    return tiny.gpt2(tmp_path_factory.mktemp("dropping"), context=512, dropout=0.3)


def training(**more: Any) -> Training:
    return Training(max_steps=STEPS, batch_size=2, tokens_per_batch=64, learning_rate=1e-3, **more)


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return {
        f"{path.parent.name}/{name}": tensor
        for path in sorted(folder.glob("*/*.safetensors"))
        for name, tensor in load_file(path).items()
    }


def assert_same(one: Path, other: Path) -> None:
    left, right = weights(one), weights(other)
    assert left.keys() == right.keys() != set()
    assert [name for name in left if not torch.equal(left[name], right[name])] == []


def metrics(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def killing(at: int, *, fault: Callable[[], BaseException] = Killed) -> Callable[[Progress], None]:
    """Return a report that ends the run after so many steps, of whichever role."""
    left = at

    def report(_: Progress) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise fault()

    return report


@contextmanager
def no_more_room() -> Iterator[Callable[[], None]]:
    """Yield what lets no file of this process become larger than some kilobytes, as on a disk that is full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        yield lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, before[1]))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def ignore(_: Progress) -> None:
    pass


@pytest.mark.parametrize("every", [1, 3])
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_killed_at_random_steps_it_ends_with_the_same_weights(
    kind: str, every: int, dropping: str, tmp_path: Path
) -> None:
    chance = random.Random(every)
    teaching = student(dropping, **KINDS[kind])
    whole = teaching.train(lesson(), training(), tmp_path / "whole", ignore)
    trained: list[Trained] = []
    kills = 0
    while not trained:
        try:
            report = killing(chance.randrange(2, 9)) if kills < 6 else ignore
            trained = teaching.train(lesson(), training(checkpoint_steps=every), tmp_path / "killed", report)
        except Killed:
            kills += 1
    assert kills >= 2
    assert_same(tmp_path / "whole", tmp_path / "killed")
    numbers = [one.model_dump(exclude={"seconds"}) for one in trained]
    assert numbers == [one.model_dump(exclude={"seconds"}) for one in whole]
    steps = [(role, step) for role in ("decomposer", "solver") for step in range(1, STEPS + 1)]
    assert [(one["role"], one["step"]) for one in metrics(tmp_path / "killed")] == steps
    noted = [[one["loss"] for one in metrics(tmp_path / name)] for name in ("whole", "killed")]
    assert noted[0] == noted[1]
    assert not list((tmp_path / "killed").glob("*checkpoint*"))


def test_dropout_matters_here(dropping: str, tmp_path: Path) -> None:
    """Else the random states would be kept for nothing, and nobody would know."""
    teaching = student(dropping)
    with pytest.raises(Killed):
        teaching.train(lesson(), training(checkpoint_steps=1), tmp_path / "a", killing(5))
    teaching.train(lesson(), training(), tmp_path / "b", ignore)
    [kept] = (tmp_path / "a").glob("decomposer.checkpoint-*/state.safetensors")
    state = load_file(kept)
    with torch.random.fork_rng():
        torch.manual_seed(99)
        state["random.cpu"] = torch.get_rng_state()
    save_file(state, kept)
    teaching.train(lesson(), training(), tmp_path / "a", ignore)
    left, right = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert [name for name in left if not torch.equal(left[name], right[name])]


def test_an_interrupted_run_keeps_the_very_step(dropping: str, tmp_path: Path) -> None:
    teaching = student(dropping)
    with pytest.raises(Interrupted):
        teaching.train(lesson(), training(), tmp_path, killing(7, fault=lambda: Interrupted("stop", signal.SIGINT)))
    assert [path.name for path in tmp_path.glob("*checkpoint*")] == ["decomposer.checkpoint-00000007"]
    seen: list[Progress] = []
    teaching.train(lesson(), training(), tmp_path, seen.append)
    assert [one.step for one in seen] == [8, 9, 10, *range(1, STEPS + 1)]


def test_a_full_disk_ends_nothing_and_the_last_checkpoint_stays(
    dropping: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    killed = killing(6)
    with no_more_room() as fill:

        def report(progress: Progress) -> None:
            if progress.step == 3:
                fill()
            killed(progress)

        teaching = student(dropping)
        with pytest.raises(Killed):
            teaching.train(lesson(), training(checkpoint_steps=1), tmp_path, report)
    assert "no checkpoint of the decomposer at step 4: " in caplog.text
    assert "File too large" in caplog.text
    assert [path.name for path in tmp_path.glob("*checkpoint*")] == ["decomposer.checkpoint-00000003"]
    seen: list[Progress] = []
    teaching.train(lesson(), training(), tmp_path, seen.append)
    assert seen[0].step == 4


def taught(scheme: Scheme) -> Lesson:
    solutions = (
        Solution(problem=problem, scheme="socratic", author="gold", steps=known.steps, answer=known.answer)
        for problem, known in PROBLEMS
    )
    return prepare(solutions, scheme)


def save(folder: Path, base: str, training: Training, report: Callable[[Progress], None], **more: Any) -> None:
    train_and_save(taught(scheme()), scheme(), student(base), training, folder, report, **more)


def test_only_the_very_same_training_is_gone_on_with(dropping: str, tmp_path: Path) -> None:
    out = tmp_path / "s"
    with pytest.raises(Killed):
        save(out, dropping, training(checkpoint_steps=1), killing(STEPS + 2))
    assert not is_student(out)
    with pytest.raises(OutputError, match="an unfinished training that differs in seed: pass --overwrite"):
        save(out, dropping, training(seed=1), ignore)
    seen: list[Progress] = []
    save(out, dropping, training(), seen.append)  # when to keep checkpoints changes no weight
    assert [(one.role, one.step) for one in seen] == [("solver", step) for step in range(3, STEPS + 1)]
    assert is_student(out)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s"]

    with pytest.raises(Killed):
        save(tmp_path / "t", dropping, training(checkpoint_steps=1), killing(2))
    anew: list[Progress] = []
    save(tmp_path / "t", dropping, training(seed=1), anew.append, overwrite=True)
    assert len(anew) == 2 * STEPS


def test_killed_as_the_student_is_put_in_its_place_nothing_is_trained_again(
    dropping: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, replace = tmp_path / "s", Path.replace

    def killed(self: Path, target: Path) -> Path:
        if target == out:
            raise Killed
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", killed)
    with pytest.raises(Killed):
        save(out, dropping, training(), ignore)
    monkeypatch.undo()
    seen: list[Progress] = []
    save(out, dropping, training(), seen.append)
    assert (seen, is_student(out)) == ([], True)
    assert not (out / "plan.json").exists()


def test_two_trainings_on_one_output_are_told(dropping: str, tmp_path: Path) -> None:
    with Writer(tmp_path / ".s.lock", lock=True), pytest.raises(OutputError, match="another run"):
        save(tmp_path / "s", dropping, training(), ignore)


@pytest.fixture
def annotated(tmp_path: Path) -> Path:
    path = tmp_path / "annotations.jsonl"
    told = socratic("annotate", "arithmetic:2/train", "--limit", "16", "--teacher", "gold", "-o", path)
    assert told.code == 0, told.err
    return path


def arguments(annotations: Path, base: str, out: Path, *more: str) -> list[str]:
    settings = ["--max-steps", "60", "--batch-size", "2", "--seed", "3", "--checkpoint-steps", "2"]
    named = ["--student", f"huggingface:{base}", "--scheme", "socratic"]
    return ["train", str(annotations), "-o", str(out), *named, *settings, *more]


def test_the_command_survives_kill_9_and_ctrl_c(dropping: str, annotated: Path, tmp_path: Path) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    assert socratic(*arguments(annotated, dropping, whole), OMP_NUM_THREADS="1").code == 0
    assert stopped(annotated, dropping, out, signal.SIGKILL, after=9).code == -signal.SIGKILL
    assert not out.exists()
    interrupted = stopped(annotated, dropping, out, signal.SIGINT, after=31)
    assert interrupted.code == 130, interrupted.err
    assert "the same command goes on" in interrupted.err
    done = socratic(*arguments(annotated, dropping, out), OMP_NUM_THREADS="1")
    assert done.code == 0, done.err
    assert_same(whole, out)
    assert len(metrics(out)) == 2 * 60


def stopped(annotations: Path, base: str, out: Path, number: signal.Signals, *, after: int) -> Outcome:
    """Run the command, and send it a signal when it has noted so many steps."""
    noted = out.with_name(f".{out.name}.part") / "metrics.jsonl"
    command = ["env", "OMP_NUM_THREADS=1", *COMMAND, *arguments(annotations, base, out)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        until = time.monotonic() + 120
        while time.monotonic() < until and run.poll() is None:
            if noted.exists() and len(noted.read_text().splitlines()) >= after:
                run.send_signal(number)
                break
            time.sleep(0.01)
        out_text, err_text = run.communicate(timeout=120)
    return Outcome(run.returncode, out_text, err_text)
