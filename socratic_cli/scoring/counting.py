"""Outcomes, counted: over a run, over the runs of an arm, over a slice of its problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

from socratic_cli.scoring.evaluation import Arm, Outcome, PassAt, Proportion, Result, Run, Slice, Spread
from socratic_cli.scoring.statistics import pass_at, sample_sd, wilson


def proportion(count: float, total: int) -> Proportion:
    """Return a proportion with its interval."""
    return Proportion(count, total, count / total if total else 0.0, *wilson(count, total))


def result(outcomes: Iterable[Outcome], runs: int = 1) -> Result:
    """Count outcomes of one run, or of several runs, on the same problems as a rule.

    Where runs have unequal numbers of problems, shares are of all outcomes, and totals of what a run has on average.
    """
    outcomes = list(outcomes)
    states = Counter(outcome.state for outcome in outcomes)
    answered = states["correct"] + states["wrong"]

    def of_all(count: int) -> Proportion:
        return scaled(count, len(outcomes), runs)

    return Result(
        problems=_share(len(outcomes), runs),
        correct=states["correct"],
        wrong=states["wrong"],
        unanswered=states["unanswered"],
        reasons=dict(Counter(outcome.reason for outcome in outcomes if outcome.reason).most_common()),
        leaked=_share(sum(outcome.leaked for outcome in outcomes), runs),
        accuracy=of_all(states["correct"]),
        answered=scaled(states["correct"], answered, runs),
        strict=of_all(sum(outcome.strict for outcome in outcomes)),
        lenient=of_all(sum(outcome.lenient for outcome in outcomes)),
    )


def _share(count: int, runs: int) -> int:
    return round(count / runs)


def scaled(count: int, of: int, runs: int) -> Proportion:
    """Return a share, out of as many as there are in one run on average."""
    total = max(1, _share(of, runs))
    return proportion(count * total / of, total) if of else proportion(0, 0)


def spread(runs: Sequence[Run]) -> Spread:
    """Return how accuracy differs between runs."""
    shares = [run.result.accuracy.share for run in runs]
    return Spread(len(runs), sum(shares) / len(shares), sample_sd(shares), min(shares), max(shares))


def arm(name: str, scheme: str, runs: Sequence[Run], values: Mapping[str, Mapping[str, Sequence[str]]]) -> Arm:
    """Return an arm with its counts; `values` are the ids of the problems by feature and value."""
    outcomes = [outcome for run in runs for outcome in run.outcomes]
    return Arm(
        name=name,
        scheme=scheme,
        runs=tuple(runs),
        result=result(outcomes, len(runs)),
        spread=spread(runs),
        slices=tuple(slices(outcomes, len(runs), values)),
        passes=tuple(passes(runs)),
    )


def passes(runs: Sequence[Run]) -> Iterator[PassAt]:
    """Yield pass@k for k = 1, 2, 4 ... and all samples, of problems that all samples are of; of several seeds the mean.

    Runs of one author that are not numbered as samples, as those of two days, are none.
    """
    seeds: dict[tuple[str, int | None], list[Run]] = {}
    for run in runs:
        seeds.setdefault((run.author, run.seed), []).append(run)
    fewest = min(map(len, seeds.values()))
    if fewest < 2 or any(len({run.sample for run in samples}) < len(samples) for samples in seeds.values()):
        return
    right = [list(_right(samples)) for samples in seeds.values()]
    problems = _share(sum(map(len, right)), len(right))
    for k in sorted({*(2**power for power in range(fewest.bit_length())), fewest}):
        shares = [
            sum(pass_at(k, count, len(samples)) for count in counts) / len(counts)
            for counts, samples in zip(right, seeds.values(), strict=True)
            if counts
        ]
        if shares:
            yield PassAt(k, fewest, proportion(sum(shares) / len(shares) * problems, problems))


def _right(samples: Sequence[Run]) -> Iterator[int]:
    """Yield how many of its samples are right, for every problem that has all of them."""
    states: dict[str, list[bool]] = {}
    for run in samples:
        for outcome in run.outcomes:
            states.setdefault(outcome.problem, []).append(outcome.state == "correct")
    return (sum(found) for found in states.values() if len(found) == len(samples))


def label(arm: Arm, run: Run) -> str:
    """Return what a run is called beside the scheme of its arm: no other run of the arm is called so."""
    if len(arm.runs) == 1:
        return arm.name.removesuffix(f" ({arm.scheme})")
    if len({other.author for other in arm.runs}) == len(arm.runs):
        return run.author if run.author.startswith(arm.name) else f"{arm.name}: {run.author}"
    if len({(other.seed, other.sample) for other in arm.runs}) == len(arm.runs):
        seed = f" seed={run.seed}" if len({other.seed for other in arm.runs}) > 1 and run.seed is not None else ""
        sample = f" sample={run.sample}" if len({other.sample for other in arm.runs}) > 1 else ""
        return f"{arm.name}{seed}{sample}"
    number = next(at for at, other in enumerate(arm.runs, 1) if other is run)  # two days may be equal in everything
    return f"{arm.name} #{number}"


def slices(
    outcomes: Iterable[Outcome], runs: int, values: Mapping[str, Mapping[str, Sequence[str]]]
) -> Iterator[Slice]:
    """Yield the counts of outcomes by feature and value of their problems."""
    by_problem: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_problem.setdefault(outcome.problem, []).append(outcome)
    for feature, by_value in values.items():
        for value, problems in by_value.items():
            found = [outcome for problem in problems for outcome in by_problem.get(problem, ())]
            if found:
                yield Slice(feature, value, result(found, runs))
