"""An evaluation in Markdown: scores first, then what compares, slices and warns."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from socratic_cli.markdown import table
from socratic_cli.records import Score
from socratic_cli.scoring.evaluation import Arm, Comparison, Evaluation, Leak, PassAt, Slice

Row = Iterator[str]
"""The cells of one row of a table."""
_MANY = 30
_LEAKS = 10


def markdown(scores: Iterable[Score]) -> str:
    """Return a Markdown table of scores, and one of accuracy by number of gold steps where these are known."""
    scores = list(scores)
    return "\n".join([*score_table(scores), *_steps_table(scores)]) + "\n"


def tables(evaluation: Evaluation, scores: Sequence[Score], by: Sequence[str] = ("steps",)) -> str:
    """Return everything worth reading of an evaluation; `by` are the features whose slices are shown."""
    lines = [
        *score_table(scores),
        *_readers_table(scores),
        *_seeds_table(evaluation.arms),
        *_passes_table(evaluation.arms),
        *_comparisons_table(evaluation),
        *(line for feature in by for line in _slices_table(scores, evaluation.arms, feature)),
        *_leaks_table(evaluation.leaks, len(evaluation.problems)),
        *(f"\n{note}" for note in evaluation.notes),
    ]
    return "\n".join(lines) + "\n"


def score_table(scores: Iterable[Score]) -> Iterator[str]:
    """Yield the lines of the table of scores."""
    columns = ("scheme", "author", "problems", "correct", "accuracy", "95% interval", "unanswered")
    return table(columns, map(_score_row, scores), words=2)


def _score_row(s: Score) -> Row:
    yield from (s.scheme, s.author, str(s.problems), str(s.correct))
    yield from (f"{s.accuracy:.1%}", f"{s.low:.1%} - {s.high:.1%}", str(s.unanswered))


def _readers_table(scores: Sequence[Score]) -> Iterator[str]:
    """Yield what the accuracy would be to other readers, where that differs or something is unanswered."""
    if not any(s.unanswered or {s.strict_accuracy, s.lenient_accuracy} != {s.accuracy} for s in scores):
        return
    yield "\nUnanswered problems count as not correct above. Of the answered ones alone, and to other readers:\n"
    columns = ("scheme", "author", "correct", "wrong", "unanswered", "of answered", "strict", "lenient")
    yield from table(columns, map(_readers_row, scores), words=2)
    yield (
        "\nStrict: the answer is the gold answer letter by letter. Lenient: where no answer was given, the last number"
        " that was written counts as one."
    )


def _readers_row(s: Score) -> Row:
    yield from (s.scheme, s.author, str(s.correct), str(s.wrong), _reasons(s))
    yield from (f"{share:.1%}" for share in (s.answered_accuracy, s.strict_accuracy, s.lenient_accuracy))


def _reasons(score: Score) -> str:
    told = ", ".join(f"{count} {reason}" for reason, count in score.reasons.items())
    return f"{score.unanswered} ({told})" if told else str(score.unanswered)


def _seeds_table(arms: Sequence[Arm]) -> Iterator[str]:
    several = [arm for arm in arms if arm.spread.runs > 1]
    if not several:
        return
    yield "\nOver seeds (samples) of an arm:\n"
    columns = ("arm", "runs", "mean accuracy", "95% interval", "sd", "range")
    yield from table(columns, map(_seeds_row, several))
    yield "\nThe interval is of the choice of problems, as of one run; how much seeds differ is the sd."


def _seeds_row(arm: Arm) -> Row:
    s, mean = arm.spread, arm.result.accuracy
    yield from (arm.name, str(s.runs), f"{mean.share:.1%}", f"{mean.low:.1%} - {mean.high:.1%}")
    yield from (f"{s.sd or 0:.1%}", f"{s.lowest:.1%} - {s.highest:.1%}")


def _passes_table(arms: Sequence[Arm]) -> Iterator[str]:
    """Yield what several samples of a problem hold: the most that a vote or a verifier can find among them."""
    columns = sorted({one.k for arm in arms for one in arm.passes})
    if not columns:
        return
    yield "\npass@k: the share of problems of which one of k samples at least is right, estimated from all of them:\n"
    found = [(arm.name, {one.k: one for one in arm.passes}) for arm in arms if arm.passes]
    rows = [(name, *(_pass(known.get(k)) for k in columns)) for name, known in found]
    yield from table(("arm", *(f"pass@{k}" for k in columns)), rows)


def _pass(one: PassAt | None) -> str:
    return f"{one.share.share:.1%} ({one.share.low:.1%} - {one.share.high:.1%})" if one else "-"


def _comparisons_table(evaluation: Evaluation) -> Iterator[str]:
    found = evaluation.comparisons
    if not found:
        return
    shown = sorted(found, key=lambda one: one.p_value)[:_MANY] if len(found) > _MANY else found
    fewer = f", the {_MANY} of {len(found)} with the smallest p" if len(found) > _MANY else ""
    yield f"\nCompared on the same problems{fewer}:\n"
    columns = ("new", "against old", "problems", "difference", "95% interval", "solved by new / old alone")
    yield from table((*columns, "p", "p (Holm)"), map(_comparison_row, shown), words=2)
    yield "\nRelative gains by both formulas; a paper's number means little without its formula:\n"
    columns = ("new", "against old", "old", "new", "(new - old) / old", "(new - old) / new")
    yield from table(columns, map(_gains_row, shown), words=2)
    yield f"\n{_how(evaluation)}"


def _comparison_row(c: Comparison) -> Row:
    left_out = f" ({c.only_old + c.only_new} not common)" if c.only_old or c.only_new else ""
    yield from (c.new, c.old, f"{c.problems}{left_out}", _points(c.difference))
    yield from (f"{_points(c.low)} to {_points(c.high)}", f"{c.new_alone} / {c.old_alone}", _p(c.p_value), _p(c.p_holm))


def _gains_row(c: Comparison) -> Row:
    yield from (c.new, c.old, f"{c.old_accuracy:.1%}", f"{c.new_accuracy:.1%}")
    yield from (_gain(c.gain_over_old), _gain(c.gain_over_new))


def _how(evaluation: Evaluation) -> str:
    tests = {_test(comparison) for comparison in evaluation.comparisons}
    wider = ", wider by what seeds move them (Student's t)" if "seeds" in tests else ""
    named = {
        "mcnemar": "exact McNemar",
        "sign-flip": "an exact sign-flip test over problems",
        "seeds": "the larger of an exact sign-flip test over problems and Student's t-test over seeds",
    }
    return (
        f"Differences in points; intervals from {evaluation.resamples:,} paired bootstrap resamples of problems{wider};"
        f" p two-sided: {' or '.join(named[test] for test in named if test in tests)}; Holm corrects for"
        f" {len(evaluation.comparisons)} comparisons."
    )


def _test(comparison: Comparison) -> str:
    return comparison.test if comparison.p_seeds is None else "seeds"


def _slices_table(scores: Sequence[Score], arms: Sequence[Arm], feature: str) -> Iterator[str]:
    if feature == "steps" and all(arm.spread.runs == 1 for arm in arms):
        yield from _steps_table(scores)
        return
    columns = list(dict.fromkeys(one.value for arm in arms for one in arm.slices if one.feature == feature))
    if not columns:
        return
    what = "number of gold steps" if feature == "steps" else feature.replace("-", " ")
    yield f"\nAccuracy by {what} (correct / problems; over several runs, their mean):\n"
    found = [{one.value: one for one in arm.slices if one.feature == feature} for arm in arms]
    rows = [
        (arm.scheme, arm.name, *(_slice(known.get(at)) for at in columns))
        for arm, known in zip(arms, found, strict=True)
    ]
    yield from table(("scheme", "arm", *columns), rows, words=2)


def _slice(one: Slice | None) -> str:
    return f"{one.result.accuracy.share:.0%} ({one.result.accuracy.count:.4g}/{one.result.problems})" if one else "-"


def _steps_table(scores: Sequence[Score]) -> Iterator[str]:
    columns = sorted({int(steps) for score in scores for steps in score.by_steps})
    if not columns:
        return
    yield "\nAccuracy by number of gold steps (correct / problems):\n"
    rows = [(one.scheme, one.author, *(_steps(one.by_steps.get(str(at))) for at in columns)) for one in scores]
    yield from table(("scheme", "author", *map(str, columns)), rows, words=2)


def _steps(one: Score | None) -> str:
    return f"{one.accuracy:.0%} ({one.correct}/{one.problems})" if one else "-"


def _leaks_table(leaks: Sequence[Leak], problems: int) -> Iterator[str]:
    # Those by fingerprint are one and the same question, of which a warning tells.
    found = [leak for leak in leaks if not leak.source.startswith("training set of ")]
    if not found:
        return
    exact = sum(leak.kind == "exact" for leak in found)
    yield (
        f"\n{len(found)} of {problems} test questions are, or are like, questions to learn from"
        f" ({exact} exactly the same); the worst:\n"
    )
    yield from table(
        ("problem", "kind", "likeness", "source", "question there"), map(_leak_row, found[:_LEAKS]), words=5
    )


def _leak_row(leak: Leak) -> Row:
    question = leak.question if len(leak.question) <= 160 else f"{leak.question[:157]}..."
    return iter((leak.problem, leak.kind, f"{leak.similarity:.2f}", leak.source, question))


def _points(share: float) -> str:
    return f"{100 * share:+.1f}"


def _gain(share: float | None) -> str:
    return "-" if share is None else f"{share:+.0%}"


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"
