"""The stages: a bounded window of work, solving with and without an oracle, and scores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socratic_cli import plugins
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import InputError
from socratic_cli.parts import Scheme
from socratic_cli.records import Problem, Rationale, Solution, Step
from socratic_cli.settings import Training
from socratic_cli.stages.bench import bench, is_correct, markdown, wilson
from socratic_cli.stages.solve import solve
from socratic_cli.stages.train import prepare
from socratic_cli.stages.window import as_finished

STEPS = (Step(subquestion="How many hens?", solution="Five hens."), Step(subquestion="How many eggs?", solution="20."))
HENS = Problem(id="hens", question="How many eggs?", answer="20", steps=STEPS, facts=("Hens lay eggs.",))


class Echo:
    """A model that replies the same to every turn of a role, and remembers what it was asked."""

    def __init__(self, **replies: str | Reply) -> None:
        self.replies = replies
        self.asked: list[Turn] = []

    async def reply(self, turn: Turn) -> Reply:
        self.asked.append(turn)
        said = self.replies[turn.role]
        return said if isinstance(said, Reply) else Reply(said)


def solved(scheme: str, model: Echo, *problems: Problem, **options: Any) -> list[Solution]:
    async def gathered() -> list[Solution]:
        part = plugins.load(Scheme, scheme)
        return [solution async for solution in solve(problems or (HENS,), part, model, "me", **options)]

    return asyncio.run(gathered())


def solution(answer: str | None, gold: str | None = "20", **more: Any) -> Solution:
    problem = Problem(id=more.pop("id", "hens"), question="?", answer=gold, steps=more.pop("gold_steps", ()))
    return Solution(**{"problem": problem, "scheme": "cot", "author": "me", "answer": answer} | more)


class TestTheWindow:
    """As many are open as the width says, and results come as they finish."""

    @staticmethod
    async def gathered(results: AsyncIterator[int]) -> list[int]:
        return [result async for result in results]

    @given(st.integers(0, 20), st.integers(1, 8))
    def test_it_is_never_wider_than_its_width(self, count: int, width: int) -> None:
        now, most = 0, 0

        async def work(item: int) -> int:
            nonlocal now, most
            now, most = now + 1, max(most, now + 1)
            await asyncio.sleep(0)
            now -= 1
            return item

        results = asyncio.run(self.gathered(as_finished(range(count), work, width)))
        assert sorted(results) == list(range(count))
        assert most == min(count, width)

    def test_what_finishes_first_comes_first(self) -> None:
        async def work(item: int) -> int:
            await asyncio.sleep(item / 100)
            return item

        assert asyncio.run(self.gathered(as_finished([5, 0, 2], work, 3))) == [0, 2, 5]

    def test_the_input_is_pulled_no_further_than_the_window(self) -> None:
        pulled: list[int] = []

        def endless() -> Iterator[int]:
            number = 0
            while True:
                pulled.append(number)
                yield number
                number += 1

        async def work(item: int) -> int:
            return item

        async def first() -> int:
            async for result in as_finished(endless(), work, 4):
                return result
            return -1

        asyncio.run(first())
        assert len(pulled) == 4

    def test_after_an_error_nothing_is_begun_and_what_is_open_is_finished(self) -> None:
        begun, seen = [], []

        async def work(item: int) -> int:
            begun.append(item)
            await asyncio.sleep(item / 100)
            if item == 1:
                raise InputError("one is wrong")
            return item

        async def run() -> None:
            async for result in as_finished([2, 3, 1, 4], work, 3):
                seen.append(result)

        with pytest.raises(InputError, match="one is wrong"):
            asyncio.run(run())
        assert (begun, seen) == ([2, 3, 1], [2, 3])

    def test_when_it_is_stopped_what_is_open_is_finished(self) -> None:
        begun: list[int] = []

        async def work(item: int) -> int:
            begun.append(item)
            await asyncio.sleep(0.01)
            return item

        results = as_finished(range(100), work, 3, stopped=lambda: len(begun) >= 5)
        assert asyncio.run(self.gathered(results)) == begun
        assert len(begun) < 10

    def test_whoever_closes_it_cancels_what_is_open(self) -> None:
        cancelled: list[int] = []

        async def work(item: int) -> int:
            try:
                await asyncio.sleep(item)
            except asyncio.CancelledError:
                cancelled.append(item)
                raise
            return item

        async def first() -> int:
            results = as_finished([0, 50, 60], work, 3)
            async for result in results:
                await results.aclose()  # type: ignore[attr-defined]
                return result
            return -1

        assert asyncio.run(first()) == 0
        assert cancelled == [50, 60]

    def test_finished_results_are_not_lost_to_an_error_beside_them(self) -> None:
        seen: list[int] = []

        async def work(item: int) -> int:
            if item < 0:
                raise InputError("negative")
            return item

        async def run() -> None:
            async for result in as_finished([1, -1, 2, -2], work, 4):
                seen.append(result)

        with pytest.raises(InputError, match="negative"):
            asyncio.run(run())
        assert sorted(seen) == [1, 2]

    def test_an_error_of_the_input_comes_after_what_is_open(self) -> None:
        seen: list[int] = []

        def items() -> Iterator[int]:
            yield 1
            raise InputError("line 2 is broken")

        async def work(item: int) -> int:
            await asyncio.sleep(0.01)
            return item

        async def run() -> None:
            async for result in as_finished(items(), work, 4):
                seen.append(result)

        with pytest.raises(InputError, match="line 2"):
            asyncio.run(run())
        assert seen == [1]


class TestSolving:
    def test_the_model_sees_nothing_gold(self) -> None:
        model = Echo(solver="Five hens.\n#### 20", teacher="Five hens.\n#### 20")
        for prompted in (False, True):
            (result,) = solved("cot show=answer,steps,facts shots=0", model, prompted=prompted)
            assert result.correct is True
        for turn in model.asked:
            shown = turn.prompt + turn.instruction + turn.problem.model_dump_json()
            assert not any(gold in shown for gold in ("20", "Five hens", "Hens lay", "Reference"))

    def test_a_prompted_model_is_told_what_to_do_and_a_trained_one_is_not(self) -> None:
        model = Echo(solver="#### 20", teacher="#### 20")
        solved("cot", model)
        solved("cot", model, prompted=True)
        trained, prompted = model.asked
        assert (trained.instruction, trained.shots) == ("", ())
        assert prompted.instruction
        assert len(prompted.shots) == 4

    def test_a_solution_keeps_its_problem_and_its_way(self) -> None:
        (result,) = solved("cot", Echo(solver="Five hens.\n#### 21"))
        assert result.problem == HENS
        assert (result.author, result.scheme, result.correct) == ("me", "cot", False)
        assert [exchange.reply for exchange in result.trace] == ["Five hens.\n#### 21"]

    def test_without_a_gold_answer_it_is_not_judged(self) -> None:
        (result,) = solved("cot", Echo(solver="So.\n#### 20"), HENS.blind())
        assert result.correct is None
        assert result.answer == "20"

    @pytest.mark.parametrize("said", ["", "I do not know.", "#### ", "#### 1\n#### 2", "a ** b ** c\n#### 1"])
    def test_what_cannot_be_read_is_unanswered_and_wrong(self, said: str) -> None:
        (result,) = solved("cot", Echo(solver=said))
        assert (result.answer, result.unanswered, result.correct) == (None, "unreadable", False)

    def test_endless_subquestions_are_truncated(self) -> None:
        model = Echo(decomposer="And then? **", solver=" So.\n")
        (result,) = solved("socratic ask=next max_steps=3", model)
        assert result.unanswered == "too-many-steps"
        assert result.detail == "the decomposer asked more than 3 subquestions"
        assert len(result.trace) == 7

    def test_fifty_subquestions_at_once_are_too_many_before_the_first_is_solved(self) -> None:
        (result,) = solved("socratic", Echo(decomposer="\n".join(f"How many {n}?" for n in range(50)), solver=" So.\n"))
        assert (result.answer, result.unanswered) == (None, "too-many-steps")
        assert result.detail == "the decomposer asked more than 16 subquestions"
        assert len(result.trace) == 1

    @pytest.mark.parametrize(
        ("said", "finish", "asked"),
        [
            ("How many hens?\nHow many eggs?\nhow many hens\nHow many left?", "stop", 2),
            ("How many hens?\nHow many eggs?\n" * 9 + "How ma", "repetition", 2),
            ("How many hens?\nHow many eggs?\nHow many eggs?\nHow ma", "length", 2),
            ("How many hens?\nHow many eggs?", "stop", 2),
        ],
    )
    def test_a_repeated_subquestion_may_end_the_asking(self, said: str, finish: str, asked: int) -> None:
        model = Echo(solver=" 20\n", decomposer=Reply(said, finish))
        (ended,) = solved("socratic repeats=end", model)
        assert (len(ended.steps), ended.answer, ended.correct) == (asked, "20", True)
        assert ended.trace[0].reply == said
        (kept,) = solved("socratic", model)
        assert (kept.unanswered, len(kept.steps)) == (
            {"repetition": "repeating", "length": "truncated"}.get(finish),
            len(said.splitlines()) if finish == "stop" else 0,
        )

    @pytest.mark.parametrize(("finish", "why"), [("repetition", "repeating"), ("length", "truncated")])
    def test_a_decomposer_that_never_ends_one_question_has_asked_nothing_again(self, finish: str, why: str) -> None:
        model = Echo(solver=" 20\n", decomposer=Reply("How many and many and many", finish))
        (result,) = solved("socratic repeats=end", model)
        assert (result.answer, result.unanswered) == (None, why)

    def test_a_question_that_is_asked_next_and_was_asked_ends_the_asking(self) -> None:
        (result,) = solved("socratic ask=next repeats=end", Echo(decomposer="How many? **", solver=" 20\n"))
        assert ([step.subquestion for step in result.steps], result.answer) == (["How many?"], "20")

    @pytest.mark.parametrize(("scheme", "said"), [("socratic", ""), ("socratic", " \n"), ("socratic ask=next", "####")])
    def test_an_empty_decomposition_is_told(self, scheme: str, said: str) -> None:
        (result,) = solved(scheme, Echo(decomposer=said, solver=" 20"))
        assert (result.unanswered, result.correct) == ("no-subquestions", False)
        assert result.detail == "the decomposer asked nothing"

    def test_questions_seen_in_training_are_marked(self) -> None:
        other = Problem(id="other", question="Who?", answer="20")
        results = solved("cot", Echo(solver="So.\n#### 20"), HENS, other, seen=lambda question: question == "Who?")
        assert {result.problem.id: result.leaked for result in results} == {"hens": False, "other": True}


class TestTheOracle:
    def test_a_gold_decomposer_leaves_the_solver_to_its_faults(self) -> None:
        model = Echo(solver=" 20.\n")
        (result,) = solved("socratic ask=next", model, oracle=["decomposer"])
        assert [step.subquestion for step in result.steps] == ["How many hens?", "How many eggs?"]
        assert {turn.role for turn in model.asked} == {"solver"}
        assert result.answer == "20."

    def test_a_gold_solver_gives_its_solutions_and_then_falls_silent(self) -> None:
        (result,) = solved("socratic ask=next", Echo(decomposer="Why? **"), oracle=["solver"])
        said = [exchange.reply for exchange in result.trace if exchange.role == "solver"]
        assert said == [" Five hens.\n", " 20.\n", " 20", ""]
        assert result.unanswered == "truncated"

    def test_gold_in_every_role_is_right(self) -> None:
        (result,) = solved("socratic guidance=count", Echo(), oracle=["planner", "decomposer", "solver"])
        assert result.correct is True
        assert result.rationale == Rationale(steps=STEPS, answer="20")

    @pytest.mark.parametrize("scheme", ["socratic", "socratic max_steps=1"])
    def test_a_problem_without_a_fitting_rationale_is_named(self, scheme: str) -> None:
        problem = HENS if "max_steps" in scheme else HENS.model_copy(update={"steps": ()})
        with pytest.raises(InputError, match="problem hens has no gold rationale for an oracle"):
            solved(scheme, Echo(), problem, oracle=["decomposer"])


class TestLessons:
    def test_what_cannot_be_learnt_is_left_out_and_counted_by_reason(self) -> None:
        long = [solution("20", id=str(n), steps=STEPS * 2) for n in range(2)]
        fit = solution("20", steps=STEPS)
        wrong = solution("21", steps=STEPS, correct=False)
        bare = solution("20", steps=(Step(solution="So."),))
        lesson = prepare([*long, fit, wrong, bare], plugins.load(Scheme, "socratic max_steps=2"))
        assert dict(lesson.left_out) == {
            "the decomposer asked more than 2 subquestions": 2,
            "its answer is wrong": 1,
            "a step has no subquestion (`subquestion ** solution`)": 1,
        }
        assert len(lesson.questions) == 1
        assert {passage.role for passage in lesson.passages} == {"decomposer", "solver"}

    def test_nothing_to_learn_is_an_error_that_says_why(self) -> None:
        with pytest.raises(InputError, match=r"no annotation can be used .*its answer is wrong \(1\)"):
            prepare([solution("21", correct=False)], plugins.load(Scheme, "cot"))
        with pytest.raises(InputError, match="there are none"):
            prepare([], plugins.load(Scheme, "cot"))

    def test_training_is_for_epochs_or_for_steps(self) -> None:
        assert Training().full_epochs == 3
        with pytest.raises(ValueError, match="not both"):
            Training(epochs=1, max_steps=1)


class TestScores:
    @pytest.mark.parametrize(
        ("correct", "total", "low", "high"),
        [
            (0, 10, 0.0, 0.2775),
            (10, 10, 0.7225, 1.0),
            (5, 10, 0.2366, 0.7634),
            (10, 100, 0.0552, 0.1744),
            (81, 263, 0.2553, 0.3662),
            (0, 0, 0.0, 1.0),
        ],
    )
    def test_wilson_agrees_with_published_values(self, correct: int, total: int, low: float, high: float) -> None:
        assert wilson(correct, total) == pytest.approx((low, high), abs=5e-5)

    @given(st.integers(1, 10_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
    def test_wilson_is_symmetric_and_holds_the_share(self, counts: tuple[int, int]) -> None:
        correct, total = counts
        low, high = wilson(correct, total)
        assert 0 <= low <= correct / total + 1e-12
        assert correct / total - 1e-12 <= high <= 1
        assert wilson(total - correct, total) == pytest.approx((1 - high, 1 - low), abs=1e-12)

    def test_authors_and_schemes_are_scored_apart(self) -> None:
        scores = bench([solution("20"), solution("21", author="you"), solution("20", scheme="answer")])
        assert [(s.scheme, s.author, s.correct) for s in scores] == [
            ("cot", "me", 1),
            ("cot", "you", 0),
            ("answer", "me", 1),
        ]

    def test_the_unanswered_count_as_wrong_and_are_told(self) -> None:
        (score,) = bench(
            [solution("20", id="1"), solution(None, id="2"), solution("5", id="3"), solution(None, id="4")]
        )
        assert (score.problems, score.correct, score.accuracy, score.unanswered) == (4, 1, 0.25, 2)

    def test_a_record_is_not_believed_about_itself(self) -> None:
        assert not is_correct(solution("21", correct=True))
        assert is_correct(solution("20.0", correct=False))

    def test_a_doubled_problem_is_an_error(self) -> None:
        with pytest.raises(InputError, match="me solved the problem hens twice"):
            bench([solution("20"), solution("21")])

    def test_a_problem_without_a_gold_answer_is_an_error(self) -> None:
        with pytest.raises(InputError, match="hens has no gold answer"):
            bench([solution("20", gold=None)])

    def test_no_solutions_are_no_scores(self) -> None:
        assert bench([]) == []
        assert markdown([]).count("\n") == 2

    def test_accuracy_is_told_by_gold_steps_where_these_are_known(self) -> None:
        results = [
            solution("20", id="1", gold_steps=STEPS),
            solution("21", id="2", gold_steps=STEPS),
            solution("20", id="3", gold_steps=STEPS * 5),
            solution("20", id="4"),
        ]
        (score,) = bench(results)
        assert {steps: (s.correct, s.problems) for steps, s in score.by_steps.items()} == {"2": (1, 2), "10": (1, 1)}
        table = markdown([score])
        assert "| cot | me | 4 | 3 | 75.0% |" in table
        assert "| scheme | author | 2 | 10 |" in table
        assert "50% (1/2) | 100% (1/1)" in table
