"""Arithmetic stories: right, natural in their numbers, different from one another, the same everywhere."""

from __future__ import annotations

import operator
import re
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from itertools import islice, pairwise
from pathlib import Path
from random import Random

import pytest

from socratic_cli.datasets.stories import LIMIT, tell
from socratic_cli.datasets.stories.settings import SETTINGS
from socratic_cli.errors import UsageError
from socratic_cli.notation import Equation, equations, read, write
from socratic_cli.records import Problem, fingerprint
from socratic_cli.sources import resolve

OPERATORS: dict[str, Callable[[int, int], int | Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": Fraction,
}


def problems(ref: str, limit: int | None = None) -> list[Problem]:
    return list(resolve(ref, limit=limit))


def parts(equation: Equation) -> tuple[int, str, int, int]:
    """Return the two operands, the operator and the result of a calculation."""
    match = re.fullmatch(r"(\d+)([-+*/])(\d+)", equation.left)
    assert match, equation
    return int(match[1]), match[2], int(match[3]), int(equation.right)


@pytest.fixture(scope="module")
def stories() -> list[Problem]:
    return problems("arithmetic:1-12/train seed=11", 1500)


def test_every_step_is_one_right_calculation_between_natural_numbers(stories: list[Problem]) -> None:
    for problem in stories:
        for step in problem.steps:
            ((left, sign, right, result),) = map(parts, equations(step))
            assert OPERATORS[sign](left, right) == result, step
            assert 2 <= result <= LIMIT
            assert right >= 2
            assert f"{left}{sign}{right} = " in step.solution


def test_the_last_result_is_the_answer_and_the_last_subquestion_is_asked(stories: list[Problem]) -> None:
    for problem in stories:
        last = problem.steps[-1]
        assert equations(last)[-1].right == problem.answer
        assert last.subquestion
        assert problem.question.endswith(f" {last.subquestion}")


def test_each_step_needs_the_one_before_and_some_need_an_earlier_one_too(stories: list[Problem]) -> None:
    joined = 0
    for problem in stories:
        steps = [parts(equation) for step in problem.steps for equation in equations(step)]
        assert all(before[3] in (now[0], now[2]) for before, now in pairwise(steps))
        joined += any(step.subquestion and "together" in step.subquestion for step in problem.steps)
    assert joined > len(stories) / 20


def test_a_story_needs_no_number_that_it_does_not_tell(stories: list[Problem]) -> None:
    in_words = {2, 3, 4}  # half, twice, a third, a quarter
    for problem in stories:
        known = set(map(int, re.findall(r"\d+", problem.question))) | in_words
        for step in problem.steps:
            left, _, right, result = parts(equations(step)[0])
            assert {left, right} <= known, problem.question
            known.add(result)


@pytest.mark.parametrize(("steps", "wanted"), [("1", {1}), ("3", {3}), ("2-3", {2, 3}), ("9-12", {9, 10, 11, 12})])
def test_there_are_as_many_steps_as_asked_for(steps: str, wanted: set[int]) -> None:
    assert {len(problem.steps) for problem in problems(f"arithmetic:{steps}/train", 80)} == wanted


def test_two_steps_make_a_short_question() -> None:
    lengths = sorted(
        len(re.findall(r"\w+|[^\w\s]", problem.question)) for problem in problems("arithmetic:2/train", 500)
    )
    assert 20 <= lengths[250] <= 35
    assert lengths[-1] <= 60


def test_the_text_is_clean_english(stories: list[Problem]) -> None:
    for problem in stories:
        text = f"{problem.question} {write(problem.rationale)}"
        assert not re.search(r"[{}]|  | [.?,]|\.\.|\$\$|\b(\w+) \1\b", text), text
        assert all(sentence[0].isupper() for sentence in re.split(r"(?<=[.?]) ", problem.question)), problem.question
        assert all(step.subquestion and step.subquestion.endswith("?") for step in problem.steps)
        assert all(step.solution[0].isupper() and step.solution.endswith(".") for step in problem.steps)
        assert read(write(problem.rationale)) == problem.rationale


def test_the_subquestions_of_short_stories_differ() -> None:
    for problem in problems("arithmetic:2-4/train", 500):
        assert len({step.subquestion for step in problem.steps}) == len(problem.steps)


def test_all_operations_and_settings_occur_and_none_prevails() -> None:
    found = problems("arithmetic/train", 1000)
    signs = Counter(parts(equations(step)[0])[1] for problem in found for step in problem.steps)
    assert set(signs) == set("+-*/")
    assert max(signs.values()) < sum(signs.values()) / 2
    for setting in SETTINGS:
        assert any(re.search(rf"\b{setting}\b", f"{problem.question} {write(problem.rationale)}") for problem in found)


def test_no_question_comes_twice_and_train_and_test_are_disjoint_for_any_seeds() -> None:
    train = [problem for seed in range(4) for problem in problems(f"arithmetic:1-2/train seed={seed}", 500)]
    test = [problem for seed in range(4) for problem in problems(f"arithmetic:1-2/test seed={seed}", 300)]
    assert not {fingerprint(p.question) for p in train} & {fingerprint(p.question) for p in test}
    for seed in range(4):
        of_seed = train[seed * 500 : seed * 500 + 500]
        assert len({fingerprint(problem.question) for problem in of_seed}) == 500
    assert len({problem.id for problem in (*train, *test)}) == len(train) + len(test)


def test_another_seed_tells_other_stories() -> None:
    one, two = problems("arithmetic/train seed=1", 50), problems("arithmetic/train seed=2", 50)
    assert len({problem.question for problem in (*one, *two)}) == 100


def test_another_process_tells_the_same_stories() -> None:
    code = "from socratic_cli.sources import resolve\nfor p in resolve('arithmetic/test', limit=20): print(p.question)"
    command = [sys.executable, "-c", code]
    seeds = [subprocess.run(command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True) for seed in "12"]
    assert [run.returncode for run in seeds] == [0, 0]
    assert seeds[0].stdout == seeds[1].stdout
    assert seeds[0].stdout.splitlines() == [problem.question for problem in problems("arithmetic/test", 20)]


def test_the_count_is_the_number_of_problems_and_more_of_them_begin_with_the_same() -> None:
    few, many = problems("arithmetic/train count=5"), problems("arithmetic/train count=9")
    assert len(few) == 5
    assert many[:5] == few
    assert len(problems("arithmetic/train")) == 1000


def test_a_billion_problems_begin_at_once() -> None:
    start = time.perf_counter()
    assert len(problems("arithmetic:3/train count=1000000000", 500)) == 500
    assert time.perf_counter() - start < 5


def test_a_story_is_the_random_numbers_own() -> None:
    assert tell(Random(3), 5) == tell(Random(3), 5)
    assert [len(tell(Random(seed), 20).steps) for seed in range(20)] == [20] * 20


@pytest.mark.parametrize("steps", ["0", "21", "3-2", "-", "2-", "-2", "two", "1-99", "2.5", "1-2-3", "²"])
def test_a_wrong_number_of_steps_is_explained(steps: str) -> None:
    with pytest.raises(UsageError, match=r"arithmetic: steps: .* is no number of steps: write 3, or 2-5; from 1 to 20"):
        problems(f"arithmetic:{steps}/train")


@pytest.mark.parametrize(("option", "fault"), [("count=0", "greater than or equal to 1"), ("seed=x", "valid integer")])
def test_other_wrong_options_are_explained(option: str, fault: str) -> None:
    with pytest.raises(UsageError, match=fault):
        problems(f"arithmetic/train {option}")


def test_a_data_folder_is_passed_over() -> None:
    assert list(islice(resolve("arithmetic/train", data_dir=Path("/nowhere")), 3)) == problems("arithmetic/train", 3)


@pytest.mark.parametrize("largest", [30, 100])
def test_numbers_can_be_kept_small(largest: int) -> None:
    problems = list(resolve(f"arithmetic:2-4/train largest={largest}", limit=200))
    numbers = [int(n) for problem in problems for step in problem.steps for n in re.findall(r"\d+", step.solution)]
    assert largest * 0.8 < max(numbers) <= largest
