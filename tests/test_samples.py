"""Several rationales of a problem: how many are asked for, which are kept, and when the gold answer is shown."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from socratic_cli import plugins
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.parts import Scheme
from socratic_cli.records import Problem, Rejection, Solution
from socratic_cli.settings import Annotation
from socratic_cli.stages.annotate import Annotated, annotate
from tests.command import socratic
from tests.faulty import faulty

HENS = Problem(id="hens", question="Ann has 3 hens and buys 2. How many hens?", answer="5")
RIGHT, OTHER, WRONG = "She has 3 + 2 = 5.\n#### 5", "3 and 2 are 5.\n#### 5", "A guess.\n#### 7"


class Scripted:
    """A model with a reply for each sample, and one for whoever is shown the gold answer."""

    def __init__(self, *replies: str, hinted: str = RIGHT) -> None:
        self.replies, self.hinted = replies, hinted
        self.asked: list[Turn] = []

    async def reply(self, turn: Turn) -> Reply:
        self.asked.append(turn)
        return Reply(self.hinted if turn.sample >= len(self.replies) else self.replies[turn.sample])


def annotated(model: Scripted, problem: Problem = HENS, **wanted: Any) -> Annotated:
    async def only() -> Annotated:
        scheme = plugins.load(Scheme, "cot shots=0")
        (result,) = [found async for found in annotate([problem], scheme, model, "me", Annotation(**wanted))]
        return result

    return asyncio.run(only())


def told(result: Annotated) -> list[str]:
    return ["kept" if isinstance(outcome, Solution) else outcome.reason for outcome in result.outcomes]


def test_every_sample_is_asked_for_and_a_doubled_one_is_left_out() -> None:
    model = Scripted(RIGHT, WRONG, "she has  3 + 2 = 5. \n\n#### 5", OTHER)
    result = annotated(model, samples=4)
    assert told(result) == ["kept", "wrong-answer", "duplicate", "kept"]
    assert [turn.sample for turn in model.asked] == [outcome.sample for outcome in result.outcomes] == [0, 1, 2, 3]


def test_until_correct_stops_at_the_first_that_is_right() -> None:
    model = Scripted(WRONG, "What?", RIGHT, OTHER)
    assert told(annotated(model, until_correct=4)) == ["wrong-answer", "unreadable", "kept"]
    assert len(model.asked) == 3


def test_until_correct_gives_up() -> None:
    assert told(annotated(Scripted(WRONG, WRONG, RIGHT), until_correct=2)) == ["wrong-answer", "wrong-answer"]


class TestRationalizing:
    """Once more with the gold answer shown, after failing without (STaR)."""

    def test_the_answer_is_shown_only_then_and_the_record_says_so(self) -> None:
        model = Scripted(WRONG)
        result = annotated(model, rationalize=True)
        assert told(result) == ["wrong-answer", "kept"]
        first, second = model.asked
        assert "reference" not in first.prompt + first.instruction
        assert "5" in second.prompt.replace(HENS.question, "")
        kept = result.outcomes[1]
        assert kept.rationalized
        assert kept.line()["rationalized"] is True
        assert kept.sample == 1
        assert "rationalized" not in result.outcomes[0].line()

    @pytest.mark.parametrize("replies", [(RIGHT,), (WRONG, RIGHT)])
    def test_not_if_one_was_right_without(self, replies: tuple[str, ...]) -> None:
        model = Scripted(*replies)
        assert not any(outcome.rationalized for outcome in annotated(model, samples=2, rationalize=True).outcomes)

    def test_not_without_a_gold_answer(self) -> None:
        assert told(annotated(Scripted("What?"), HENS.blind(), rationalize=True)) == ["unreadable"]

    def test_what_is_wrong_even_then_is_rejected_and_marked(self) -> None:
        result = annotated(Scripted(WRONG, hinted=WRONG), rationalize=True)
        assert told(result) == ["wrong-answer", "wrong-answer"]
        assert isinstance(result.outcomes[1], Rejection)
        assert result.outcomes[1].rationalized


class TestSteps:
    """Miscalculations in steps that lead to the right answer all the same."""

    SLIP = "She buys 1 + 1 = 3 hens.\n3 + 2 = 5.\n#### 5"

    def test_they_are_tagged(self) -> None:
        (kept,) = annotated(Scripted(self.SLIP)).outcomes
        assert isinstance(kept, Solution)
        assert [bool(step.miscalculations) for step in kept.steps] == [True, False]
        assert "miscalculations" not in kept.line()["steps"][1]

    def test_or_dropped(self) -> None:
        (dropped,) = annotated(Scripted(self.SLIP), steps="drop").outcomes
        assert isinstance(dropped, Rejection)
        assert dropped.reason == "step-error"
        assert "2" in dropped.detail
        assert dropped.replies == (self.SLIP,)

    def test_or_fixed_where_nothing_builds_on_them(self) -> None:
        (fixed,) = annotated(Scripted("She had 2 * 2 = 5 eggs before.\n1 + 4 = 5 hens.\n#### 5"), steps="fix").outcomes
        assert isinstance(fixed, Rejection)  # 5 is used later, so the mistake may have been carried on
        (fixed,) = annotated(Scripted("She had 2 * 2 = 9 eggs before.\n1 + 4 = 5 hens.\n#### 5"), steps="fix").outcomes
        assert isinstance(fixed, Solution)
        assert fixed.steps[0].solution == "She had 2 * 2 = 4 eggs before."
        assert not fixed.steps[0].miscalculations


@pytest.fixture
def source(tmp_path: Path) -> Path:
    lines = [{"id": f"m{at}", "question": f"How many is {at} [= {at}]?", "answer": str(at)} for at in range(6)]
    (tmp_path / "p.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path / "p.jsonl"


Run = Callable[..., Any]


class TestThroughTheCommand:
    def test_more_samples_of_the_same_output_ask_for_the_rest_only(self, source: Path, tmp_path: Path) -> None:
        out = tmp_path / "a.jsonl"
        with faulty() as server:
            teacher = ("--teacher", "litellm:openai/m temperature=1 seed=3", "--api-base", server.url)
            command = ("annotate", source, *teacher, "--scheme", "cot shots=0", "-o", out)
            assert socratic(*command, OPENAI_API_KEY="sk-none").code == 0
            done = socratic(*command, "--samples", "3", OPENAI_API_KEY="sk-none")
            assert done.code == 0, done.err
            assert server.stats().paid == server.stats().paid_bodies == 18
        written = [
            json.loads(line) for line in (out.read_text() + (tmp_path / "a.rejected.jsonl").read_text()).splitlines()
        ]
        keys = [(line["problem"]["id"], line.get("sample", 0)) for line in written]
        assert len(keys) == len(set(keys)) == 18

    def test_samples_at_temperature_zero_are_refused(self, source: Path, tmp_path: Path) -> None:
        with faulty() as server:
            teacher = ("--teacher", "litellm:openai/m", "--api-base", server.url)
            done = socratic("annotate", source, *teacher, "--samples", "3", "-o", tmp_path / "a.jsonl")
        assert done.code == 2
        assert "would buy the same reply 3 times" in done.err

    def test_samples_and_until_correct_are_one_or_the_other(self, source: Path) -> None:
        done = socratic("annotate", source, "--samples", "3", "--until-correct", "2")
        assert done.code == 2
        assert "give samples or until_correct, not both" in done.err

    def test_a_dry_run_counts_and_asks_nobody(self, source: Path, tmp_path: Path) -> None:
        teacher = ("--teacher", "litellm:openai/gpt-4.1-mini", "--api-base", "http://127.0.0.1:9/v1")
        done = socratic("annotate", source, *teacher, "--scheme", "cot", "--dry-run", "-o", tmp_path / "a.jsonl")
        assert done.code == 0, done.err
        table = {line.split("  ")[0]: line.split()[-3:] for line in done.out.splitlines()}
        assert table["calls"] == ["6", "6", "6"]
        low, expected, high = (float(cost) for cost in table["US dollars"])
        assert 0 < low <= expected < high
        assert high >= 6 * 512 * 1.6e-6
        assert "tiktoken, the model's own" in done.out
        assert not (tmp_path / "a.jsonl").exists()

    def test_a_dry_run_of_an_unknown_model_names_no_price(self, source: Path) -> None:
        teacher = ("--teacher", "litellm:openai/mine", "--api-base", "http://127.0.0.1:9/v1")
        done = socratic("annotate", source, *teacher, "--dry-run")
        assert done.code == 0
        assert "not known: give input_price" in done.out
        assert "an estimate for this model" in done.out
        assert "US dollars  " not in done.out

    def test_a_dry_run_knows_what_is_paid_already(self, source: Path, tmp_path: Path) -> None:
        with faulty() as server:
            teacher = ("--teacher", "litellm:openai/m", "--api-base", server.url, "--scheme", "cot shots=0")
            command = ("annotate", source, *teacher, "-o", tmp_path / "a.jsonl")
            assert socratic(*command, "--limit", "4", OPENAI_API_KEY="sk-none").code == 0
            done = socratic(*command, "--dry-run")
        assert "4 replies are stored already" in done.out
        assert done.out.splitlines()[2].split() == ["calls", "2", "2", "2"]

    def test_the_prompt_of_a_problem_can_be_read(self, source: Path) -> None:
        shown = ("--scheme", "cot shots=2", "--show-prompt")
        done = socratic("annotate", source, "--teacher", "litellm:openai/m", *shown, "m3")
        assert done.code == 0, done.err
        assert done.out.startswith("--- system")
        assert done.out.count("How many is") == 1
        assert "How many is 3 [= 3]?" in done.out
        missing = socratic("annotate", source, *shown, "nobody")
        assert missing.code == 1
        assert "no problem 'nobody'" in missing.err

    def test_processes_that_ask_give_the_same(self, source: Path, tmp_path: Path) -> None:
        with faulty(faults={"500": 0.2}, seed=4) as server:
            teacher = ("--teacher", "litellm:openai/m", "--api-base", server.url, "--scheme", "cot shots=0")
            wanted = ("--workers", "2", "--backoff", "0.05", "-o", tmp_path / "a.jsonl")
            done = socratic("annotate", source, *teacher, *wanted, OPENAI_API_KEY="sk-none")
            assert done.code == 0, done.err
            assert server.stats().paid == server.stats().paid_bodies == 6
        assert len((tmp_path / "a.jsonl").read_text().splitlines()) == 6
