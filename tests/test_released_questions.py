"""Dialogues that others released become solutions, by their rule and by ours."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from socratic_cli.records import Solution
from tests.benchmarks import released_questions as released

HENS, PENS = "Ann\u2019s 3 hens lay 2 eggs each. How many eggs?", "Bob has $1,200 and a pen of $1. What is left?"


def line(question: str, answers: str | list[str], answer: float) -> dict[str, object]:
    return {
        "problem": question,
        "questions": "Q1: How many?\nQ2: And\nin total?",
        "answers": answers,
        "answer": answer,
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What was released: of every pair two dialogues, one that is right and one that never ends."""
    test = tmp_path / "data/gsm8k/test.jsonl"
    test.parent.mkdir(parents=True)
    gold = [{"question": HENS, "answer": "3*2=6\n#### 6"}, {"question": PENS, "answer": "1200-1=1199\n#### 1199"}]
    for path in (test, test.with_name("test_socratic.jsonl")):
        path.write_text("".join(json.dumps(one) + "\n" for one in gold))
    lines = [
        line(HENS.replace("\u2019", "'"), ["A1: 3 hens\nA2: 3*2=6 eggs\n\nFinal answer: 6 eggs"], 6),
        line(PENS, "A1: He has 1199. A2: The rest", 1199),
    ]
    for solver in released.SOLVERS:
        for file in released.DECOMPOSERS:
            path = tmp_path / "released" / solver / f"{file}.jsonl"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("".join(json.dumps(one) + "\n" for one in lines))
    return tmp_path


def test_dialogues_are_solutions_of_the_problems(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = folder / "dialogues"
    given = [str(folder / "released"), str(out), "--data-dir", str(folder / "data")]
    monkeypatch.setattr("sys.argv", ["released_questions", *given])
    released.main()
    assert "| gpt2-small | mistral | 2 | 50.00% |" in capsys.readouterr().out
    read = (out / "gpt2-small-asks-chatgpt.jsonl").read_text().splitlines()
    right, endless = (Solution.model_validate_json(text) for text in read)
    assert (right.problem.id, right.answer, right.unanswered) == ("gsm8k/test/0", "6", None)
    assert [(step.subquestion, step.solution) for step in right.steps] == [
        ("How many?", "3 hens"),
        ("And in total?", "3*2=6 eggs"),
    ]
    assert (endless.problem.id, endless.answer, endless.unanswered) == ("gsm8k/test/1", None, "unreadable")
    asked = [json.loads(text) for text in (out / "chatgpt.jsonl").read_text().splitlines()]
    assert asked[0] == {"question": HENS, "reply": "How many?\nAnd in total?"}


@pytest.mark.parametrize(
    ("answers", "answer", "right"),
    [
        ("Final answer: $1199.", 1199, True),
        ("Final answer: $1,199.", 1199, False),  # read as 1
        ("FINAL ANSWER: about 2.50 of 3", 2.5, True),
        ("Final answer: 7, not 6", 6, False),
        ("Final answer: none", 6, False),
    ],
)
def test_their_rule_reads_the_first_number_after_the_mark(answers: str, answer: float, right: bool) -> None:
    assert released.right_by_their_rule(line(HENS, answers, answer)) is right
