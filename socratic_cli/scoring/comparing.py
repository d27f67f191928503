"""Arms, two by two, on the problems that both have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import reduce
from itertools import combinations
from typing import TYPE_CHECKING

from socratic_cli.errors import UsageError, did_you_mean
from socratic_cli.scoring.evaluation import Arm, Comparison
from socratic_cli.scoring.statistics import (
    between_seeds,
    gain,
    holm,
    mcnemar,
    paired_bootstrap,
    seeds_apart,
    sign_flip,
    widened,
)

if TYPE_CHECKING:
    from socratic_cli.scoring.statistics import Table


def comparisons(arms: Sequence[Arm], baseline: str | None, resamples: int, seed: int) -> tuple[Comparison, ...]:
    """Compare every arm with every arm before it, or with the baseline only; p-values are corrected for all of them.

    Arms that have no problem in common are not compared.

    Raises:
        UsageError: there is no arm of the baseline's name.
    """
    found = [
        compare(old, new, resamples, seed)
        for old, new in _pairs(arms, baseline)
        if common(old).keys() & common(new).keys()
    ]
    corrected = holm([one.p_value for one in found])
    return tuple(replace(one, p_holm=p_value) for one, p_value in zip(found, corrected, strict=True))


def _pairs(arms: Sequence[Arm], baseline: str | None) -> Iterator[tuple[Arm, Arm]]:
    if baseline is None:
        yield from combinations(arms, 2)
        return
    names = [arm.name for arm in arms]
    if baseline not in names:
        raise UsageError(
            f"no arm {baseline!r} for a baseline.{did_you_mean(baseline, names)} Arms: {', '.join(names)}."
        )
    old = arms[names.index(baseline)]
    yield from ((old, new) for new in arms if new is not old)


def compare(old: Arm, new: Arm, resamples: int, seed: int) -> Comparison:
    """Compare two arms that have problems in common; the p-value is not corrected yet."""
    import numpy as np

    of_old, of_new = common(old), common(new)
    both = [problem for problem in of_old if problem in of_new]
    before, after = _table(old, both), _table(new, both)
    single = len(old.runs) == len(new.runs) == 1
    # Over all pairs of a run of one and a run of the other.
    old_alone = int((before.sum(1) * (~after).sum(1)).sum())
    new_alone = int((after.sum(1) * (~before).sum(1)).sum())
    p_problems = mcnemar(old_alone, new_alone) if single else sign_flip(before, after)
    seeds = _by_seed(old, before), _by_seed(new, after)
    p_seeds = between_seeds(*seeds)
    p_value = max(p_problems, p_seeds or 0.0)
    old_accuracy, new_accuracy = float(np.mean(before)), float(np.mean(after))
    of_problems = paired_bootstrap(before, after, resamples, seed)
    return Comparison(
        old.name,
        new.name,
        problems=len(both),
        only_old=len(of_old) - len(both),
        only_new=len(of_new) - len(both),
        old_accuracy=old_accuracy,
        new_accuracy=new_accuracy,
        difference=new_accuracy - old_accuracy,
        **widened(of_problems, new_accuracy - old_accuracy, seeds_apart(*seeds))._asdict(),
        old_alone=old_alone,
        new_alone=new_alone,
        test="mcnemar" if single else "sign-flip",
        p_problems=p_problems,
        p_seeds=p_seeds,
        p_value=p_value,
        p_holm=p_value,
        gain_over_old=gain(old_accuracy, new_accuracy, over=old_accuracy),
        gain_over_new=gain(old_accuracy, new_accuracy, over=new_accuracy),
    )


def _by_seed(arm: Arm, solved: Table) -> list[float]:
    """Return the accuracy of each student of an arm: its samples are no further students, a sample once more is."""
    students: dict[tuple[str, int | None, int], list[float]] = {}
    known: Counter[tuple[str, int | None, int]] = Counter()
    for run, accuracy in zip(arm.runs, solved.mean(axis=0).tolist(), strict=True):
        sample = run.author, run.seed, run.sample
        students.setdefault((run.author, run.seed, known[sample]), []).append(accuracy)
        known[sample] += 1
    return [sum(accuracies) / len(accuracies) for accuracies in students.values()]


def common(arm: Arm) -> dict[str, None]:
    """Return the ids of the problems that all runs of an arm have, in order."""
    ids = [dict.fromkeys(outcome.problem for outcome in run.outcomes) for run in arm.runs]
    return reduce(lambda kept, more: {problem: None for problem in kept if problem in more}, ids)


def _table(arm: Arm, problems: Sequence[str]) -> Table:
    """Return which problems (rows) were solved in which runs (columns)."""
    import numpy as np

    solved = [{outcome.problem for outcome in run.outcomes if outcome.state == "correct"} for run in arm.runs]
    return np.array([[problem in run for run in solved] for problem in problems], dtype=bool)
