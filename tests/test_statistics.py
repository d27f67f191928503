"""The statistics of an evaluation agree with scipy's, statsmodels' and with brute force."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar as statsmodels_mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from socratic_cli.scoring.statistics import (
    Interval,
    between_seeds,
    gain,
    holm,
    mcnemar,
    paired_bootstrap,
    pass_at,
    sample_sd,
    seeds_apart,
    sign_flip,
    widened,
    wilson,
)

COUNTS = st.integers(1, 5_000).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total)))

ACCURACIES = st.lists(st.integers(0, 1319).map(lambda correct: correct / 1319), min_size=2, max_size=6)


def random_table(seed: int, problems: int, runs: int, share: float) -> np.ndarray:
    return np.random.default_rng(seed).random((problems, runs)) < share


@given(COUNTS)
def test_wilson_is_scipys(counts: tuple[int, int]) -> None:
    correct, total = counts
    theirs = stats.binomtest(correct, total).proportion_ci(method="wilson")
    assert wilson(correct, total) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@given(st.integers(0, 300), st.integers(0, 300), st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_statsmodels(both: int, old_alone: int, new_alone: int, neither: int) -> None:
    theirs = statsmodels_mcnemar([[both, old_alone], [new_alone, neither]], exact=True)
    assert mcnemar(old_alone, new_alone) == pytest.approx(min(1.0, theirs.pvalue), rel=1e-9)


@settings(max_examples=20)  # statsmodels collects garbage each time: most of a second in a process that holds torch
@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_is_statsmodels(p_values: list[float]) -> None:
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1])


def test_holm_of_nothing_is_nothing() -> None:
    assert holm([]) == []


@pytest.mark.parametrize("seed", range(20))
def test_sign_flip_of_single_runs_is_mcnemar(seed: int) -> None:
    old, new = random_table(seed, 200, 1, 0.3), random_table(seed + 100, 200, 1, 0.4)
    wanted = mcnemar(int((old & ~new).sum()), int((new & ~old).sum()))
    assert sign_flip(old, new) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize(("seed", "old_runs", "new_runs"), [(0, 3, 3), (1, 2, 3), (2, 1, 2), (3, 5, 2)])
def test_sign_flip_counts_every_flip(seed: int, old_runs: int, new_runs: int) -> None:
    old, new = random_table(seed, 12, old_runs, 0.3), random_table(seed + 9, 12, new_runs, 0.7)
    differences = new.sum(1) * old_runs - old.sum(1) * new_runs
    sums = np.array([np.dot(signs, differences) for signs in product([1, -1], repeat=12)])
    wanted = np.mean(np.abs(sums) >= abs(differences.sum()))
    assert sign_flip(old, new) == pytest.approx(wanted, abs=1e-12)


def test_sign_flip_agrees_with_scipys_permutations() -> None:
    old, new = random_table(1, 150, 3, 0.30), random_table(2, 150, 3, 0.38)
    theirs = stats.permutation_test(
        (new.mean(1), old.mean(1)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        permutation_type="samples",
        vectorized=True,
        n_resamples=20_000,
        rng=np.random.default_rng(0),
    )
    assert sign_flip(old, new) == pytest.approx(theirs.pvalue, abs=0.01)


@given(ACCURACIES, ACCURACIES)
def test_between_seeds_is_scipys_t_test(old: list[float], new: list[float]) -> None:
    assume(len(set(old)) > 1 and len(set(new)) > 1)
    assert between_seeds(old, new) == pytest.approx(stats.ttest_ind(old, new).pvalue, rel=1e-6, abs=1e-12)


def test_between_seeds_takes_a_single_run_and_no_spread() -> None:
    # By hand: pooled variance 0.0001 of two degrees of freedom, error 0.01 * sqrt(4/3), t = 4.330.
    assert between_seeds([0.10], [0.14, 0.15, 0.16]) == pytest.approx(0.0494, abs=5e-5)
    assert between_seeds([0.1], [0.2]) is None
    assert between_seeds([0.1, 0.1], [0.1, 0.1]) == 1.0
    assert between_seeds([0.1, 0.1], [0.2, 0.2]) == 0.0


def test_of_equal_tables_nothing_differs() -> None:
    table = random_table(0, 50, 2, 0.5)
    assert sign_flip(table, table) == 1.0
    one = table[:, :1]
    low, high = paired_bootstrap(one, one, 1_000, 0)
    # of 50 problems none differs, and others may
    assert -low == high == pytest.approx(proportion_confint(0, 50, method="wilson")[1])


@pytest.mark.parametrize(("runs", "problems"), [((1, 1), 3), ((1, 2), 200)])
def test_an_interval_is_no_point_where_all_problems_differ_alike(runs: tuple[int, int], problems: int) -> None:
    old, new = np.zeros((problems, runs[0]), bool), np.ones((problems, runs[1]), bool)
    low, high = paired_bootstrap(old, new, 100, 0)
    unseen = proportion_confint(0, problems, method="wilson")[1]
    assert (low, high) == pytest.approx((1 - 2 * unseen, 1.0))
    low, high = paired_bootstrap(new, old, 100, 0)
    assert (low, high) == pytest.approx((-1.0, 2 * unseen - 1))


@pytest.mark.parametrize("share", [0.002, 0.01])
def test_rare_differences_are_within_the_interval_about_as_often_as_it_says(share: float) -> None:
    covered = 0
    for seed in range(300):
        new = random_table(seed, 100, 1, share)
        low, high = paired_bootstrap(np.zeros_like(new), new, 300, seed)
        covered += low <= share <= high
    assert covered / 300 >= 0.90


@pytest.mark.parametrize("seed", range(3))
def test_the_bootstrap_of_single_runs_is_scipys(seed: int) -> None:
    old = random_table(seed, 400, 1, 0.3)
    new = old ^ random_table(seed + 50, 400, 1, 0.15)
    theirs = stats.bootstrap(
        (new[:, 0].astype(float), old[:, 0].astype(float)),
        lambda x, y, axis: np.mean(x - y, axis=axis),
        paired=True,
        vectorized=True,
        method="percentile",
        n_resamples=10_000,
        batch=1_000,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    assert paired_bootstrap(old, new, 10_000, seed) == pytest.approx((theirs.low, theirs.high), abs=0.004)


def test_the_bootstrap_is_seeded() -> None:
    old, new = random_table(0, 300, 3, 0.2), random_table(1, 300, 3, 0.3)
    assert paired_bootstrap(old, new, 2_000, 7) == paired_bootstrap(old, new, 2_000, 7)


@given(ACCURACIES, ACCURACIES)
def test_seeds_move_a_difference_as_far_as_scipys_interval_reaches(old: list[float], new: list[float]) -> None:
    assume(len(set(old)) > 1 and len(set(new)) > 1)
    low, high = stats.ttest_ind(new, old).confidence_interval()
    assert seeds_apart(old, new) == pytest.approx((high - low) / 2, rel=1e-6, abs=1e-12)


def test_a_single_seed_tells_nothing_of_others() -> None:
    assert seeds_apart([0.1], [0.3]) == 0.0
    assert widened(Interval(0.1, 0.4), 0.2, 0.0) == pytest.approx((0.1, 0.4))


@pytest.mark.parametrize(("seeds", "sd"), [(2, 0.03), (2, 0.05), (3, 0.03), (3, 0.0)])
def test_an_interval_of_problems_and_seeds_holds_the_truth_at_least_as_often_as_it_says(seeds: int, sd: float) -> None:
    dice, held = np.random.default_rng(0), 0
    for _ in range(300):
        hard = dice.normal(0, 0.1, size=(400, 1))
        old, new = (
            dice.random((400, seeds)) < np.clip(0.3 + hard + dice.normal(0, sd, size=(1, seeds)), 0, 1)
            for _ in range(2)
        )
        means = [table.mean(axis=0).tolist() for table in (old, new)]
        of_problems = paired_bootstrap(old, new, 300, 0)
        low, high = widened(of_problems, float(new.mean() - old.mean()), seeds_apart(*means))
        held += low <= 0 <= high
    assert held / 300 >= 0.93


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    covered = 0
    for seed in range(300):
        old, new = random_table(seed, 200, 1, 0.30), random_table(seed + 10_000, 200, 1, 0.40)
        low, high = paired_bootstrap(old, new, 500, seed)
        covered += low <= 0.10 <= high
    assert 0.90 <= covered / 300 <= 0.99


@pytest.mark.parametrize(("right", "samples"), [(0, 4), (1, 4), (3, 5), (6, 6)])
def test_pass_at_is_the_share_of_all_choices_with_a_right_one(right: int, samples: int) -> None:
    drawn = [True] * right + [False] * (samples - right)
    for k in range(1, samples + 1):
        choices = list(combinations(drawn, k))
        assert pass_at(k, right, samples) == pytest.approx(sum(map(any, choices)) / len(choices))
        assert pass_at(k, right, samples) == pytest.approx(stats.hypergeom.sf(0, samples, right, k))


@given(st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_sd_is_numpys(values: list[float]) -> None:
    assert sample_sd(values) == pytest.approx(np.std(values, ddof=1), abs=1e-12)


def test_both_gains_are_told_apart() -> None:
    assert gain(0.1, 0.2, over=0.1) == pytest.approx(1.0)
    assert gain(0.1, 0.2, over=0.2) == pytest.approx(0.5)
    assert gain(0.0, 0.2, over=0.0) is None
