"""The first wrong step: each kind by hand, right ways that are not gold's, and faults put in mechanically."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import ClassVar

import pytest

from socratic_cli import sources
from socratic_cli.analysis.faults import judge, walk
from socratic_cli.analysis.kinds import Kind
from socratic_cli.notation import read
from socratic_cli.records import Problem, Solution, Step
from tests.injected import SPOILERS, confusion, foreign_ways, spoilt
from tests.labelled import kept, labelled

EGGS = read(
    "How many eggs are left after breakfast and baking? ** 16-3-4 = <<16-3-4=9>>9 eggs are left.\n"
    "How much does she earn a day? ** She earns 9*2 = $<<9*2=18>>18 a day.\n"
    "How much does she earn in a week? ** She earns 18*7 = $<<18*7=126>>126 in a week.\n"
    "#### 126"
)
PROBLEM = Problem(
    id="eggs",
    question="Janet's ducks lay 16 eggs a day. She eats 3 for breakfast, bakes with 4 and sells the rest for $2 each."
    " How much does she earn in a week?",
    answer=EGGS.answer,
    steps=EGGS.steps,
)
ASKED = [step.subquestion for step in EGGS.steps]


def solution(*steps: str, answer: str | None, asked: Sequence[str | None] = ASKED) -> Solution:
    """Write each step's solution after its gold subquestion, unless it says one of its own."""
    lines = [
        Step(subquestion=step.partition(" ** ")[0], solution=step.partition(" ** ")[2])
        if " ** " in step
        else Step(subquestion=asked[at] if at < len(asked) else None, solution=step)
        for at, step in enumerate(steps)
    ]
    return Solution(problem=PROBLEM, scheme="socratic", author="s", steps=tuple(lines), answer=answer)


RIGHT = ("<<16-3-4=9>>9", "<<9*2=18>>18", "<<18*7=126>>126")


