"""Trackers: the numbers of metrics.jsonl, in real TensorBoard and MLflow stores, and never the end of a training."""

from __future__ import annotations

import json
import logging
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from socratic_cli.errors import Interrupted, RecipeError
from socratic_cli.jobs.train import train_and_save
from socratic_cli.parts import Progress, Scheme, Student
from socratic_cli.plugins import load
from socratic_cli.recipe import read
from socratic_cli.settings import Training
from socratic_cli.tracking import Place
from tests import tiny
from tests.command import socratic
from tests.test_checkpoints import Killed, ignore
from tests.test_held_out import lesson, metrics, training

ROLES = ("decomposer", "solver")


def installed(package: str) -> bool:
    return bool(list(metadata.distributions(name=package)))


no_wandb = pytest.mark.skipif(installed("wandb"), reason="wandb is installed here")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.gpt2(tmp_path_factory.mktemp("tracking"), context=256)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder in which MLflow keeps its runs."""
    for name in ("MLFLOW_EXPERIMENT_NAME", "MLFLOW_RUN_ID", "MLFLOW_TAGS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "mlruns").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    return tmp_path / "mlruns"


def trained(base: str, folder: Path, tracker: str, report: Any = ignore, **more: Any) -> None:
    options = {"max_steps": 6, "checkpoint_steps": 2, "tracker": tracker, **more}
    student = load(Student, f"huggingface:{base}")
    train_and_save(lesson(), load(Scheme, "socratic"), student, training(**options), folder, report)


def stopping(role: str, step: int, fault: BaseException | None = None) -> Any:
    def report(progress: Progress) -> None:
        if (progress.role, progress.step) == (role, step):
            raise fault or Interrupted("stopped", 2)

    return report


def noted(folder: Path, role: str, name: str) -> list[tuple[int, float]]:
    return [(line["step"], line[name]) for line in metrics(folder, role) if name in line]


def in_tensorboard(folder: Path, name: str) -> list[tuple[int, float]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def in_mlflow(name: str) -> dict[str, list[list[tuple[int, float]]]]:
    """Return what MLflow has of a number, for every run of every name."""
    from mlflow import MlflowClient

    client = MlflowClient()
    (experiment,) = client.search_experiments(filter_string="name = 'socratic'")
    found: dict[str, list[list[tuple[int, float]]]] = {}
    for run in client.search_runs([experiment.experiment_id]):
        history = [(one.step, one.value) for one in client.get_metric_history(run.info.run_id, name)]
        found.setdefault(str(run.info.run_name), []).append(sorted(history))
    return found


def assert_same(found: list[tuple[int, float]], wanted: list[tuple[int, float]]) -> None:
    assert [step for step, _ in found] == [step for step, _ in wanted]
    assert [value for _, value in found] == pytest.approx(
        [value for _, value in wanted], rel=1e-5
    )  # TensorBoard's floats


def test_tensorboard_shows_every_number_of_the_metrics(base: str, tmp_path: Path) -> None:
    trained(base, tmp_path / "s", "tensorboard")
    for role in ROLES:
        for name in ("loss", "learning_rate", "grad_norm", "tokens", "held_out_loss"):
            wanted = noted(tmp_path / "s", role, name)
            assert len(wanted) == (6 if name != "held_out_loss" else 3)
            assert_same(in_tensorboard(tmp_path / "tensorboard" / "s" / role, name), wanted)


def test_a_resumed_training_goes_on_counting_in_tensorboard(base: str, tmp_path: Path) -> None:
    """Killed after step 3, the solver goes on after the checkpoint of step 2: step 3 is done again, and shown once."""
    with pytest.raises(Killed):
        trained(base, tmp_path / "s", "tensorboard", stopping("solver", 3, Killed()))
    assert [path.name for path in (tmp_path / ".s.part").glob("solver.check*")] == ["solver.checkpoint-00000002"]
    trained(base, tmp_path / "s", "tensorboard")
    for role in ROLES:
        assert_same(in_tensorboard(tmp_path / "tensorboard" / "s" / role, "loss"), noted(tmp_path / "s", role, "loss"))


def test_mlflow_has_a_run_for_each_role_and_goes_on_with_it(base: str, tmp_path: Path, store: Path) -> None:
    with pytest.raises(Interrupted):
        trained(base, tmp_path / "s", "mlflow", stopping("solver", 3))
    trained(base, tmp_path / "s", "mlflow")
    found = in_mlflow("loss")
    assert sorted(found) == [f"{tmp_path}/s/{role}" for role in ROLES]
    for role in ROLES:
        (history,) = found[f"{tmp_path}/s/{role}"]
        assert_same(history, noted(tmp_path / "s", role, "loss"))
    remembered = json.loads((tmp_path / "s" / "solver.tracked.json").read_text())
    assert remembered["tracker"] == "mlflow"
    assert list(store.glob(f"*/{remembered['run']}"))


def test_mlflow_knows_the_settings(base: str, tmp_path: Path, store: Path) -> None:
    trained(base, tmp_path / "s", "mlflow")
    (params,) = {path.parent for path in store.glob("*/*/params/learning_rate") if "solver" in name_of(path.parents[1])}
    assert (params / "learning_rate").read_text() == "0.02"
    assert (params / "held_out").read_text() == "3"


def name_of(run: Path) -> str:
    return (run / "tags" / "mlflow.runName").read_text()


def test_a_tracker_that_fails_on_the_way_is_told_once_and_the_training_goes_on(
    base: str, tmp_path: Path, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def losing(progress: Progress) -> None:
        if (progress.role, progress.step) == ("solver", 2):
            shutil.rmtree(store)

    with caplog.at_level(logging.WARNING, "socratic_cli"):
        trained(base, tmp_path / "s", "mlflow", losing)
    assert len(metrics(tmp_path / "s")) == 6
    assert [record.message for record in caplog.records if "mlflow follows the training no more: " in record.message]
    assert len(caplog.records) == 1


def test_a_tracker_that_cannot_begin_is_told_and_the_training_goes_on(
    base: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tensorboard").write_text("in the way")
    with caplog.at_level(logging.WARNING, "socratic_cli"):
        trained(base, tmp_path / "s", "tensorboard")
    assert (tmp_path / "s" / "student.json").is_file()
    assert "tensorboard follows the training no more" in caplog.text


def test_a_tracker_is_no_part_of_what_a_training_is(base: str, tmp_path: Path) -> None:
    assert Training(tracker="wandb").identity() == Training().identity()
    with pytest.raises(Interrupted):
        trained(base, tmp_path / "s", "tensorboard", stopping("solver", 3))
    student = load(Student, f"huggingface:{base}")
    options = training(max_steps=6, checkpoint_steps=2)
    train_and_save(lesson(), load(Scheme, "socratic"), student, options, tmp_path / "s", ignore)
    assert len(metrics(tmp_path / "s")) == 6


@no_wandb
def test_a_missing_package_is_a_sentence_before_anything_is_read(tmp_path: Path) -> None:
    command = ("train", "none.jsonl", "-o", tmp_path / "s", "--student", "parrot", "--tracker")
    done = socratic(*command, "wandb")
    assert (done.code, done.out) == (2, "")
    assert done.err == "error: the tracker wandb needs the package wandb: pip install wandb\n"
    unknown = socratic(*command, "tensorbord")
    assert unknown.code == 2
    assert "'tensorboard'" in unknown.err


@no_wandb
def test_a_recipe_that_names_a_missing_tracker_is_told_where(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(
        "train: arithmetic/train\ntest: arithmetic/test\nstudents: [parrot]\n"
        "training:\n  tracker: wandb\n"
        "arms:\n  a: cot\n  b:\n    scheme: cot\n    training:\n      tracker: wandb\n"
    )
    with pytest.raises(RecipeError) as fault:
        read(path)
    assert [line.partition(": ")[0] for line in str(fault.value).splitlines()] == [f"{path}:5", f"{path}:11"]
    assert "pip install wandb" in str(fault.value)


def test_the_student_is_named_as_its_user_named_it() -> None:
    assert Place(Path("runs/.s.part"), "solver").name == "runs/s/solver"
    assert Place(Path("elsewhere"), "solver").name == "elsewhere/solver"
