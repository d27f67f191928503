"""A verifier: it learns from right and wrong solutions, and chooses among the chains of a problem."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from socratic_cli.dialogue import Reply, Turn, play
from socratic_cli.errors import InputError, UsageError
from socratic_cli.notation import read
from socratic_cli.parts import Scheme, Student, Verification
from socratic_cli.plugins import load
from socratic_cli.records import Problem, Solution
from socratic_cli.settings import Decoding, Training
from socratic_cli.stages.holding import held
from socratic_cli.stages.solve import sample, solve
from socratic_cli.stages.train import prepare, train
from socratic_cli.stages.verifying import Verifier
from socratic_cli.voting import Voted
from tests import tiny
from tests.test_checkpoints import ignore
from tests.test_students import student

HENS = Problem(id="hens", question="Ann has 3 hens and buys 2. How many hens?", answer="5")
RIGHT, LONG, WRONG = (
    "She has 3+2 = <<3+2=5>>5.\n#### 5",
    "3 and 2 are 5.\n#### 5.0",
    "She has 3*2 = <<3*2=6>>6.\n#### 6",
)
BALANCED, AS_IT_IS = "verifier", "verifier balance=false"


def verifier(spec: str = BALANCED) -> Verification:
    found = load(Scheme, spec)
    assert isinstance(found, Verification)
    return found


def solution(text: str, number: int = 0, problem: Problem = HENS) -> Solution:
    found = read(text)
    right = found.answer in ("5", "5.0") if problem.answer is not None else None
    return Solution(
        problem=problem,
        scheme="cot",
        author="me",
        steps=found.steps,
        answer=found.answer,
        sample=number,
        **({"correct": right} if right is not None else {}),
    )


class Judged:
    """A model that says one chain after another, and a verifier that knows the probability of each."""

    def __init__(self, chains: list[str | Reply], **weights: float | Reply) -> None:
        self.chains, self.weights = chains, weights
        self.weighed: list[str] = []

    async def reply(self, turn: Turn) -> Reply:
        if turn.role != "verifier":
            said = self.chains[turn.sample]
            return Reply(said) if isinstance(said, str) else said
        text = turn.prompt.removesuffix("\nRight:").rpartition("Answer:\n")[2]
        self.weighed.append(text)
        weight = self.weights[{RIGHT: "right", LONG: "long", WRONG: "wrong"}[text]]
        return weight if isinstance(weight, Reply) else Reply(" yes", shares=(weight, 1 - weight))


def chosen(model: Judged, *, scheme: str = "cot shots=0", **options: Any) -> Solution:
    async def only() -> Solution:
        beside = Verifier(verifier(), model)
        part = load(Scheme, scheme)
        found = solve([HENS], part, model, "me", samples=len(model.chains), verifier=beside, **options)
        (solved,) = [one async for one in found]
        return solved

    return asyncio.run(only())


class TestLearning:
    """From right and wrong solutions alike."""

    def test_the_prompt_ends_before_the_word_and_the_word_is_learnt(self) -> None:
        lesson = prepare([solution(RIGHT), solution(WRONG, 1)], verifier())
        told = [(one.role, one.text[: one.spans[0][0]], one.text[one.spans[0][0] :]) for one in lesson.passages]
        assert told == [
            ("verifier", f"Question: {HENS.question}\nAnswer:\n{text}\nRight:", word)
            for text, word in [(RIGHT, " yes"), (WRONG, " no")]
        ]
        assert not lesson.left_out
        assert len(lesson.questions) == 1

    def test_other_schemes_still_leave_wrong_ones_out(self) -> None:
        lesson = prepare([solution(RIGHT), solution(WRONG, 1)], load(Scheme, "cot"))
        assert lesson.left_out == {"its answer is wrong": 1}

    def test_the_gold_answer_decides_and_not_what_a_record_says_of_itself(self) -> None:
        lying = solution(WRONG).model_copy(update={"correct": True})
        (passage,) = prepare([lying], verifier()).passages
        assert passage.text.endswith("Right: no")

    def test_what_nobody_knows_and_what_has_no_answer_is_left_out(self) -> None:
        unknown = solution(RIGHT, problem=Problem(id="x", question="?"))
        silent = solution(RIGHT).model_copy(update={"answer": None, "correct": False})
        lesson = prepare([solution(RIGHT), unknown, silent], verifier())
        assert lesson.left_out == {
            "no gold answer says whether it is right": 1,
            "it has no answer that could be verified": 1,
        }
        with pytest.raises(InputError, match="no annotation can be used for the scheme 'verifier'"):
            prepare([unknown], verifier())

    @pytest.mark.parametrize(("spec", "counts"), [(BALANCED, (3, 3)), (AS_IT_IS, (1, 3))])
    def test_the_rarer_ones_are_repeated_unless_told_otherwise(self, spec: str, counts: tuple[int, int]) -> None:
        wrong = [solution(f"A guess.\n#### {number}", number) for number in (6, 7, 8)]
        twice = [solution(RIGHT), solution(RIGHT, 1), *wrong, *wrong]
        words = [one.text.rpartition("\nRight:")[2] for one in prepare(twice, verifier(spec)).passages]
        assert (words.count(" yes"), words.count(" no")) == counts

    def test_one_kind_alone_is_told_of(self, caplog: pytest.LogCaptureFixture) -> None:
        prepare([solution(RIGHT)], verifier())
        assert "a verifier that has seen no wrong solution cannot tell" in caplog.text

    def test_held_out_ones_are_judged(self) -> None:
        found = held([solution(RIGHT), solution(LONG, 1), solution(WRONG, 2)], verifier())
        assert found.answers == "verifier"
        assert len(found.passages) == 3
        assert found.accuracy(Judged([], right=0.9, long=0.2, wrong=0.1), ["verifier"]) == pytest.approx(2 / 3)
        silent = Reply("", "length")
        assert found.accuracy(Judged([], right=silent, long=silent, wrong=silent), ["verifier"]) == 0

    def test_a_verifier_verifies_no_verifier(self) -> None:
        with pytest.raises(UsageError, match="a verifier verifies no verifier"):
            load(Scheme, "verifier of=verifier")
        with pytest.raises(UsageError, match="Did you mean 'cot'"):
            load(Scheme, "verifier of=coot")


class TestChoosing:
    """The chains of a problem are weighed, and an answer is chosen by what they weigh."""

    def test_one_that_is_believed_beats_two_that_are_not(self) -> None:
        model = Judged([WRONG, WRONG, RIGHT], wrong=0.2, right=0.9)
        found = chosen(model)
        assert (found.answer, found.correct) == ("5", True)
        assert found.votes == {"6": 2, "5": 1}
        assert found.weights == pytest.approx({"6": 0.4, "5": 0.9})
        assert [step.solution for step in found.steps] == ["She has 3+2 = <<3+2=5>>5."]

    def test_what_says_the_same_is_weighed_once_and_counts_twice(self) -> None:
        model = Judged([WRONG, WRONG, WRONG, RIGHT], wrong=0.4, right=0.9)
        assert chosen(model).answer == "6"
        assert model.weighed == [WRONG, RIGHT]
        assert chosen(model, choose="best").answer == "5"

    def test_best_takes_the_chain_and_weighted_the_answer(self) -> None:
        chains: list[str | Reply] = [RIGHT, LONG, WRONG]
        weighted = chosen(Judged(chains, right=0.4, long=0.5, wrong=0.6))
        assert (weighted.answer, weighted.votes) == ("5.0", {"5": 2, "6": 1})
        assert weighted.weights == pytest.approx({"5": 0.9, "6": 0.6})
        best = chosen(Judged(chains, right=0.4, long=0.5, wrong=0.6), choose="best")
        assert best.answer == "6"
        assert best.weights == pytest.approx({"5": 0.5, "6": 0.6})

    def test_the_trace_tells_what_each_chain_weighs(self) -> None:
        line = chosen(Judged([RIGHT, WRONG], right=0.75, wrong=0.25)).line()
        said = [(one["role"], one.get("shares")) for one in line["trace"]]
        assert said == [("solver", None), ("solver", None), ("verifier", [0.75, 0.25]), ("verifier", [0.25, 0.75])]

    @pytest.mark.parametrize(
        ("word", "weight"), [(" yes", 1.0), ("Yes.", 1.0), ("**No**, since 3+2", 0.0), ("no\n", 0.0), ("Perhaps", 0.0)]
    )
    def test_a_model_without_probabilities_is_taken_at_its_word(self, word: str, weight: float) -> None:
        found = chosen(Judged([RIGHT, WRONG], right=Reply(word), wrong=0.5))
        assert found.weights["5"] == weight

    def test_a_chain_that_cannot_be_weighed_weighs_nothing_and_votes_decide_then(self) -> None:
        silent = Reply("", "length")
        found = chosen(Judged([WRONG, RIGHT, LONG], right=silent, long=silent, wrong=silent))
        assert (found.answer, found.weights) == ("5", {"6": 0.0, "5": 0.0})

    def test_chains_without_an_answer_are_not_weighed(self) -> None:
        model = Judged([Reply("So it", "length"), RIGHT, "#### "], right=0.1)
        assert chosen(model).votes == {"5": 1}
        assert model.weighed == [RIGHT]
        lost = chosen(Judged([Reply("So it", "length"), "#### "]))
        assert (lost.unanswered, lost.weights) == ("unreadable", {})

    def test_a_problem_of_its_training_set_is_marked(self) -> None:
        async def only(seen: bool) -> Solution:
            model = Judged([RIGHT, WRONG], right=0.9, wrong=0.1)
            beside = Verifier(verifier(), model, seen=lambda _: seen)
            found = solve([HENS], load(Scheme, "cot shots=0"), model, "me", samples=2, verifier=beside)
            (one,) = [one async for one in found]
            return one

        assert asyncio.run(only(True)).leaked
        assert not asyncio.run(only(False)).leaked

    @pytest.mark.parametrize(
        ("samples", "options", "told"),
        [
            (1, {}, "a verifier chooses among several chains of a problem: give samples"),
            (2, {"choose": "vote"}, "chains vote without a verifier"),
        ],
    )
    def test_nonsense_is_refused(self, samples: int, options: dict[str, Any], told: str) -> None:
        with pytest.raises(UsageError, match=told):
            chosen(Judged([RIGHT] * samples), **options)

    @pytest.mark.parametrize("choice", ["best", "weighted"])
    def test_nobody_weighs_without_a_verifier(self, choice: Any) -> None:
        async def run() -> None:
            async for _ in solve([HENS], load(Scheme, "cot"), Judged([]), "me", samples=2, choose=choice):
                pass

        with pytest.raises(UsageError, match=f"choose={choice} takes a verifier"):
            asyncio.run(run())

    def test_a_prompted_model_weighs_what_it_wrote_itself(self) -> None:
        asked: list[Turn] = []

        class Sure:
            async def reply(self, turn: Turn) -> Reply:
                asked.append(turn)
                return Reply("Yes", shares=(0.8, 0.2)) if turn.options else Reply(RIGHT)

        transcript = asyncio.run(play(verifier("verifier of=cot shots=1").annotate(HENS.blind()), Sure()))
        assert isinstance(transcript.rationale, Voted)
        assert transcript.rationale.weights == {"5": 0.8}
        assert len(asked[0].shots) == 1
        assert f"<solution>\n{RIGHT}\n</solution>" in asked[1].prompt
        assert "Reply with one word" in asked[1].instruction


def test_samples_are_the_chains_that_would_vote(tmp_path: Path) -> None:
    opened = student(tiny.llama(tmp_path, context=512))
    decoding = Decoding(max_new_tokens=8, temperature=1.5, samples=3)
    part = load(Scheme, "cot shots=0")

    async def voting(model: Any) -> list[Solution]:
        return [one async for one in solve([HENS], part, model, "me", prompted=True, samples=3)]

    async def sampling(model: Any) -> list[Solution]:
        wanted = [(HENS, number) for number in range(3)]
        return [one async for one in sample(wanted, part, model, "me", prompted=True)]

    with opened.model(None, decoding) as model:
        (voted,), sampled = asyncio.run(voting(model)), asyncio.run(sampling(model))
    by_number = {one.sample: one.trace[0].reply for one in sampled}
    assert [exchange.reply for exchange in voted.trace] == [by_number[number] for number in range(3)]
    assert len(set(by_number.values())) > 1


def test_a_real_model_learns_to_tell_right_from_wrong_and_chooses_the_right_chain(tmp_path: Path) -> None:
    """A tiny one that learns its lesson by heart; asked, it knows probabilities and not a word alone."""
    lesson = prepare([solution(RIGHT), solution(WRONG, 1)], verifier())
    base = tiny.gpt2(tmp_path / "base", context=256)
    training = Training(max_steps=60, batch_size=2, learning_rate=1e-2, warmup=0.0)
    train(lesson, student(base), training, tmp_path / "v", ignore)
    model = Judged([WRONG, WRONG, RIGHT])

    async def only(weigher: Any) -> Solution:
        beside = Verifier(verifier(), weigher)
        found = solve([HENS], load(Scheme, "cot shots=0"), model, "me", samples=3, verifier=beside)
        (one,) = [one async for one in found]
        return one

    with student(base).model(tmp_path / "v", Decoding()) as weigher:
        found = asyncio.run(only(weigher))
    assert found.correct
    assert found.votes == {"6": 2, "5": 1}
    assert 0.9 < found.weights["5"] < 1
    assert 0 < found.weights["6"] < 0.2


def test_a_parrot_is_a_student(tmp_path: Path) -> None:
    """It knows no probabilities, and its word counts."""
    parrot = load(Student, "parrot")
    train(prepare([solution(RIGHT), solution(WRONG, 1)], verifier()), parrot, Training(), tmp_path, ignore)
    with parrot.model(tmp_path, Decoding()) as model:
        found = held([solution(RIGHT), solution(WRONG, 1), solution(LONG, 2)], verifier())
        assert found.accuracy(model, ["verifier"]) == pytest.approx(2 / 3)
