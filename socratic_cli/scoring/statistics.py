"""The statistics of an evaluation: pure functions of counts and of tables of right and wrong.

Everything that is compared was measured on the same problems, so every comparison is paired. Heavy imports wait until
a function needs them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Table = NDArray[np.bool_]
    """Which problems (rows) were solved in which runs (columns) of an arm."""

_Z95 = 1.959963984540054


class Interval(NamedTuple):
    """A 95% interval."""

    low: float
    high: float


def wilson(correct: float, total: int) -> Interval:
    """Return the 95% Wilson score interval of a share, as two shares (Wilson, 1927).

    >>> [round(share, 4) for share in wilson(10, 100)]
    [0.0552, 0.1744]
    """
    if total == 0:
        return Interval(0.0, 1.0)
    share, z2 = correct / total, _Z95**2 / total
    centre = (share + z2 / 2) / (1 + z2)
    half = _Z95 / (1 + z2) * math.sqrt(share * (1 - share) / total + z2 / total / 4)
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def pass_at(k: int, right: int, samples: int) -> float:
    """Return how probable it is that of k samples of a problem one at least is right, where `right` of all are.

    The unbiased estimator of Chen et al. (2021): the share of all choices of k samples that hold a right one.

    >>> pass_at(1, 2, 8), round(pass_at(4, 2, 8), 4), pass_at(8, 2, 8)
    (0.25, 0.7857, 1.0)
    """
    return 1 - math.comb(samples - right, k) / math.comb(samples, k)


def sample_sd(values: Sequence[float]) -> float | None:
    """Return the sample standard deviation (divided by n - 1), None of fewer than two values.

    >>> sample_sd([1.0, 2.0, 3.0])
    1.0
    """
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))


def mcnemar(old_alone: int, new_alone: int) -> float:
    """Return the two-sided exact p-value of McNemar's test, from the problems that only one of two solves.

    >>> round(mcnemar(2, 8), 4)
    0.1094
    """
    from scipy.stats import binomtest

    discordant = old_alone + new_alone
    return float(binomtest(new_alone, discordant).pvalue) if discordant else 1.0


def sign_flip(old: Table, new: Table) -> float:
    """Return the two-sided p-value that two arms are as good, each the mean of several runs on the same problems.

    Under the null hypothesis each problem's difference of means is as likely as its negative. The distribution of
    their sum is computed exactly, not sampled; with one run on each side it is McNemar's exact test. What it says is
    of these runs on other such problems; `between_seeds` says whether other seeds could have done the same.
    """
    import numpy as np
    from scipy.signal import convolve
    from scipy.stats import binom

    scale = math.lcm(old.shape[1], new.shape[1])
    differences = new.sum(1) * (scale // new.shape[1]) - old.sum(1) * (scale // old.shape[1])
    sizes, counts = np.unique(np.abs(differences[differences != 0]), return_counts=True)
    chances = np.ones(1)
    for size, count in zip(sizes, counts, strict=True):
        # So many differences of one size, of which a binomial number is positive: a chance every 2 * size.
        spaced = np.zeros(2 * size * count + 1)
        spaced[:: 2 * size] = binom.pmf(np.arange(count + 1), count, 0.5)
        chances = convolve(chances, spaced)
    sums = np.arange(len(chances)) - len(chances) // 2
    extreme = np.abs(sums) >= abs(int(differences.sum()))
    return float(np.clip(chances[extreme].sum(), 0.0, 1.0))


def between_seeds(old: Sequence[float], new: Sequence[float]) -> float | None:
    """Return the two-sided p-value of Student's t-test between the accuracies of two arms' seeds.

    Seeds are taken to matter as much in one arm as in the other, so that an arm with a single one can be compared with
    one that has several. None where both have one.

    >>> round(between_seeds([0.10, 0.11, 0.12], [0.14, 0.15, 0.16]), 4)
    0.008
    """
    from scipy.stats import t

    freedom, error = _of_seeds(old, new)
    if freedom < 1:
        return None
    difference = abs(math.fsum(new) / len(new) - math.fsum(old) / len(old))
    if error == 0:
        return float(difference == 0)
    return float(2 * t.sf(difference / error, freedom))


def seeds_apart(old: Sequence[float], new: Sequence[float]) -> float:
    """Return how far other seeds can move a difference of two arms' mean accuracies: half of a 95% interval, by t.

    0 where both have one seed, which tells nothing of others.
    """
    from scipy.stats import t

    freedom, error = _of_seeds(old, new)
    return float(t.ppf(0.975, freedom)) * error if freedom >= 1 else 0.0


def _of_seeds(old: Sequence[float], new: Sequence[float]) -> tuple[int, float]:
    """Return the degrees of freedom and the standard error of a difference of means, with a pooled variance."""
    freedom = len(old) + len(new) - 2
    if freedom < 1:
        return 0, 0.0
    means = [math.fsum(values) / len(values) for values in (old, new)]
    squares = sum(
        math.fsum((value - mean) ** 2 for value in values) for values, mean in zip((old, new), means, strict=True)
    )
    return freedom, math.sqrt(squares / freedom * (1 / len(old) + 1 / len(new)))


def paired_bootstrap(old: Table, new: Table, resamples: int, seed: int) -> Interval:
    """Return the 95% percentile interval of the difference in accuracy, new - old, of two arms on the same problems.

    Problems are resampled, together for both arms; of several runs it is the difference of their means. Problems with
    the same outcomes in all runs cannot be told apart, so it is enough to draw how often each pattern of outcomes
    occurs: a multinomial draw, the same in distribution as drawing problems, and quick for any number of them.

    Where all problems differ alike (3 of 3 that one arm alone solves, or none on which two arms differ) every draw is
    the same, and others would have been possible: as many as Wilson's bound of 0 in so many problems, each of which
    would move the difference as far as it goes.

    >>> import numpy as np
    >>> paired_bootstrap(np.zeros((1319, 1), bool), np.zeros((1319, 1), bool), 100, 0)
    Interval(low=-0.002903944985303654, high=0.002903944985303654)
    """
    import numpy as np

    random = np.random.default_rng(seed)
    patterns, counts = np.unique(np.hstack([old, new]), axis=0, return_counts=True)
    drawn = random.multinomial(counts.sum(), counts / counts.sum(), size=resamples)
    gained = patterns[:, old.shape[1] :].mean(axis=1) - patterns[:, : old.shape[1]].mean(axis=1)
    if len(set(gained.tolist())) == 1:
        same, unseen = float(gained[0]), wilson(0, int(counts.sum())).high
        return Interval(max(-1.0, same - unseen * (1 + same)), min(1.0, same + unseen * (1 - same)))
    differences = drawn @ gained / counts.sum()
    return Interval(*(float(bound) for bound in np.quantile(differences, [0.025, 0.975])))


def widened(interval: Interval, value: float, half: float) -> Interval:
    """Return the interval of a value that another source of chance moves as well, by `half` at 95%.

    Distances of both bounds are added as variances are (MOVER: Zou and Donner, 2008).

    >>> widened(Interval(-0.25, 0.5), 0.25, 1.0)
    Interval(low=-0.8680339887498949, high=1.2807764064044151)
    """
    return Interval(value - math.hypot(value - interval.low, half), value + math.hypot(interval.high - value, half))


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number by Holm's step-down procedure (Holm, 1979), in the same order.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    corrected = [0.0] * len(p_values)
    least = 0.0
    for rank, at in enumerate(sorted(range(len(p_values)), key=p_values.__getitem__)):
        least = max(least, min(1.0, p_values[at] * (len(p_values) - rank)))
        corrected[at] = least
    return corrected


def gain(old: float, new: float, over: float) -> float | None:
    """Return the relative gain (new - old) / over, None where that is nothing.

    Papers divide by the old value or by the new one: of 10% and 20%, one says 100% and the other 50%.
    """
    return (new - old) / over if over else None
