"""Several chains of one problem, and the answer that most of them reach."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pydantic import ValidationError

from socratic_cli import plugins
from socratic_cli.dialogue import Reply, Turn, play
from socratic_cli.errors import UsageError
from socratic_cli.parts import Scheme, Student
from socratic_cli.records import Problem, Solution
from socratic_cli.settings import Decoding
from socratic_cli.stages.solve import solve
from socratic_cli.voting import Voted, vote
from tests import tiny

HENS = Problem(id="hens", question="Ann has 3 hens and buys 2. How many hens?", answer="5")


class Said:
    """A model that says one thing after another, and keeps what it was asked."""

    def __init__(self, *replies: str | Reply) -> None:
        self.replies = [Reply(reply) if isinstance(reply, str) else reply for reply in replies]
        self.asked: list[Turn] = []

    async def reply(self, turn: Turn) -> Reply:
        self.asked.append(turn)
        return self.replies[len(self.asked) - 1]


def voted(*replies: str | Reply, scheme: str = "cot") -> tuple[Said, Solution]:
    model, part = Said(*replies), plugins.load(Scheme, scheme)

    async def only() -> Solution:
        (solution,) = [one async for one in solve([HENS], part, model, "me", samples=len(replies))]
        return solution

    return model, asyncio.run(only())


def test_the_answer_of_most_chains_wins_with_the_first_chain_that_reached_it() -> None:
    model, solution = voted("No.\n#### 6", "She has 5.\n#### 5", "Five.\n#### 5.0", "It is.\n#### 7")
    assert (solution.answer, solution.correct) == ("5", True)
    assert [step.solution for step in solution.steps] == ["She has 5."]
    assert solution.votes == {"6": 1, "5": 2, "7": 1}
    assert [turn.sample for turn in model.asked] == [0, 1, 2, 3]
    assert len(solution.trace) == 4


def test_of_equals_the_first_wins() -> None:
    assert voted("A.\n#### 6", "B.\n#### 5")[1].answer == "6"


@pytest.mark.parametrize(
    "useless", [Reply("So it", "length"), Reply("", "content_filter"), Reply("ab" * 9, "repetition"), Reply("#### ")]
)
def test_a_chain_without_an_answer_does_not_vote_and_ends_nothing(useless: Reply) -> None:
    _, solution = voted(useless, "She has 5.\n#### 5", useless)
    assert (solution.answer, solution.unanswered) == ("5", None)
    assert solution.votes == {"5": 1}


def test_without_any_answer_there_is_a_reason() -> None:
    _, solution = voted("What?", Reply("So it", "length"))
    assert (solution.answer, solution.unanswered) == (None, "truncated")


def test_one_chain_is_as_it_was() -> None:
    _, solution = voted("She has 5.\n#### 5")
    assert "votes" not in solution.line()


def test_a_dialogue_of_many_turns_votes_too() -> None:
    chain = ("How many?", " She has 5.\n", " 5")
    model, part = Said(*chain, *chain), plugins.load(Scheme, "socratic")
    transcript = asyncio.run(play(vote(lambda: part.solve(HENS.blind()), 2), model))
    assert isinstance(transcript.rationale, Voted)
    assert transcript.rationale.votes == {"5": 2}
    assert [turn.sample for turn in model.asked] == [0, 0, 0, 1, 1, 1]


def test_samples_that_cannot_differ_are_refused() -> None:
    with pytest.raises(ValidationError, match="give a temperature"):
        Decoding(samples=4)


def test_an_oracle_cannot_vote() -> None:
    async def run() -> None:
        part = plugins.load(Scheme, "socratic")
        async for _ in solve([HENS], part, Said(), "me", samples=3, oracle=["decomposer"]):
            pass

    with pytest.raises(UsageError, match="cannot vote"):
        asyncio.run(run())


def test_the_chains_of_a_student_differ_and_come_again(tmp_path: Path) -> None:
    student = plugins.load(Student, f"huggingface:{tiny.llama(tmp_path, context=2048)} dtype=float32")

    def replies() -> list[str]:
        async def run(model: Said) -> list[str]:
            part = plugins.load(Scheme, "cot shots=0")
            found = solve([HENS], part, model, "me", prompted=True, samples=3)
            return [exchange.reply for solution in [one async for one in found] for exchange in solution.trace]

        with student.model(None, Decoding(max_new_tokens=8, temperature=1.5, samples=3)) as model:
            return asyncio.run(run(model))  # type: ignore[arg-type]

    first = replies()
    assert len(set(first)) > 1
    assert replies() == first
