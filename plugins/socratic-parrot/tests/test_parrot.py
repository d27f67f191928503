"""The parrot says what it heard, and nothing else."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from socratic_parrot import ParrotStudent, ParrotTeacher

from socratic_cli import plugins
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import InputError, StudentError, TeacherError
from socratic_cli.parts import Progress, Scheme, Student, Teacher
from socratic_cli.records import Problem, Solution, Step
from socratic_cli.settings import Decoding, Training
from socratic_cli.stages.solve import solve
from socratic_cli.stages.train import Lesson, prepare, train

STEPS = (
    Step(subquestion="How many hens has she after buying two?", solution="She has <<3+2=5>>5 hens."),
    Step(subquestion="How many eggs do they lay?", solution="They lay <<5*4=20>>20 eggs."),
)
HENS = Problem(id="hens", question="Ann has 3 hens and buys 2. Each lays 4 eggs. How many eggs?", answer="20")
COWS = Problem(id="cows", question="Ben has 7 cows and sells one. How many cows has he?", answer="6")
KNOWN = Solution(problem=HENS, scheme="gold", author="me", steps=STEPS, answer="20")
SCHEMES = ["answer", "cot", "socratic-unified", "socratic", "socratic ask=next", "socratic guidance=equations"]


def lesson(scheme: Scheme) -> Lesson:
    return prepare([KNOWN], scheme)


def solved(problems: list[Problem], scheme: Scheme, student: Student, folder: Path | None) -> list[Solution]:
    async def gathered() -> list[Solution]:
        with student.model(folder, Decoding()) as model:
            return [solution async for solution in solve(problems, scheme, model, student.label)]

    return asyncio.run(gathered())


def asked(teacher: Teacher, problem: Problem) -> Reply:
    return asyncio.run(teacher.reply(Turn("teacher", f"Question: {problem.question}\nAnswer:\n", problem)))


@pytest.fixture(params=SCHEMES)
def scheme(request: pytest.FixtureRequest) -> Scheme:
    return plugins.load(Scheme, request.param)


def test_it_solves_what_it_was_trained_on_and_nothing_else(scheme: Scheme, tmp_path: Path) -> None:
    parrot = plugins.load(Student, "parrot")
    train(lesson(scheme), parrot, Training(), tmp_path, lambda _: None)
    known, unknown = sorted(solved([HENS, COWS], scheme, parrot, tmp_path), key=lambda s: s.problem.id != "hens")
    assert known.correct is True
    assert known.unanswered is None
    assert unknown.answer is None
    assert unknown.unanswered is not None


def test_training_reports_every_role_and_counts_words(tmp_path: Path) -> None:
    scheme = plugins.load(Scheme, "socratic ask=next")
    seen: list[Progress] = []
    trained = ParrotStudent().train(lesson(scheme).passages, Training(), tmp_path, seen.append)
    assert {progress.role for progress in seen} == {role.role for role in trained} == {"decomposer", "solver"}
    assert all(0 < role.target_tokens < role.tokens for role in trained)
    assert sorted(path.parent.name for path in tmp_path.glob("*/passages.jsonl")) == ["decomposer", "solver"]


def test_an_untrained_parrot_knows_nothing() -> None:
    (solution,) = solved([HENS], plugins.load(Scheme, "cot"), ParrotStudent(), None)
    assert solution.unanswered == "unreadable"


def test_the_reply_to_unknown_prompts_can_be_chosen() -> None:
    parrot = ParrotStudent(unknown="It is six.\n#### 6")
    (solution,) = solved([COWS], plugins.load(Scheme, "cot"), parrot, None)
    assert solution.correct is True


def test_nothing_to_train_on_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StudentError, match="nothing"):
        ParrotStudent().train([], Training(), tmp_path, lambda _: None)


def test_a_folder_without_a_memory_is_no_parrot(tmp_path: Path) -> None:
    with pytest.raises(StudentError, match="holds no parrot"), ParrotStudent().model(tmp_path, Decoding()):
        pass


def test_a_damaged_memory_names_its_line(tmp_path: Path) -> None:
    (tmp_path / "solver").mkdir()
    (tmp_path / "solver" / "passages.jsonl").write_text('{"text": "a", "spans": [[0, 1]]}\n{"text"\n')
    with pytest.raises(InputError, match=r"passages\.jsonl:2"), ParrotStudent().model(tmp_path, Decoding()):
        pass


def test_no_torch_is_imported() -> None:
    code = "import sys, socratic_parrot; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.fixture
def replies(tmp_path: Path) -> Path:
    lines = [
        {"question": HENS.question, "reply": "They lay 20.\n#### 20"},
        {"question": "Who is there?", "reply": "It is", "finish_reason": "length"},
    ]
    path = tmp_path / "replies.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return path


def test_the_teacher_replies_as_recorded(replies: Path) -> None:
    teacher = plugins.load(Teacher, f"parrot:{replies}")
    assert asked(teacher, HENS).text == "They lay 20.\n#### 20"
    assert asked(teacher, Problem(id="x", question="who is there")).finish_reason == "length"
    assert asked(teacher, HENS).usage.completion_tokens == 5


def test_a_question_without_a_reply_fails_alone(replies: Path) -> None:
    with pytest.raises(TeacherError, match="no reply to problem cows"):
        asked(ParrotTeacher(file=replies), COWS)


def test_two_replies_to_one_question_are_an_error(replies: Path) -> None:
    replies.write_text(replies.read_text() * 2)
    with pytest.raises(InputError, match="two replies to the question 'Ann has"):
        asked(ParrotTeacher(file=replies), HENS)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere\.jsonl"):
        asked(ParrotTeacher(file=tmp_path / "nowhere.jsonl"), HENS)
