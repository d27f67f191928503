"""Problems held out of the training choose the step that is kept."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from socratic_cli.errors import InputError, Interrupted
from socratic_cli.parts import Progress, Scheme, Trained
from socratic_cli.plugins import load
from socratic_cli.records import Problem, Solution, Step
from socratic_cli.settings import Training
from socratic_cli.stages.holding import apart
from socratic_cli.stages.train import Lesson, prepare, train
from socratic_cli.students import adapters
from tests import tiny
from tests.test_checkpoints import Killed, assert_same, ignore, killing, no_more_room
from tests.test_students import student

torch.set_num_threads(1)
HELD = 3


def solutions(count: int = 12) -> list[Solution]:
    return [
        Solution(
            problem=Problem(
                id=f"p{at}", question=f"Ann has {at} hens and buys {at + 3}. How many?", answer=f"{2 * at + 3}"
            ),
            scheme="socratic",
            author="gold",
            steps=(Step(subquestion="How many has she?", solution=f"She has {at}+{at + 3} = {2 * at + 3}."),),
            answer=f"{2 * at + 3}",
        )
        for at in range(count)
    ]


def lesson(held_out: int = HELD) -> Lesson:
    return prepare(solutions(), load(Scheme, "socratic"), held_out)


def training(**more: Any) -> Training:
    options = {"max_steps": 12, "batch_size": 4, "learning_rate": 2e-2, "held_out": HELD, "evaluate_steps": 2}
    return Training(**(options | more))


def metrics(folder: Path, role: str = "solver") -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if line["role"] == role]


def solver(trained: list[Trained]) -> Trained:
    return next(one for one in trained if one.role == "solver")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.gpt2(tmp_path_factory.mktemp("held-out"), context=256, dropout=0.2)


def test_what_is_held_out_depends_on_the_questions_alone_and_no_question_is_on_both_sides() -> None:
    given = solutions()
    twice = [*given, *(one.model_copy(update={"sample": 1}) for one in given)]
    for some in (given, given[::-1], twice):
        kept, held = apart(some, HELD)
        assert {one.problem.id for one in held} == {one.problem.id for one in apart(given, HELD)[1]}
        assert not {one.problem.id for one in held} & {one.problem.id for one in kept}
        assert len(kept) + len(held) == len(some)
    assert len(apart(given, HELD)[1]) == HELD


def test_holding_out_everything_is_refused() -> None:
    with pytest.raises(InputError, match="held_out=12 leaves nothing to train on: there are 12 problems"):
        lesson(12)


def test_held_out_problems_are_seen_but_not_learnt() -> None:
    whole, less = lesson(0), lesson()
    assert len(less.passages) < len(whole.passages)
    assert less.held_out is not None
    assert sorted(map(repr, (*less.passages, *less.held_out.passages))) == sorted(map(repr, whole.passages))
    assert less.questions == whole.questions


@pytest.mark.parametrize("options", [{}, {"lora": True}])
def test_the_step_with_the_lowest_loss_is_kept(options: dict[str, Any], base: str, tmp_path: Path) -> None:
    trained = solver(train(lesson(), student(base, **options), training(), tmp_path, ignore))
    looks = {one["step"]: one["held_out_loss"] for one in metrics(tmp_path) if "held_out_loss" in one}
    assert sorted(looks) == [2, 4, 6, 8, 10, 12]
    best = min(looks, key=lambda step: looks[step])
    assert (trained.kept_step, trained.held_out_loss) == (best, looks[best])
    assert not [path for path in tmp_path.iterdir() if "best" in path.name]


def test_the_weights_are_those_of_the_kept_step(base: str, tmp_path: Path) -> None:
    """A rate that explodes after the first evaluation cannot be kept: so the weights must be the earlier ones."""
    wild = training(learning_rate=3.0, warmup=0.9, max_steps=10, evaluate_steps=1)
    trained = solver(train(lesson(), student(base), wild, tmp_path / "wild", ignore))
    assert trained.kept_step is not None
    assert trained.kept_step < 10
    assert trained.held_out_loss is not None
    again = student(str(tmp_path / "wild" / "solver"))
    still = training(learning_rate=1e-12, max_steps=1, evaluate_steps=1)
    measured = solver(train(lesson(), again, still, tmp_path / "again", ignore))
    assert measured.held_out_loss == pytest.approx(trained.held_out_loss, rel=1e-5)


def test_measuring_changes_nothing_else(base: str, tmp_path: Path) -> None:
    """Dropout would show if the random state were touched."""
    train(lesson(), student(base), training(choose_by="accuracy"), tmp_path / "measured", ignore)
    alone = lesson()
    alone.held_out = None
    train(alone, student(base), training(), tmp_path / "alone", ignore)
    losses = [[one["loss"] for one in metrics(tmp_path / name)] for name in ("measured", "alone")]
    assert losses[0] == losses[1]


def test_accuracy_is_of_the_role_that_writes_the_answer(base: str, tmp_path: Path) -> None:
    trained = train(lesson(), student(base), training(choose_by="accuracy"), tmp_path, ignore)
    assert solver(trained).held_out_accuracy is not None
    assert [one.held_out_accuracy for one in trained if one.role == "decomposer"] == [None]
    looks = [one["held_out_accuracy"] for one in metrics(tmp_path) if "held_out_accuracy" in one]
    assert len(looks) == 6
    assert solver(trained).held_out_accuracy == max(looks)


def test_the_gold_rationale_solves_all_and_silence_none() -> None:
    held = lesson().held_out
    assert held is not None
    assert held.answers == "solver"
    with load_parrot() as silent:
        assert held.accuracy(silent, []) == 1.0
        assert held.accuracy(silent, ["solver"]) == 0.0


def load_parrot() -> Any:
    from socratic_cli.parts import Student
    from socratic_cli.settings import Decoding

    return load(Student, "parrot").model(None, Decoding())


def test_it_stops_early(base: str, tmp_path: Path) -> None:
    wild = training(learning_rate=3.0, warmup=0.0, max_steps=40, evaluate_steps=1, early_stopping=3)
    trained = solver(train(lesson(), student(base), wild, tmp_path, ignore))
    assert trained.steps < 40
    assert trained.kept_step == trained.steps - 3
    assert len(metrics(tmp_path)) == trained.steps


@pytest.mark.parametrize("every", [1, 3])
def test_killed_it_keeps_the_same_step(every: int, base: str, tmp_path: Path) -> None:
    whole = train(lesson(), student(base), training(), tmp_path / "whole", ignore)
    trained: list[Trained] = []
    kills = iter((3, 5, 7, 4))
    while not trained:
        at = next(kills, None)
        try:
            report = killing(at) if at else ignore
            trained = train(lesson(), student(base), training(checkpoint_steps=every), tmp_path / "killed", report)
        except Killed:
            continue
    assert_same(tmp_path / "whole", tmp_path / "killed")
    assert [one.model_dump(exclude={"seconds"}) for one in trained] == [
        one.model_dump(exclude={"seconds"}) for one in whole
    ]


def test_a_student_that_could_not_be_saved_is_saved_by_the_same_command(
    base: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(lesson(), student(base, lora=True), training(), tmp_path / "whole", ignore)

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr(adapters, "save", killed)
    often = training(checkpoint_steps=5)
    with pytest.raises(Killed):
        train(lesson(), student(base, lora=True), often, tmp_path / "killed", ignore)
    monkeypatch.undo()
    again = train(lesson(), student(base, lora=True), often, tmp_path / "killed", ignore)
    assert_same(tmp_path / "whole", tmp_path / "killed")
    assert [one.kept_step for one in again] == [one.kept_step for one in whole]


def test_interrupted_where_it_stops_early_it_takes_no_further_step(base: str, tmp_path: Path) -> None:
    wild = training(learning_rate=3.0, warmup=0.0, max_steps=40, evaluate_steps=1, early_stopping=3)
    whole = train(lesson(), student(base), wild, tmp_path / "whole", ignore)
    stops = killing(whole[0].steps, fault=lambda: Interrupted("stop", signal.SIGINT))
    with pytest.raises(Interrupted):
        train(lesson(), student(base), wild, tmp_path / "stopped", stops)
    again = train(lesson(), student(base), wild, tmp_path / "stopped", ignore)
    assert [one.steps for one in again] == [one.steps for one in whole]
    assert_same(tmp_path / "whole", tmp_path / "stopped")


def test_a_disk_that_is_full_keeps_the_best_step_before(
    base: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with no_more_room() as fill:

        def report(progress: Progress) -> None:
            if progress.role == "solver" and progress.step == 2:
                fill()
            if progress.step == 11:
                raise Killed

        learnt = lesson()
        learnt.passages = [one for one in learnt.passages if one.role == "solver"]
        with pytest.raises(Killed):
            train(learnt, student(base), training(), tmp_path, report)
    assert "is the best so far and cannot be kept" in caplog.text
    assert [path.name for path in tmp_path.glob("*.best-*")] == ["solver.best-00000002.safetensors"]


@pytest.mark.parametrize("given", [{"early_stopping": 2}, {"choose_by": "accuracy"}, {"evaluate_steps": 5}])
def test_settings_about_held_out_problems_need_some(given: dict[str, Any]) -> None:
    with pytest.raises(ValidationError, match=f"{next(iter(given))} is about held-out problems"):
        Training(**given)
