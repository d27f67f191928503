"""A problem becomes smaller ones; each is played in another scheme, with the answers before it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from socratic_cli import plugins
from socratic_cli.dialogue import Reply, Transcript, Turn, play, rehearse
from socratic_cli.errors import UsageError
from socratic_cli.notation import NotationError
from socratic_cli.parts import Scheme
from socratic_cli.records import Problem, Rationale, Step
from tests.command import socratic

STEPS = (
    Step(subquestion="How many hens has she after buying two?", solution="She has 3+2 = <<3+2=5>>5 hens."),
    Step(subquestion="How many eggs do they lay?", solution="They lay 5*4 = <<5*4=20>>20 eggs."),
)
HENS = Problem(
    id="hens", question="Ann has 3 hens and buys 2. Each lays 4 eggs. How many eggs?", answer="20", steps=STEPS
)


class Scripted:
    """A model that says what it is given, and keeps what it is asked."""

    def __init__(self, *replies: str) -> None:
        self._replies = iter(replies)
        self.asked: list[Turn] = []

    async def reply(self, turn: Turn) -> Reply:
        self.asked.append(turn)
        return Reply(next(self._replies))


def load(spec: str = "least-to-most") -> Scheme:
    return plugins.load(Scheme, spec)


def played(scheme: Scheme, *replies: str) -> tuple[Transcript, list[Turn]]:
    model = Scripted(*replies)
    return asyncio.run(play(scheme.solve(HENS.blind()), model)), model.asked


def test_each_subproblem_tells_the_answers_before_it_and_nothing_else_of_their_solutions() -> None:
    asked = "How many hens has she?\nHow many eggs?"
    transcript, turns = played(load(), asked, "She has 3+2 = 5 of them.\n#### 5", "They lay 5*4 = 20.\n#### 20")
    assert [turn.role for turn in turns] == ["decomposer", "solver", "solver"]
    assert turns[2].prompt == f"Question: {HENS.question}\nHow many hens has she? 5\nHow many eggs?\nAnswer:\n"
    assert transcript.rationale is not None
    assert transcript.rationale.answer == "20"
    told = [(step.subquestion, step.solution) for step in transcript.rationale.steps]
    assert told == [("How many hens has she?", "She has 3+2 = 5 of them."), ("How many eggs?", "They lay 5*4 = 20.")]


def test_what_is_learnt_is_what_is_asked() -> None:
    scheme = load()
    examples = rehearse(scheme.solve(HENS.blind()), scheme.replies(HENS.rationale))
    assert [one.role for one in examples] == ["decomposer", "solver", "solver"]
    assert examples[1].completion == "She has 3+2 = <<3+2=5>>5 hens.\n#### 5"  # a step's answer is what it comes to
    assert examples[2].prompt.endswith(f"{STEPS[0].subquestion} 5\n{STEPS[1].subquestion}\nAnswer:\n")
    transcript, _ = played(scheme, *(one.completion for one in examples))
    assert transcript.rationale == HENS.rationale


def test_the_scheme_of_the_subproblems_can_be_chosen() -> None:
    scheme = load("least-to-most solving=answer")
    assert list(scheme.replies(HENS.rationale))[1:] == ["#### 5", "#### 20"]
    transcript, _ = played(scheme, "How many eggs?", "#### 20")
    assert transcript.rationale == Rationale(steps=(Step(subquestion="How many eggs?", solution="20"),), answer="20")


@pytest.mark.parametrize("solving", ["least-to-most", "verifier", "telepathy"])
def test_a_scheme_that_solves_nothing_is_refused(solving: str) -> None:
    with pytest.raises(UsageError, match=solving):
        load(f"least-to-most solving={solving}")


def test_a_step_without_a_calculation_is_its_own_answer() -> None:
    steps = (Step(subquestion="Is iron a metal?", solution="Iron is a metal."), STEPS[1])
    replies: Iterator[str] = load().replies(Rationale(steps=steps, answer="20"))
    assert list(replies)[1] == "Iron is a metal.\n#### Iron is a metal."


def test_a_chain_without_subquestions_teaches_nothing() -> None:
    with pytest.raises(NotationError, match="subquestion"):
        list(load().replies(Rationale(steps=(Step(solution="3+2 = 5"),), answer="5")))


@pytest.mark.parametrize(
    ("replies", "reason"),
    [
        ((" \n",), "no-subquestions"),
        (("How many?\n" * 17,), "too-many-steps"),
        (("How many? ** 5",), "unreadable"),
        (("How many?", "no answer"), "unreadable"),
    ],
)
def test_what_cannot_be_played_on_has_a_reason(replies: tuple[str, ...], reason: str) -> None:
    transcript, _ = played(load(), *replies)
    assert transcript.rationale is None
    assert transcript.unanswered is not None
    assert transcript.unanswered.reason == reason


def test_a_model_that_was_not_trained_is_told_its_part() -> None:
    scheme = load()
    model = Scripted("How many eggs?", "#### 20")
    asyncio.run(play(scheme.solve(HENS.blind()), model))
    first, second = (scheme.coached(turn) for turn in model.asked)
    assert "Solve nothing" in first.instruction
    assert "step by step" in second.instruction
    assert len(first.shots) == len(second.shots) == 4
    assert scheme.heard(model.asked[1], "**Sure!**\nThe answer is 20.").endswith("#### 20")


def test_it_is_annotated_trained_and_solved_with(tmp_path: Path) -> None:
    annotated = socratic(
        "annotate", "-", "--scheme", "least-to-most", "--teacher", "gold", stdin=HENS.model_dump_json()
    )
    assert annotated.code == 0, annotated.err
    trained = socratic(
        "train", "-", "-o", tmp_path / "s", "--scheme", "least-to-most", "--student", "parrot", stdin=annotated.out
    )
    assert trained.code == 0, trained.err
    solved = socratic("solve", tmp_path / "s", "-", stdin=HENS.model_dump_json())
    assert solved.code == 0, solved.err
    assert '"answer":"20"' in solved.out.replace(" ", "")
    assert '"scheme":"least-to-most"' in solved.out.replace(" ", "")
