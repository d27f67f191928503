"""What an annotation would cost, of which some is paid already: each sample has its own stored replies."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, ClassVar

import pytest

from socratic_cli import plugins
from socratic_cli.asking.client import Client
from socratic_cli.asking.estimate import Estimate, estimate
from socratic_cli.asking.replies import Replies
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.parts import Scheme, Teacher
from socratic_cli.records import Problem
from socratic_cli.settings import Annotation, Asking
from socratic_cli.stages.annotate import annotate

RIGHT, WRONG = "She has 3 + 2 = 5.\n#### 5", "A guess.\n#### 7"
PROBLEMS = [Problem(id=f"p{at}", question=f"Ann {at} has 3 hens and buys 2. How many?", answer="5") for at in range(4)]
SCHEME = "cot shots=0"


class Scripted(Teacher):
    """A paid teacher that is right from some sample on, and counts how often it was asked."""

    paid: ClassVar[bool] = True

    right_from: int = 0
    asked: ClassVar[list[Turn]] = []

    async def reply(self, turn: Turn) -> Reply:
        self.asked.append(turn)
        return Reply(RIGHT if turn.sample >= self.right_from else WRONG)

    def request(self, turn: Turn) -> dict[str, Any]:
        return {"prompt": turn.prompt}

    @property
    def longest(self) -> int:
        return 100


def annotated(teacher: Scripted, replies: Replies, **wanted: Any) -> int:
    """Annotate, and return how many requests that took."""

    async def run() -> None:
        client = Client(teacher, Asking(), replies)
        async for _ in annotate(PROBLEMS, plugins.load(Scheme, SCHEME), client, "me", Annotation(**wanted)):
            pass

    before = len(teacher.asked)
    asyncio.run(run())
    return len(teacher.asked) - before


def estimated(teacher: Scripted, replies: Replies | None, **wanted: Any) -> Estimate:
    return asyncio.run(estimate(PROBLEMS, plugins.load(Scheme, SCHEME), teacher, Annotation(**wanted), replies))


def test_without_stored_replies_all_is_asked() -> None:
    teacher = Scripted()
    assert estimated(teacher, None, samples=4).calls == (16, 16, 16)
    assert estimated(teacher, None, until_correct=4).calls == (4, 10, 16)
    assert estimated(teacher, None, until_correct=4, rationalize=True).calls == (4, 10, 20)
    assert estimated(teacher, None, rationalize=True).calls == (4, 4, 8)


def test_samples_that_are_stored_are_told_from_those_that_are_not(tmp_path: Path) -> None:
    teacher = Scripted()
    with Replies(tmp_path / "r.jsonl") as replies:
        annotated(teacher, replies)
        found = estimated(teacher, replies, samples=4)
        assert (found.problems, found.stored, found.calls) == (4, 4, (12, 12, 12))
        alone = estimated(teacher, None, samples=4)
        assert found.prompt_tokens == tuple(0.75 * tokens for tokens in alone.prompt_tokens)
        assert found.completion_tokens == tuple(0.75 * tokens for tokens in alone.completion_tokens)
        assert annotated(teacher, replies, samples=4) == 12
        assert estimated(teacher, replies, samples=4).calls == (0, 0, 0)


@pytest.mark.parametrize(("right_from", "more"), [(0, 0), (1, 4), (2, 8)])
def test_a_stored_reply_that_is_right_ends_its_problem(tmp_path: Path, right_from: int, more: int) -> None:
    teacher = Scripted(right_from=right_from)
    with Replies(tmp_path / "r.jsonl") as replies:
        annotated(teacher, replies)
        found = estimated(teacher, replies, until_correct=3)
        assert found.calls == ((4, 6, 8) if right_from else (0, 0, 0))
        assert found.calls[0] <= annotated(teacher, replies, until_correct=3) == more <= found.calls[2]
        assert estimated(teacher, replies, until_correct=3).calls == (0, 0, 0)


def test_a_stored_reply_to_the_shown_answer_is_found(tmp_path: Path) -> None:
    teacher = Scripted(right_from=9)
    with Replies(tmp_path / "r.jsonl") as replies:
        assert annotated(teacher, replies) == 4
        assert estimated(teacher, replies, rationalize=True).calls == (0, 0, 4)
        assert annotated(teacher, replies, rationalize=True) == 4
        found = estimated(teacher, replies, rationalize=True)
    assert (found.stored, found.calls) == (8, (0, 0, 0))
