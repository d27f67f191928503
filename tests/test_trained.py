"""A student on disk, and from Python."""

from __future__ import annotations

from pathlib import Path

import pytest
from huggingface_hub import ModelCard

from socratic_cli import TrainedStudent, plugins
from socratic_cli.errors import OutputError, StudentError, UsageError
from socratic_cli.jobs.train import train_and_save
from socratic_cli.notation import read
from socratic_cli.parts import Progress, Scheme, Student
from socratic_cli.records import Problem, Solution
from socratic_cli.settings import Training
from socratic_cli.stages.train import Lesson, prepare
from tests import tiny

TEXT = "How many? ** 3+2 = <<3+2=5>>5\nAnd twice? ** 5*2 = <<5*2=10>>10\n#### 10"


def lesson(scheme: Scheme, *questions: str) -> Lesson:
    rationale = read(TEXT)
    return prepare(
        (
            Solution(
                problem=Problem(id=question, question=question, answer="10"),
                scheme="socratic",
                author="gold",
                steps=rationale.steps,
                answer=rationale.answer,
            )
            for question in questions
        ),
        scheme,
    )


def save(folder: Path, spec: str, *questions: str, overwrite: bool = False) -> None:
    scheme = plugins.load(Scheme, spec)
    student = plugins.load(Student, "parrot")
    train_and_save(lesson(scheme, *questions), scheme, student, Training(), folder, ignore, overwrite=overwrite)


def ignore(_progress: Progress) -> None:
    pass


@pytest.mark.parametrize("spec", ["answer", "cot", "socratic-unified", "socratic", "socratic ask=next guidance=count"])
def test_a_saved_student_solves_in_its_own_scheme(tmp_path: Path, spec: str) -> None:
    save(tmp_path / "s", spec, "Q one?", "Q two?")
    student = TrainedStudent.load(tmp_path / "s")
    assert student.scheme.label == spec
    solution = student.solve("Q two?")
    assert solution.answer == "10"
    assert solution.author == str(tmp_path / "s")
    assert [s.answer for s in student.solve_all(["Q one?", "Q three?", "Q two?"])] == ["10", None, "10"]


def test_it_knows_every_question_it_was_trained_on(tmp_path: Path) -> None:
    save(tmp_path / "s", "cot", "How many hens, in all?", "And cows?")
    student = TrainedStudent.load(tmp_path / "s")
    assert student.saw("how many hens in all")
    assert not student.saw("How many ducks, in all?")
    assert student.solve("How many hens, in all?").leaked
    assert not student.solve("How many ducks, in all?").leaked


def test_its_card_tells_people_and_hubs_what_it_is(tmp_path: Path) -> None:
    base = Path(tiny.gpt2(tmp_path / "base"))
    (base / "README.md").write_text("---\nlicense: mit\n---\n# A base\n")
    scheme, student = plugins.load(Scheme, "socratic ask=next"), plugins.load(Student, f"huggingface:{base}")
    train_and_save(
        lesson(scheme, "Q one?", "Q two?"), scheme, student, Training(max_steps=1), tmp_path / "pair", ignore
    )
    card = ModelCard.load(tmp_path / "pair" / "README.md")
    assert (card.data.license, card.data.base_model) == ("mit", None)  # a folder is no name on a hub
    counts = ("Problems: 2", "Annotations by `gold`: 2", "| solver | 2 |")
    for told in ("# pair", "`socratic ask=next`", f"Base: `{student.label}`", *counts):
        assert told in card.text


def test_a_base_without_a_card_has_no_licence(tmp_path: Path) -> None:
    base = tiny.gpt2(tmp_path / "base")
    assert plugins.load(Student, f"huggingface:{base}").about() == {}
    (Path(base) / "README.md").write_text("---\n[: no yaml\n---\n")
    assert plugins.load(Student, f"huggingface:{base}").about() == {}
    assert plugins.load(Student, "huggingface:nobody/nothing").about() == {"base_model": "nobody/nothing"}


def test_a_student_appears_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(tmp_path / "s", "cot", "Q?")
    before = sorted((path.name, path.read_bytes()) for path in (tmp_path / "s").rglob("*") if path.is_file())

    def fails(*_: object) -> None:
        raise StudentError("the disk is full")

    monkeypatch.setattr(plugins.part_class(Student, "parrot"), "train", fails)
    with pytest.raises(StudentError):
        save(tmp_path / "s", "cot", "Q?", "R?", overwrite=True)
    with pytest.raises(StudentError):
        save(tmp_path / "t", "cot", "Q?")
    assert before == sorted((path.name, path.read_bytes()) for path in (tmp_path / "s").rglob("*") if path.is_file())
    assert not (tmp_path / "t").exists()


def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    save(tmp_path / "s", "cot", "Q?")
    with pytest.raises(OutputError, match="--overwrite"):
        save(tmp_path / "s", "cot", "Q?")
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="is a file"):
        save(tmp_path / "file", "cot", "Q?")


def test_what_is_no_student_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudentError, match=r"has no student.json"):
        TrainedStudent.load(tmp_path)
    save(tmp_path / "s", "cot", "Q?")
    with pytest.raises(UsageError, match="unknown option 'load_in_9bit'"):
        TrainedStudent.load(tmp_path / "s", load_in_9bit=True)
    card = tmp_path / "s" / "student.json"
    card.write_text(card.read_text().replace('"problems"', '"probblems"'))
    with pytest.raises(StudentError, match="is damaged"):
        TrainedStudent.load(tmp_path / "s")