class TestEachKind:
    @pytest.mark.parametrize(
        ("kind", "step", "steps", "answer"),
        [
            ("wrong-operation", 0, ("<<16+3+4=23>>23", "<<23*2=46>>46", "<<46*7=322>>322"), "322"),
            ("wrong-operation", 1, (RIGHT[0], "<<9/2=4.5>>4.5", "<<4.5*7=31.5>>31.5"), "31.5"),
            ("wrong-operation", 1, (RIGHT[0], "<<9+2=11>>11", "<<11*7=77>>77"), "77"),
            ("wrong-quantity", 1, (RIGHT[0], "<<9*4=36>>36", "<<36*7=252>>252"), "252"),
            ("wrong-quantity", 2, (*RIGHT[:2], "<<18*5=90>>90"), "90"),
            ("wrong-quantity", 0, ("She has 12 eggs.", "<<12*2=24>>24", "<<24*7=168>>168"), "168"),
            ("arithmetic-slip", 0, ("<<16-3-4=8>>8", "<<8*2=16>>16", "<<16*7=112>>112"), "112"),
            ("arithmetic-slip", 2, (*RIGHT[:2], "<<18*7=116>>116"), "116"),
            ("stopped-early", None, RIGHT[:2], "18"),
            ("asked-too-much", 3, (*RIGHT, "How much in a year? ** <<126*52=6552>>6552"), "6552"),
            ("wrong-answer-after-right-steps", None, RIGHT, "162"),
            ("bad-subquestion", 1, (RIGHT[0], "How old is the farmer's dog? ** <<9*2=18>>18 <<30+7=37>>37"), "37"),
            ("bad-subquestion", 0, ("How many eggs does she eat in a week? ** <<3*7=21>>21",), "21"),
            ("unanswered", None, (), None),
            ("none", None, ("By magic.",), "126"),
            ("not-judged", None, (), "5"),
        ],
    )
    def test_is_found_at_its_step(self, kind: Kind, step: int | None, steps: tuple[str, ...], answer: str) -> None:
        verdict = judge(solution(*steps, answer=answer))
        assert (verdict.kind, verdict.step) == (kind, step)

    def test_without_subquestions_no_subquestion_is_bad(self) -> None:
        verdict = judge(solution("<<3+2=5>>5", answer="5", asked=[]))
        assert (verdict.kind, verdict.step) == ("off-the-way", 0)

    def test_a_gold_subquestion_is_never_bad(self) -> None:
        verdict = judge(solution("<<7*5=35>>35", answer="35"))
        assert verdict.kind == "wrong-operation"

    def test_nor_is_one_whose_gold_step_calculates_nothing(self) -> None:
        gold = read("How old is Ann? ** Ann is ten.\nHow old is Bob? ** 10+2 = <<10+2=12>>12\n#### 12")
        problem = Problem(id="p", question="Ann is 10, Bob 2 older. How old is Bob?", answer="12", steps=gold.steps)
        found = walk(read("How old is Ann? ** 10*7 = <<10*7=70>>70\n#### 70"), problem)
        assert (found.kind, found.step) == ("wrong-operation", 0)

    def test_a_right_number_that_answers_another_subquestion_is_wrong(self) -> None:
        verdict = judge(solution("<<16+2=18>>18", "<<18*7=126>>126", "<<126*2=252>>252", answer="252"))
        assert (verdict.kind, verdict.step) == ("wrong-operation", 0)

    def test_a_number_of_the_question_that_is_said_again_is_no_result(self) -> None:
        gold = read("60+20 = <<60+20=80>>80\n#### 80")
        problem = Problem(
            id="p", question="Of 80 guesses one is 60 and 20 more. What is it?", answer="80", steps=gold.steps
        )
        found = walk(read("The answer is 25% of 80.\n#### 25"), problem)
        assert (found.kind, found.marks) == ("stopped-early", ("sound",))

    def test_what_is_asked_before_it_can_be_known_is_a_bad_subquestion(self) -> None:
        verdict = judge(solution(f"{ASKED[2]} ** <<16*7=112>>112", answer="112"))
        assert (verdict.kind, verdict.step, verdict.detail) == ("bad-subquestion", 0, "asked before 16-3-4 was")

    def test_it_says_what_was_due(self) -> None:
        slip = judge(solution("<<16-3-4=8>>8", answer="8"))
        operation = judge(solution(RIGHT[0], "<<9+2=11>>11", answer="11"))
        assert slip.detail == "16-3-4=8 (9)"
        assert operation.detail == "9+2=11 where 9*2 was due"

    def test_steps_are_marked_up_to_it(self) -> None:
        steps = ("<<16-3=13>>13", "<<13-4=9>>9", "<<9+2=11>>11", "<<11*7=77>>77")
        verdict = judge(solution(*steps, answer="77", asked=[]))
        assert verdict.marks == ("sound", "right", "wrong", "after")

    def test_a_hundred_equal_results_take_no_time(self) -> None:
        steps = (Step(solution="<<1*1=1>>1 and <<1+1+1+1+1+1+1+1+1=9>>"),) * 100
        problem = Problem(id="p", question="Why?", answer="2", steps=steps)
        one = Solution(problem=problem, scheme="cot", author="s", steps=steps, answer="1")
        assert judge(one).kind == "wrong-answer-after-right-steps"

    def test_gold_steps_without_calculations_judge_nobody(self) -> None:
        problem = Problem(id="p", question="Who?", answer="no", steps=(Step(solution="Nobody."),))
        one = Solution(problem=problem, scheme="cot", author="s", steps=(Step(solution="<<1+1=2>>2"),), answer="yes")
        assert judge(one).kind == "not-judged"


class TestOtherRightWays:
    """Up to where they end, they are as sound as gold's own: nothing but the end is missing."""

    @pytest.mark.parametrize(
        "steps",
        [
            ("<<3+4=7>>7", "<<16-7=9>>9"),
            ("<<16-4=12>>12", "<<12-3=9>>9"),
            ("<<3+4=7>>7",),
            ("<<9=9>>9 eggs",),
            ("<<2*7=14>>14", "<<16-3-4=9>>9"),
            ("<<16*2=32>>32", "<<3*2=6>>6", "<<4*2=8>>8", "<<32-6-8=18>>18"),
            ("There are 16 eggs.", "16 - 3 - 4 = 9 are left.", "9 x 2 = $18 a day"),
        ],
    )
    def test_their_steps_are_sound(self, steps: tuple[str, ...]) -> None:
        assert judge(solution(*steps, answer="18", asked=[])).kind == "stopped-early"

    def test_a_fault_after_a_detour_is_found_where_it_is(self) -> None:
        verdict = judge(solution("<<3+4=7>>7", "<<16+7=23>>23", "<<23*2=46>>46", answer="46", asked=[]))
        assert verdict.step == 1

    def test_a_calculation_that_gold_only_states_is_sound(self) -> None:
        gold = read("30/100%1000 = 300 left by the door.\n1000-300 = <<1000-300=700>>700 stayed.\n#### 700")
        problem = Problem(id="hall", question="Of 1000, 30% left. How many stayed?", answer="700", steps=gold.steps)
        said = read("30/100*1000 = <<30/100*1000=300>>300 left.\n1000+300 = <<1000+300=1300>>1300 stayed.\n#### 1300")
        found = walk(said, problem)
        assert (found.kind, found.step, found.marks) == ("wrong-operation", 1, ("sound", "wrong"))

    def test_an_idle_step_is_not_blamed(self) -> None:
        verdict = judge(solution("<<16*365=5840>>5840", *RIGHT[:2], "<<18+7=25>>25", answer="25", asked=[]))
        assert (verdict.kind, verdict.step) == ("wrong-operation", 3)


