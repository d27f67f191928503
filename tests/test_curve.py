"""The training curve: what it shows, and that a picture never costs a student."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from socratic_cli import curve
from socratic_cli.errors import Interrupted
from socratic_cli.jobs.train import train_and_save
from socratic_cli.parts import Progress, Scheme, Student
from socratic_cli.plugins import load
from socratic_cli.settings import Training
from tests import tiny
from tests.test_checkpoints import ignore
from tests.test_held_out import lesson, training


def noted(folder: Path, role: str, count: int, **more: Any) -> None:
    folder.mkdir(exist_ok=True)
    with (folder / curve.METRICS).open("a") as file:
        for step in range(1, count + 1):
            measured = more if step % 4 == 0 else {}
            line = {"role": role, "step": step, "loss": 3.0 / step, "learning_rate": 1e-3 / step, **measured}
            file.write(json.dumps(line) + "\n")


def panels(folder: Path, monkeypatch: pytest.MonkeyPatch, kept: dict[str, int | None]) -> list[Axes]:
    """Draw, and return what was drawn."""
    drawn: list[Figure] = []
    save = Figure.savefig

    def savefig(self: Figure, *args: Any, **options: Any) -> None:
        drawn.append(self)
        save(self, *args, **options)

    monkeypatch.setattr(Figure, "savefig", savefig)
    curve.draw(folder, kept)
    return drawn[0].axes


def points(panel: Axes) -> dict[str, tuple[list[float], list[float]]]:
    lines = {str(line.get_label()): line for line in panel.lines}
    return {name: (list(line.get_xdata()), list(line.get_ydata())) for name, line in lines.items()}  # type: ignore[arg-type]


def test_it_shows_losses_by_role_what_was_held_out_and_the_step_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    noted(tmp_path, "solver", 20, held_out_loss=1.5, held_out_accuracy=0.25)
    noted(tmp_path, "decomposer", 12, held_out_loss=0.5)
    loss, solved, rate = panels(tmp_path, monkeypatch, {"solver": 8, "decomposer": None})
    shown = points(loss)
    assert {"solver", "decomposer", "solver, held out", "decomposer, held out", "step kept"} <= set(shown)
    assert shown["solver, held out"] == ([4, 8, 12, 16, 20], [1.5] * 5)
    assert shown["decomposer, held out"][0] == [4, 8, 12]
    assert shown["step kept"] == ([8], [1.5])
    assert shown["solver"][1][::19] == pytest.approx([3.0, 3.0 / 20])
    assert [len(line.get_xdata()) for line in solved.lines] == [5, 1]  # type: ignore[arg-type]
    assert [len(line.get_xdata()) for line in rate.lines] == [12, 20]  # type: ignore[arg-type]


def test_it_can_be_printed(tmp_path: Path) -> None:
    noted(tmp_path, "solver", 30)
    curve.draw(tmp_path)
    with Image.open(tmp_path / curve.NAME) as image:
        assert image.width == 1650  # 5.5 inches, the text of a paper's page, at 300 dots each
        assert len(image.getcolors(1 << 16) or []) > 10


def test_averages_are_centred_and_keep_both_ends() -> None:
    values = [float(value) for value in range(100)]
    assert curve.smoothed(values) == pytest.approx(values)
    noisy = [10.0, *([0.0, 2.0] * 50), 10.0]
    found = curve.smoothed(noisy)
    assert (found[0], found[-1]) == (10.0, 10.0)
    assert all(0.7 < value < 1.3 for value in found[20:80])
    assert curve.smoothed([]) == []


def test_a_line_torn_by_the_end_of_a_run_is_passed_over(tmp_path: Path) -> None:
    noted(tmp_path, "solver", 3)
    with (tmp_path / curve.METRICS).open("a") as file:
        file.write('{"role": "solver", "st')
    assert [line["step"] for line in curve.by_role(tmp_path / curve.METRICS)["solver"]] == [1, 2, 3]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.gpt2(tmp_path_factory.mktemp("curve"), context=256)


def trained(base: str, folder: Path, report: Any = ignore) -> None:
    student = load(Student, f"huggingface:{base}")
    train_and_save(lesson(), load(Scheme, "socratic"), student, training(max_steps=6), folder, report)


def test_it_is_beside_the_weights(base: str, tmp_path: Path) -> None:
    trained(base, tmp_path / "s")
    assert (tmp_path / "s" / "training.png").read_bytes().startswith(b"\x89PNG")
    card = (tmp_path / "s" / "README.md").read_text()
    assert "](training.png)" in card
    roles = json.loads((tmp_path / "s" / "student.json").read_text())["roles"]
    assert "| step kept | held-out loss |" in card
    for role in roles:
        assert f"| {role['role']} | {role['sequences']} | {role['target_tokens']:,} | 6 | {role['loss']:.3f} |" in card
        assert f"| {role['kept_step']} | {role['held_out_loss']:.3f} |" in card


def test_an_interrupted_training_is_drawn_as_far_as_it_went(base: str, tmp_path: Path) -> None:
    def stop(progress: Progress) -> None:
        if progress.step == 3:
            raise Interrupted("stopped", 2)

    with pytest.raises(Interrupted):
        trained(base, tmp_path / "s", stop)
    assert (tmp_path / ".s.part" / "training.png").is_file()
    trained(base, tmp_path / "s")
    assert (tmp_path / "s" / "training.png").is_file()


def test_a_student_is_kept_where_nothing_can_be_drawn(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with caplog.at_level(logging.WARNING):
        trained(base, tmp_path / "s")
    assert (tmp_path / "s" / "student.json").is_file()
    assert not (tmp_path / "s" / "training.png").exists()
    assert "training.png was not drawn: import of matplotlib" in caplog.text


def test_a_student_without_metrics_has_no_curve(tmp_path: Path) -> None:
    train_and_save(lesson(0), load(Scheme, "socratic"), load(Student, "parrot"), Training(), tmp_path / "s", ignore)
    assert not (tmp_path / "s" / "training.png").exists()
