"""What a goal would take: the interval holds the truth as often as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.benchmarks.accuracy_fit import Point, dispersion, fitted, line

GOAL = 0.2108
SIZES = (250, 1000, 4000)


def students(
    level: float, slope: float, dice: np.random.Generator, *, of: int = 1319, seeds: int = 1, luck: float = 0.0
) -> list[Point]:
    """Draw how many problems students solve, whose log odds grow by `slope` with every power of ten of compute.

    `luck` is the standard deviation of log odds among seeds.
    """
    points = [Point("cot", size, size * 190, 0, of) for size in SIZES for _ in range(seeds)]
    odds = [level + slope * (math.log10(point.flop) - 14) + dice.normal(0, luck) for point in points]
    return [
        point._replace(solved=int(dice.binomial(of, 1 / (1 + math.exp(-one)))))
        for point, one in zip(points, odds, strict=True)
    ]


def test_the_interval_holds_the_compute_that_a_goal_takes_as_often_as_it_says() -> None:
    dice = np.random.default_rng(0)
    level, slope = -3.9, 1.2
    truth = (math.log(GOAL / (1 - GOAL)) - level) / slope
    intervals = [fitted(students(level, slope, dice)).takes(GOAL) for _ in range(400)]
    held = sum(low <= truth <= high for _, low, high in intervals) / len(intervals)
    assert held == pytest.approx(0.95, abs=0.03)
    assert all(low < middle < high for middle, low, high in intervals)
    assert np.median([middle for middle, _, _ in intervals]) == pytest.approx(truth, abs=0.1)


def test_seeds_that_differ_widen_the_interval() -> None:
    dice = np.random.default_rng(0)
    level, slope = -3.9, 1.2
    truth = (math.log(GOAL / (1 - GOAL)) - level) / slope
    held, as_if_alike = 0, 0
    for _ in range(400):
        schemes = [students(level, slope, dice, seeds=4, luck=0.4) for _ in range(2)]
        _, low, high = fitted(schemes[0], dispersion(schemes)).takes(GOAL)
        held += low <= truth <= high
        _, low, high = fitted(schemes[0]).takes(GOAL)
        as_if_alike += low <= truth <= high
    assert as_if_alike / 400 < 0.85
    assert held / 400 == pytest.approx(0.95, abs=0.04)


def test_students_that_scatter_as_counts_do_are_given_no_more() -> None:
    alike = [Point("cot", size, size * 190, 27 + size // 1000, 1319) for size in SIZES for _ in range(4)]
    assert dispersion([alike]) == 1.0
    assert dispersion([alike[:1], alike[1:2]]) == 1.0


def test_a_slope_that_cannot_be_told_from_none_bounds_nothing() -> None:
    flat = [Point("cot", size, size * 190, 27 + size // 4000, 1319) for size in SIZES]
    _, low, high = fitted(flat).takes(GOAL)
    assert (low, high) == (-math.inf, math.inf)
    assert "nothing says" in line("cot", flat, GOAL)


def test_what_falls_never_reaches_a_goal_and_one_size_is_no_fit() -> None:
    falling = [Point("cot", size, size * 190, 60 - size // 100, 1319) for size in SIZES]
    assert "never" in line("cot", falling, GOAL)
    assert "one size: no fit" in line("cot", falling[:1] * 2, GOAL)
