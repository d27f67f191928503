"""The tables of a report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import get_args

from socratic_cli.report.matrix import comparisons
from socratic_cli.report.model import Arm, Column, Findings, Section, Table, Value

_ARM = Column("arm", "arm")


def tables(findings: Findings) -> list[Table]:
    """Return every table that there is data for, in the order of the report."""
    arms = findings.arms
    made = [_scores(arms), _reasons(arms), _by_steps(arms), comparisons(findings), _faults(findings), _costs(arms)]
    given = {table.name for table in findings.tables}
    found = [*(table for table in made if table.rows and table.name not in given), *findings.tables]
    order: tuple[Section, ...] = get_args(Section)
    return sorted(found, key=lambda table: order.index(table.section))


def _scores(arms: Sequence[Arm]) -> Table:
    leaked = any(arm.leaked for arm in arms)
    heads = [
        *([Column("scheme")] if _say_more(arms) else []),
        Column("accuracy", "share"),
        Column("95% interval", "interval"),
        Column("correct", "number"),
        Column("problems", "count"),
        Column("unanswered", "number"),
        *([Column("leaked", "number")] if leaked else []),
    ]
    rows = tuple(_score(at, arm, leaked, _say_more(arms)) for at, arm in enumerate(arms))
    caption = (
        "Accuracy by exact match of the final answer, with 95% Wilson intervals."
        " Unanswered problems are counted as not correct."
        + (" Leaked questions are in the arm's training set." if leaked else "")
    )
    return Table("scores", "scores", caption, (_ARM, *heads), rows)


def _score(at: int, arm: Arm, leaked: bool, has_scheme: bool) -> tuple[Value, ...]:
    share = arm.share
    return (
        at,
        *([arm.scheme] if has_scheme else []),
        share.accuracy,
        (share.low, share.high),
        share.correct,
        share.problems,
        sum(arm.unanswered.values()),
        *([arm.leaked] if leaked else []),
    )


def _reasons(arms: Sequence[Arm]) -> Table:
    """Count why problems were left unanswered, where there is more than one reason."""
    reasons = sorted({reason for arm in arms for reason in arm.unanswered})
    rows = tuple(
        (at, *(arm.unanswered.get(reason, 0) for reason in reasons)) for at, arm in enumerate(arms) if len(reasons) > 1
    )
    columns = (_ARM, *(Column(reason, "number") for reason in reasons))
    return Table("unanswered", "scores", "Unanswered problems by reason.", columns, rows)


def _say_more(arms: Sequence[Arm]) -> bool:
    """Say whether the names of arms leave their schemes untold."""
    return any(arm.scheme not in arm.name for arm in arms)


def _by_steps(arms: Sequence[Arm]) -> Table:
    """One row for each arm and number of steps: the long form that plotting tools read."""
    rows = tuple(
        (at, steps, share.problems, share.correct, share.accuracy, (share.low, share.high))
        for at, arm in enumerate(arms)
        for steps, share in arm.by_steps.items()
    )
    columns = (
        _ARM,
        Column("gold steps", "count"),
        Column("problems", "count"),
        Column("correct", "number"),
        Column("accuracy", "share"),
        Column("95% interval", "interval"),
    )
    return Table("accuracy-by-steps", "steps", "Accuracy by the number of gold steps.", columns, rows)


def _faults(findings: Findings) -> Table:
    """Count the kinds of the first fault of every attempt."""
    counts: Counter[tuple[int, str]] = Counter()
    for case in findings.cases:
        for at, attempt in enumerate(case.attempts):
            if attempt is not None and attempt.fault is not None:
                counts[findings.runs[at].arm, attempt.fault.kind] += 1
    totals: Counter[str] = Counter()
    for (_, kind), count in counts.items():
        totals[kind] += count
    kinds = [kind for kind, _ in totals.most_common()]
    rows = tuple((at, *(counts[at, kind] for kind in kinds)) for at in range(len(findings.arms)) if kinds)
    columns = (_ARM, *(Column(kind, "count") for kind in kinds))
    return Table("first-faults", "faults", "The first thing that went wrong, by kind: solutions.", columns, rows)


def _costs(arms: Sequence[Arm]) -> Table:
    known = any(arm.cost.known for arm in arms)
    timed, paid = any(arm.cost.seconds for arm in arms), any(arm.cost.dollars for arm in arms)
    columns = (
        _ARM,
        Column("correct", "count"),
        Column("tokens read", "count"),
        Column("tokens written", "count"),
        Column("written per problem", "number"),
        Column("written per solved problem", "number"),
        *([Column("seconds", "number"), Column("seconds per solved problem", "number")] if timed else []),
        *([Column("US dollars", "dollars"), Column("dollars per solved problem", "dollars")] if paid else []),
    )
    rows = tuple(_cost(at, arm, timed, paid) for at, arm in enumerate(arms) if known)
    caption = "What the attempts took. Per solved problem: of all attempts, by the number of correct answers."
    caption += " Seconds are by the clock." if timed else ""
    return Table("cost", "cost", caption, columns, rows)


def _cost(at: int, arm: Arm, timed: bool, paid: bool) -> tuple[Value, ...]:
    cost, solved = arm.cost, arm.cost.solved
    return (
        at,
        solved,
        cost.prompt_tokens,
        cost.completion_tokens,
        _each(cost.completion_tokens, cost.attempts),
        _each(cost.completion_tokens, solved),
        *([cost.seconds, _each(cost.seconds, solved)] if timed else []),
        *([cost.dollars, _each(cost.dollars, solved)] if paid else []),
    )


def _each(total: float | None, count: int) -> float | None:
    return total / count if total is not None and count else None