class TestOfRealStudents:
    def test_most_are_what_a_reader_finds(self, data_dir: Path) -> None:
        """Kinds agree in 60 of 80, steps in 67: tests/benchmarks/results/faults.md."""
        found = [(label, judge(solution)) for label, solution in labelled(data_dir)]
        assert len(found) == 80
        assert sum(label.kind == verdict.kind for label, verdict in found) >= 56
        assert sum(label.step == verdict.step for label, verdict in found) >= 63

    def test_gold_subquestions_are_never_blamed(self, data_dir: Path) -> None:
        found = Counter(judge(one).kind for one in kept("socratic-gold-subquestions-0", data_dir))
        assert found.total() == 1319
        assert not {"bad-subquestion", "asked-too-much"} & set(found)


@pytest.fixture(scope="module")
def problems(data_dir: Path) -> list[Problem]:
    return list(sources.resolve("gsm8k/test", data_dir=data_dir))


class TestFaultsPutIn:
    """Each kind is found again; a fault that comes by chance to a gold result is seen later, or as another.

    Recall and precision on all of GSM8K's test problems, two seeds: see tests/benchmarks/results/faults.md. What is
    asked for is below that by more than two seeds differ.
    """

    RECALL: ClassVar[dict[Kind, float]] = {
        "wrong-operation": 0.90,
        "wrong-quantity": 0.87,
        "arithmetic-slip": 0.95,
        "bad-subquestion": 0.92,
        "stopped-early": 0.98,
        "asked-too-much": 0.98,
        "wrong-answer-after-right-steps": 0.98,
    }
    PRECISION: ClassVar[dict[Kind, float]] = {
        "wrong-operation": 0.94,
        "wrong-quantity": 0.90,
        "arithmetic-slip": 0.98,
        "bad-subquestion": 0.98,
        "stopped-early": 0.87,
        "asked-too-much": 0.94,
        "wrong-answer-after-right-steps": 0.98,
    }

    def test_of_a_few_problems(self, problems: list[Problem]) -> None:
        found = self._table(problems[:120], problems, seed=0)
        right = sum(found[kind][kind] for kind in SPOILERS)
        assert all(found[kind].total() >= 60 for kind in SPOILERS)
        assert right / sum(row.total() for row in found.values()) >= 0.92

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", [0, 1])
    def test_of_all_problems(self, problems: list[Problem], seed: int) -> None:
        found = self._table(problems, problems, seed)
        for kind in SPOILERS:
            said = sum(row[kind] for row in found.values())
            assert found[kind][kind] / found[kind].total() >= self.RECALL[kind], kind
            assert found[kind][kind] / said >= self.PRECISION[kind], kind

    @pytest.mark.slow
    def test_right_steps_of_another_author_are_sound_up_to_their_end(self, data_dir: Path) -> None:
        """GPT-5.1 goes its own ways to right answers; without their last calculation nothing but the end is missing."""
        found = Counter(walk(cut, problem).kind for problem, cut in foreign_ways(data_dir))
        assert found.total() > 800
        sound = found["stopped-early"] + found["wrong-answer-after-right-steps"]
        assert sound / found.total() >= 0.87

    @staticmethod
    def _table(some: list[Problem], problems: list[Problem], seed: int) -> dict[Kind, Counter[Kind]]:
        rng = Random(seed)
        return confusion(case for problem in some for case in spoilt(problem, problems, rng))
