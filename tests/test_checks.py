"""Miscalculations in the steps of a rationale: told, or mended where that changes nothing else."""

from __future__ import annotations

import pytest

from socratic_cli.records import Rationale, Step
from socratic_cli.stages.checks import mended, miscalculations, tagged


def rationale(*solutions: str, answer: str = "99") -> Rationale:
    return Rationale(steps=tuple(Step(solution=solution) for solution in solutions), answer=answer)


def test_each_slip_is_told_once_with_the_right_result() -> None:
    assert miscalculations("3*4 = <<3*4=11>>11 and 2 + 2 = 5") == ("3*4=11 (12)", "2+2=5 (4)")


def test_only_steps_with_slips_are_tagged() -> None:
    first, second = tagged(rationale("3*4 = 11", "3*4 = 12")).steps
    assert first.miscalculations == ("3*4=11 (12)",)
    assert second.miscalculations == ()


@pytest.mark.parametrize(
    ("solution", "right"),
    [
        ("She pays 3*4 = $<<3*4=11>>11 a day.", "She pays 3*4 = $<<3*4=12>>12 a day."),
        ("She pays $<<3*4=11>>11.", "She pays $<<3*4=12>>12."),
        ("10 / 4 = 3.5 and 2 * 2 = 5", "10 / 4 = 2.5 and 2 * 2 = 4"),
        ("3 * 4 = 12 + 5 = 18", "3 * 4 = 12 + 5 = 17"),
    ],
)
def test_a_slip_is_mended_in_all_its_places(solution: str, right: str) -> None:
    found = mended(rationale(solution))
    assert found is not None
    assert found.steps[0].solution == right


@pytest.mark.parametrize(
    "given",
    [
        rationale("3*4 = 11 eggs", "11 + 1 = 12 eggs"),
        rationale("3*4 = 11 eggs, and of the 11 eggs she eats one"),
        rationale("3*4 = 11 eggs", answer="11"),
        Rationale(steps=(Step(solution="3*4 = 11"), Step(subquestion="What of 11?", solution="It is so")), answer="5"),
        rationale("10 - 2 = 3 * 3"),
    ],
)
def test_what_is_built_upon_is_not_mended(given: Rationale) -> None:
    assert mended(given) is None


def test_what_is_right_is_left_as_it_is() -> None:
    given = rationale("3*4 = <<3*4=12>>12", "The rest is 5.")
    assert mended(given) == given
