"""The exemplars: right to the last mark, and our own: none of them is a problem of the real data."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import pytest

from socratic_cli.answers import as_number
from socratic_cli.notation import equations, read, write
from socratic_cli.records import Problem, Solution, fingerprint
from socratic_cli.schemes.prompting import BUILT_IN, exemplars
from socratic_cli.sources import resolve

SPLITS = (
    "gsm8k/train",
    "gsm8k/test",
    "svamp/train",
    "svamp/test",
    "strategyqa/official-train",
    "strategyqa/official-dev",
)
ALL = [pytest.param(exemplar, id=exemplar.problem.id) for name in BUILT_IN for exemplar in exemplars(name)]


def calculate(text: str) -> Fraction:
    """Work out a calculation of numbers and + - * / by walking its syntax tree."""

    def value(node: ast.expr) -> Fraction:
        match node:
            case ast.Constant(value=int() | float() as number):
                return Fraction(str(number))
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return value(left) + value(right)
            case ast.BinOp(left=left, op=ast.Sub(), right=right):
                return value(left) - value(right)
            case ast.BinOp(left=left, op=ast.Mult(), right=right):
                return value(left) * value(right)
            case ast.BinOp(left=left, op=ast.Div(), right=right):
                return value(left) / value(right)
        raise ValueError(f"no calculation: {text}")

    return value(ast.parse(text, mode="eval").body)


@pytest.mark.parametrize("name", BUILT_IN)
def test_there_are_eight_of_a_kind_with_ids_of_their_own(name: str) -> None:
    solutions = exemplars(name)
    assert len(solutions) == 8
    assert len({solution.problem.id for solution in solutions}) == 8
    assert len({fingerprint(solution.problem.question) for solution in solutions}) == 8


@pytest.mark.parametrize("exemplar", ALL)
def test_it_is_a_whole_socratic_rationale_in_the_notation(exemplar: Solution) -> None:
    assert exemplar.steps
    assert all(step.subquestion and step.subquestion.endswith("?") for step in exemplar.steps)
    assert exemplar.answer == exemplar.problem.answer
    assert read(write(exemplar.rationale)) == exemplar.rationale


@pytest.mark.parametrize("exemplar", ALL)
def test_every_marked_calculation_is_right_and_stated_beside_its_mark(exemplar: Solution) -> None:
    for step in exemplar.steps:
        for left, right in equations(step):
            assert calculate(left) == Fraction(right), step.solution
            assert f"<<{left}={right}>>{right}" in step.solution
            assert f"{left} = " in step.solution


@pytest.mark.parametrize("exemplar", [case for case in ALL if "strategyqa" not in str(case.id)])
def test_the_last_result_is_the_answer(exemplar: Solution) -> None:
    assert exemplar.answer is not None
    assert equations(exemplar.steps[-1])[-1].right == exemplar.answer
    assert as_number(exemplar.answer) is not None


@pytest.mark.parametrize("exemplar", [case for case in ALL if "strategyqa" not in str(case.id)])
def test_numbers_come_from_the_question_or_from_earlier_steps(exemplar: Solution) -> None:
    # 3 of "one third", 2 of "twice" and 100 cents a dollar are said in words; .25 is said as 25%.
    known = {*re.findall(r"\d+", exemplar.problem.question.replace(",", "")), ".25", "2", "3", "100"}
    for step in exemplar.steps:
        for left, right in equations(step):
            assert set(re.findall(r"[\d.]+", left)) <= known, step.solution
            known.add(right)


def test_yes_and_no_are_balanced_and_concluded() -> None:
    solutions = exemplars("strategyqa")
    assert [solution.answer for solution in solutions].count("yes") == 4
    for solution in solutions:
        assert solution.problem.facts
        assert solution.steps[-1].solution.endswith(f"So the answer is {solution.answer}.")


def grams(question: str) -> Iterator[tuple[str, ...]]:
    """Yield the runs of five words of a question."""
    words = re.findall(r"\w+", question.casefold())
    return zip(*(words[start:] for start in range(5)), strict=False)


@pytest.fixture(scope="module")
def real_problems(data_dir: Path) -> list[Problem]:
    return [problem for ref in SPLITS for problem in resolve(ref, data_dir=data_dir)]


def test_no_exemplar_is_a_problem_of_the_real_data(real_problems: list[Problem]) -> None:
    assert len(real_problems) == 7473 + 1319 + 1000 + 2290
    known = {fingerprint(problem.question) for problem in real_problems}
    assert not [case.id for case in ALL if fingerprint(case.values[0].problem.question) in known]  # type: ignore[union-attr]


def test_no_exemplar_is_nearly_a_problem_of_the_real_data(real_problems: list[Problem]) -> None:
    wanted = {name: [set(grams(solution.problem.question)) for solution in exemplars(name)] for name in BUILT_IN}
    ours = [of_one for of_name in wanted.values() for of_one in of_name]
    all_ours = set().union(*ours)
    for problem in real_problems:
        shared = all_ours.intersection(grams(problem.question))
        worst = max((len(shared & of_one) / len(of_one) for of_one in ours), default=0.0) if shared else 0.0
        assert worst < 0.25, problem.question
