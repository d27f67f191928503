"""Evaluation -> findings: what was counted and compared, as a report tells it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from socratic_cli.analysis.faults import judge
from socratic_cli.records import Solution
from socratic_cli.report.gather import Runs, findings
from socratic_cli.report.model import Attempt, Column, Curve, Fault, Findings, Table
from socratic_cli.scoring.counting import label
from socratic_cli.scoring.evaluation import Arm, Comparison, Evaluation, Leak

_SILENT = ("none", "unanswered", "not-judged")
"""Verdicts that tell of no step."""


def evaluated(
    evaluation: Evaluation,
    *,
    tables: Sequence[Table] = (),
    curves: Sequence[Curve] = (),
) -> Findings | None:
    """Return what a report tells of an evaluation, or None where its solutions were not kept.

    An evaluation that was read back from a folder has outcomes without solutions: such arms are left out.
    """
    arms = [found for arm in evaluation.arms if (found := _runs(arm)) is not None]
    if not arms:
        return None
    names = {arm.name for arm in arms}
    told = [one for one in evaluation.comparisons if {one.old, one.new} <= names]
    compared = [_compared([arm.name for arm in arms], told)] if told else []
    passed = _passed([arm for arm in evaluation.arms if arm.name in names])
    copied = [_leaks(evaluation.leaks)] if evaluation.leaks else []
    made = [*([passed] if passed.rows else []), *compared, *tables, *copied]
    return findings(evaluation.problems, arms, tables=made, curves=curves, notes=evaluation.notes)


def _runs(arm: Arm) -> Runs | None:
    attempts = {
        name: {
            one.problem: Attempt(one.solution, one.state, _fault(judged))
            for one in run.outcomes
            if one.solution is not None and (judged := one.judged) is not None
        }
        for name, run in zip(_names(arm), arm.runs, strict=True)
    }
    known = [run.seconds for run in arm.runs if run.seconds is not None]
    seconds = sum(known) if len(known) == len(arm.runs) else None
    return Runs(arm.name, arm.scheme, attempts, seconds) if any(attempts.values()) else None


def _names(arm: Arm) -> list[str]:
    """Name every run by its author, or, of several, by what tells it from the others of the arm."""
    return [label(arm, run) for run in arm.runs] if len(arm.runs) > 1 else [run.author for run in arm.runs]


def _fault(solution: Solution) -> Fault | None:
    """Return the first wrong step of a solution, if it can be told."""
    found = judge(solution)
    return None if found.kind in _SILENT else Fault(found.kind.replace("-", " "), found.step, found.detail)


def _passed(arms: Sequence[Arm]) -> Table:
    rows = tuple(
        (at, one.k, one.share.share, (one.share.low, one.share.high), one.share.total)
        for at, arm in enumerate(arms)
        for one in arm.passes
    )
    columns = (
        Column("arm", "arm"),
        Column("k", "count"),
        Column("pass@k", "share"),
        Column("95% interval", "interval"),
        Column("problems", "count"),
    )
    caption = (
        "Problems of which one of k samples at least is right, estimated from all samples: the most that a vote or a"
        " verifier could find among them."
    )
    return Table("passes", "scores", caption, columns, rows)


def _leaks(leaks: Iterable[Leak]) -> Table:
    rows = tuple((one.problem, one.kind, one.similarity, one.source, one.question) for one in leaks)
    columns = (
        Column("problem"),
        Column("kind"),
        Column("common word triples", "share"),
        Column("seen in"),
        Column("question that was seen"),
    )
    caption = (
        "Test questions that are, or are like, questions that somebody learnt from; numbers are masked, so the same"
        " question with other numbers is 100% alike."
    )
    return Table("leaks", "leaks", caption, columns, rows)


def _compared(arms: Sequence[str], comparisons: Iterable[Comparison]) -> Table:
    places = {name: at for at, name in enumerate(arms)}
    rows = tuple(
        (
            places[one.old],
            places[one.new],
            one.problems,
            one.difference,
            f"{100 * one.low:+.1f} to {100 * one.high:+.1f}",
            one.old_alone,
            one.new_alone,
            one.p_value,
            one.p_holm,
        )
        for one in comparisons
    )
    columns = (
        Column("old", "arm"),
        Column("new", "arm"),
        Column("problems", "count"),
        Column("new - old, points", "points"),
        Column("95% interval"),
        Column("only old correct", "count"),
        Column("only new correct", "count"),
        Column("p", "p"),
        Column("p, Holm", "p"),
    )
    caption = (
        "Two arms on the problems that both tried: the difference with a paired bootstrap's interval, and an exact"
        " test, corrected by Holm for the number of comparisons."
    )
    return Table("comparisons", "comparisons", caption, columns, rows)
