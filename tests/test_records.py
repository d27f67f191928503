"""Records travel between the verbs: nothing a user keeps in them is lost."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from socratic_cli.records import Exchange, Problem, Rejection, Score, Solution, Step, Usage, fingerprint

PROBLEM = Problem.model_validate(
    {"id": "a", "question": "Why?", "answer": "5", "steps": [{"solution": "So.", "mine": 1}], "facts": ["F."], "own": 2}
)


@pytest.mark.parametrize(
    "record",
    [
        PROBLEM,
        Solution(
            problem=PROBLEM,
            scheme="cot",
            author="me",
            steps=(Step(subquestion="How?", solution="So."),),
            answer="5",
            correct=True,
            usage=Usage(prompt_tokens=3),
            trace=(Exchange(role="solver", prompt="Why?", reply="So."),),
        ),
        Rejection(problem=PROBLEM, scheme="cot", author="me", reason="failed", detail="No.", replies=("So.",)),
        Score(scheme="cot", author="me", problems=1, correct=1, accuracy=1, low=0, high=1),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_line_is_read_back_as_the_record(record: Problem | Solution | Rejection | Score) -> None:
    assert type(record).model_validate(record.line()) == record


def test_fields_nobody_set_are_not_written() -> None:
    assert Problem(id="a", question="Why?").line() == {"id": "a", "question": "Why?"}


def test_unknown_fields_pass_through_at_every_depth() -> None:
    line = Solution(problem=PROBLEM, scheme="cot", author="me").line()
    assert line["problem"]["own"] == 2
    assert line["problem"]["steps"][0]["mine"] == 1


def test_a_blind_problem_holds_nothing_gold() -> None:
    assert PROBLEM.blind().line() == {"id": "a", "question": "Why?"}


def test_a_record_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        setattr(PROBLEM, "answer", "6")  # noqa: B010


def test_an_unknown_reason_is_refused() -> None:
    with pytest.raises(ValidationError, match="reason"):
        Rejection.model_validate(
            {"problem": PROBLEM, "scheme": "cot", "author": "me", "reason": "tired", "detail": "It is late."}
        )


def test_usage_adds_up() -> None:
    total = Usage(prompt_tokens=1, completion_tokens=2) + Usage(prompt_tokens=10, completion_tokens=20)
    assert total == Usage(prompt_tokens=11, completion_tokens=22)


def test_a_fingerprint_sees_words_only() -> None:
    assert fingerprint("Why,  Ann?") == fingerprint("why ann")
    assert fingerprint("Why Ann?") != fingerprint("Why Ben?")
    assert len(fingerprint("")) == 16
