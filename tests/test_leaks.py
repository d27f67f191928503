"""Copies of questions are found, whatever was changed in them, and quickly."""

from __future__ import annotations

import random
import re
import time
from pathlib import Path

import pytest

from socratic_cli.datasets.gsm8k import GSM8K
from socratic_cli.records import Problem
from socratic_cli.scoring.leaks import Known, leaks, shingles

QUESTION = "Ann has 12 hens, and each of them lays three eggs a day. How many eggs does she have after 7 days?"


def problem(question: str = QUESTION, id: str = "1") -> Problem:
    return Problem(id=id, question=question)


@pytest.mark.parametrize(
    ("other", "kind", "least"),
    [
        (QUESTION, "exact", 1.0),
        (QUESTION.upper().replace(",", " "), "exact", 1.0),
        (QUESTION.replace("12", "1,300").replace("three", "9").replace("7", "two"), "near", 1.0),
        (QUESTION.replace("Ann", "Bob").replace("she", "he"), "near", 0.6),
    ],
)
def test_copies_are_found(other: str, kind: str, least: float) -> None:
    (leak,) = leaks([problem()], [Known("What is the colour of the sky?", "a"), Known(other, "b")])
    assert (leak.problem, leak.kind, leak.source, leak.question) == ("1", kind, "b", other)
    assert least <= leak.similarity <= 1.0


def test_other_questions_are_none() -> None:
    other = "A train leaves at 7 and arrives at 9. How far does it go at 60 miles an hour?"
    assert leaks([problem()], [Known(other, "a")]) == ()
    assert leaks([problem()], []) == ()
    assert leaks([], [Known(QUESTION, "a")]) == ()


def test_the_worst_of_each_is_told_and_the_worst_of_all_comes_first() -> None:
    near = QUESTION.replace("Ann", "Bob")
    found = leaks(
        [problem(near, "1"), problem(QUESTION, "2")],
        [Known(QUESTION.replace("Ann", "Eve").replace("eggs a day", "eggs a week"), "a"), Known(QUESTION, "b")],
    )
    assert [(leak.problem, leak.kind, leak.source) for leak in found] == [("2", "exact", "b"), ("1", "near", "b")]


def test_the_index_is_jaccards(data_dir: Path) -> None:
    """The product of matrices agrees with sets, on real questions."""
    questions = [one.question for one in GSM8K(data_dir=data_dir).problems("test")][:60]
    shuffled = random.Random(0).sample(questions, len(questions))
    found = leaks([problem(q, str(n)) for n, q in enumerate(questions)], [Known(q, q) for q in shuffled], near=0.01)
    for leak in found:
        ours, theirs = shingles(questions[int(leak.problem)]), shingles(leak.question)
        assert leak.similarity == pytest.approx(len(ours & theirs) / len(ours | theirs))
        assert leak.kind == "exact"  # each is there itself
    assert len(found) == 60


def test_planted_copies_are_found_among_all_of_gsm8k(data_dir: Path) -> None:
    """1,319 x 7,473 questions in seconds: what was planted is found, and the retold stories that are really there."""
    gsm8k = GSM8K(data_dir=data_dir)
    tests = list(gsm8k.problems("test"))
    known = [Known(one.question, one.id) for one in gsm8k.problems("train")]
    planted = {one.id: re.sub(r"\d+", "77", one.question) for one in tests[::50]}
    began = time.process_time()
    found = {leak.problem: leak for leak in leaks(tests, [*known, *(Known(q, "planted") for q in planted.values())])}
    assert time.process_time() - began < 15
    assert planted.keys() <= {identity for identity, leak in found.items() if leak.source == "planted"}
    assert all(found[identity].similarity > 0.9 for identity in planted)
    real = [leak for leak in found.values() if leak.source != "planted"]
    assert {leak.kind for leak in real} == {"near"}
    assert 1 <= len(real) <= 5
    assert any(leak.question.startswith("Bella bought stamps at the post office") for leak in real)
