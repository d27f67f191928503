"""How accuracy grows with the compute of training, and what a goal would take if it went on like that.

    python -m tests.benchmarks.accuracy_fit recipes/results/gsm8k-cpu/points.jsonl --goal 0.2108

A point is a student: its scheme, the tokens it was trained on, and how many of how many problems it solved. Prints a
table in Markdown. The fit is a logistic regression (statsmodels' binomial GLM) of what is solved on the logarithm of
the compute; the interval of the compute that a goal takes is Fieller's. Where students differ by more than chance
among problems lets them, since a seed counts, the intervals are wider by as much (quasi-binomial).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import jsonlines
import numpy as np
import statsmodels.api as sm
from scipy import stats

# Forward and backward through frozen weights, an operation for each multiplication and addition: adapters of rank 16
# and the gradients of weights that are not trained cost next to nothing beside them.
_FLOP_PER_WEIGHT = 4
_WEIGHTS = 134_515_008  # SmolLM2-135M


class Point(NamedTuple):
    """One student; `tokens` of all its roles."""

    scheme: str
    problems: int
    tokens: int
    solved: int
    of: int

    @property
    def flop(self) -> float:
        """Operations of its training."""
        return _FLOP_PER_WEIGHT * _WEIGHTS * self.tokens


class Fit(NamedTuple):
    """Log odds of a solved problem: `level` at a FLOP of 10^14, and `slope` for each power of ten."""

    level: float
    slope: float
    covariance: np.ndarray

    def takes(self, goal: float) -> tuple[float, float, float]:
        """Return the logarithm of the compute that a goal takes, with its 95% interval; infinite where nothing says."""
        wanted = math.log(goal / (1 - goal)) - self.level
        z = stats.norm.ppf(0.975) ** 2
        level, both, slope = self.covariance[0, 0], self.covariance[0, 1], self.covariance[1, 1]
        # Fieller: the x at which wanted - slope * x is not told apart from 0.
        a, b, c = self.slope**2 - z * slope, -2 * (wanted * self.slope + z * both), wanted**2 - z * level
        middle = wanted / self.slope
        if self.slope <= 0 or a <= 0 or b**2 < 4 * a * c:
            return middle, -math.inf, math.inf
        root = math.sqrt(b**2 - 4 * a * c)
        return middle, (-b - root) / (2 * a), (-b + root) / (2 * a)


def fitted(points: Iterable[Point], dispersion: float = 1.0) -> Fit:
    """Fit the points of one scheme; variances are `dispersion` times those of binomial counts."""
    found = _regression(list(points)).fit()
    level, slope = map(float, found.params)
    return Fit(level, slope, dispersion * np.asarray(found.cov_params()))


def dispersion(schemes: Iterable[list[Point]]) -> float:
    """Return how much wider students scatter about the lines of their schemes than binomial counts do; 1 if no wider.

    Pearson's chi-squared over its degrees of freedom, of all schemes together: one has too few students to tell.
    """
    fits = [_regression(points).fit() for points in schemes if _sizes(points)[1:]]
    freedom = sum(fit.df_resid for fit in fits)
    return max(1.0, float(sum(fit.pearson_chi2 for fit in fits) / freedom)) if freedom else 1.0


def _regression(points: list[Point]) -> sm.GLM:
    counts = np.array([(one.solved, one.of - one.solved) for one in points])
    compute = np.array([math.log10(one.flop) - 14 for one in points])
    return sm.GLM(counts, sm.add_constant(compute), family=sm.families.Binomial())


def _sizes(points: Iterable[Point]) -> list[int]:
    return sorted({one.problems for one in points})


def line(scheme: str, points: list[Point], goal: float, dispersion: float = 1.0) -> str:
    """Return a row of the table."""
    sizes = _sizes(points)
    if len(sizes) < 2:
        return f"| {scheme} | {', '.join(map(str, sizes))} | {len(points)} | one size: no fit | |"
    fit = fitted(points, dispersion)
    error = 1.96 * math.sqrt(fit.covariance[1, 1])
    middle, low, high = fit.takes(goal)
    largest = max(one.flop for one in points)
    times = f"{10 ** (middle + 14) / largest:,.0f} times the largest" if fit.slope > 0 else "never"
    bounds = f"10^{low + 14:.1f} to 10^{high + 14:.1f}" if math.isfinite(high) else "nothing says"
    growth = f"{math.exp(fit.slope):.2f} ({math.exp(fit.slope - error):.2f} to {math.exp(fit.slope + error):.2f})"
    return (
        f"| {scheme} | {', '.join(map(str, sizes))} | {len(points)} | {growth} |"
        f" 10^{middle + 14:.1f} FLOP ({bounds}), {times} |"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("points", type=Path)
    parser.add_argument("--goal", type=float, required=True, help="accuracy, from 0 to 1")
    given = parser.parse_args()
    with jsonlines.open(given.points) as lines:
        points = [Point(*(one[name] for name in Point._fields)) for one in lines]
    schemes = {one.scheme: [point for point in points if point.scheme == one.scheme] for one in points}
    wider = dispersion(schemes.values())
    print(f"| scheme | problems | students | odds at ten times the compute | {given.goal:.2%} would take |")
    print("|---|---|--:|---|---|")
    for scheme, students in schemes.items():
        print(line(scheme, students, given.goal, wider))
    print(f"\nVariances are {wider:.2f} times those of binomial counts.")


if __name__ == "__main__":
    main()
