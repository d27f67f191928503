"""What a goal would take: the interval holds the truth as often as it says."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.benchmarks.accuracy_fit import Point, fitted, line

GOAL = 0.2108
SIZES = (250, 1000, 4000)


def students(level: float, slope: float, dice: np.random.Generator, of: int = 1319) -> list[Point]:
    """Draw how many problems students solve, whose log odds grow by `slope` with every power of ten of compute."""
    points = [Point("cot", size, size * 190, 0, of) for size in SIZES]
    odds = [level + slope * (math.log10(point.flop) - 14) for point in points]
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


def test_a_slope_that_cannot_be_told_from_none_bounds_nothing() -> None:
    flat = [Point("cot", size, size * 190, 27 + size // 4000, 1319) for size in SIZES]
    _, low, high = fitted(flat).takes(GOAL)
    assert (low, high) == (-math.inf, math.inf)
    assert "nothing says" in line("cot", flat, GOAL)


def test_what_falls_never_reaches_a_goal_and_one_size_is_no_fit() -> None:
    falling = [Point("cot", size, size * 190, 60 - size // 100, 1319) for size in SIZES]
    assert "never" in line("cot", falling, GOAL)
    assert "one size: no fit" in line("cot", falling[:1] * 2, GOAL)
