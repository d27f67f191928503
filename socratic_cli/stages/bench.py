"""Solution -> Evaluation: accuracy with its interval, slices, comparisons, leaks; and a Score of every run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations

from socratic_cli.records import Score, Solution
from socratic_cli.scoring import counting, features
from socratic_cli.scoring.comparing import common, comparisons
from socratic_cli.scoring.evaluation import Arm, Evaluation, Leak, Result, Run
from socratic_cli.scoring.grouping import Found, Group, Problems, found_in, grouped
from socratic_cli.scoring.leaks import NEAR, Known, leaks
from socratic_cli.scoring.readings import judge
from socratic_cli.scoring.statistics import wilson
from socratic_cli.scoring.tables import markdown

__all__ = ["assemble", "bench", "evaluate", "is_correct", "markdown", "scores", "wilson"]


def is_correct(solution: Solution) -> bool:
    """Judge a solution by its problem's gold answer; what the record says of itself is not believed.

    Raises:
        InputError: the problem has no gold answer.
    """
    return judge(solution).state == "correct"


def bench(solutions: Iterable[Solution]) -> list[Score]:
    """Score solutions by scheme and author.

    Raises:
        InputError: a problem occurs twice under one author and scheme, or has no gold answer.
    """
    return scores(evaluate(solutions))


def evaluate(solutions: Iterable[Solution]) -> Evaluation:
    """Evaluate the solutions of one file.

    Raises:
        InputError: a problem occurs twice under one author and scheme, or has no gold answer.
    """
    problems = Problems()
    return assemble(found_in(solutions, problems), problems)


def assemble(
    found: Iterable[Found],
    problems: Problems,
    *,
    baseline: str | None = None,
    known: Iterable[Known] = (),
    near: float = NEAR,
    verdicts: bool = False,
    resamples: int = 10_000,
    seed: int = 0,
) -> Evaluation:
    """Bring runs together into an evaluation.

    Args:
        found: the runs, of one file or of many.
        problems: those that the runs are on.
        baseline: the arm that the others are compared with; without one, all are compared with all.
        known: questions that an author may have learnt from.
        near: from which similarity two questions are near.
        verdicts: note how often the records' own verdict is ours even where it always is.
        resamples: of the bootstrap.
        seed: of the bootstrap.

    Raises:
        UsageError: no arm has the name of the baseline.
    """
    groups = grouped(found, problems)
    values = features.values(problems.by_id.values())
    arms = tuple(counting.arm(group.name, group.scheme, list(map(_run, group.runs)), values) for group in groups)
    all_problems = tuple(problems.by_id.values())
    trained = _trained_on(arms, problems)
    return Evaluation(
        problems=all_problems,
        arms=arms,
        comparisons=comparisons(arms, baseline, resamples, seed),
        leaks=(*trained, *leaks(all_problems, known, near)),
        notes=tuple(_notes(arms, groups, problems, verdicts)),
        resamples=resamples,
        seed=seed,
    )


def _run(found: Found) -> Run:
    outcomes = tuple(found.outcomes.values())
    return Run(found.key.author, found.key.seed, found.key.sample, outcomes, counting.result(outcomes), found.seconds)


def _trained_on(arms: Iterable[Arm], problems: Problems) -> Iterator[Leak]:
    """Yield a leak for each problem that an author was trained on, by the fingerprints that its training left."""
    for arm in arms:
        leaked = {outcome.problem for run in arm.runs for outcome in run.outcomes if outcome.leaked}
        for problem in (problems.by_id[one] for one in problems.by_id if one in leaked):
            yield Leak(problem.id, "exact", f"training set of {arm.name}", problem.question, 1.0)


def _notes(arms: Iterable[Arm], groups: Iterable[Group], problems: Problems, verdicts: bool) -> Iterator[str]:
    if problems.differing:
        first = min(problems.differing)
        yield (
            f"The gold answers of {len(problems.differing)} problems differ between files ({first} for one):"
            " each solution is judged by its own."
        )
    for origin, ids in problems.other.items():
        yield (
            f"In {origin} {len(set(ids))} ids stand for other questions than before ({ids[0]} for one): these are"
            " problems of their own."
        )
    for arm in arms:
        claims = [outcome for run in arm.runs for outcome in run.outcomes if outcome.claimed is not None]
        agreeing = sum(outcome.claimed == (outcome.state == "correct") for outcome in claims)
        if agreeing < len(claims) or (claims and verdicts):
            yield f"{arm.name}: the records' own verdict is ours on {agreeing} of {len(claims)}."
    for group in groups:
        if len({frozenset(run.outcomes) for run in group.runs}) > 1:
            yield f"{group.name}: its runs are not on the same problems; their mean is over all that was solved."
        for run in group.runs:
            if run.parts:
                files = " and ".join([run.origin, *run.parts])
                yield f"{group.name}: {files} hold other problems each, and are told as one run."
    for one, other in combinations(arms, 2):
        if not common(one).keys() & common(other).keys() and _all(one) & _all(other):
            yield (
                f"{one.name} and {other.name} have no problem in common that all their runs are on, and are not"
                " compared."
            )


def _all(arm: Arm) -> set[str]:
    """Return the ids of all problems of an arm."""
    return {outcome.problem for run in arm.runs for outcome in run.outcomes}


def scores(evaluation: Evaluation) -> list[Score]:
    """Return a score of every run."""
    steps: dict[str, list[str]] = {}
    for problem in sorted(evaluation.problems, key=lambda problem: len(problem.steps)):
        if problem.steps:
            steps.setdefault(str(len(problem.steps)), []).append(problem.id)
    return [_score(arm, run, steps) for arm in evaluation.arms for run in arm.runs]


def _score(arm: Arm, run: Run, steps: Mapping[str, Sequence[str]]) -> Score:
    slices = counting.slices(run.outcomes, 1, {"steps": steps})
    by_steps = {one.value: _share(arm, run, one.result) for one in slices}
    return _share(arm, run, run.result).model_copy(update={"by_steps": by_steps})


def _share(arm: Arm, run: Run, result: Result) -> Score:
    return Score(
        scheme=arm.scheme,
        author=counting.label(arm, run),
        problems=result.problems,
        correct=result.correct,
        accuracy=result.accuracy.share,
        low=result.accuracy.low,
        high=result.accuracy.high,
        unanswered=result.unanswered,
        leaked=result.leaked,
        arm=arm.name,
        seed=run.seed,
        sample=run.sample,
        wrong=result.wrong,
        reasons=result.reasons,
        answered_accuracy=result.answered.share,
        strict_accuracy=result.strict.share,
        lenient_accuracy=result.lenient.share,
    )
