"""The tables of a report, and how their values are written in each format."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from socratic_cli.report.matrix import comparisons
from socratic_cli.report.model import Arm, Column, Findings, Kind, Section, Table, Value

_ARM = Column("arm", "arm")
_TEXTS = ("arm", "run", "text")


def tables(findings: Findings) -> list[Table]:
    """Return every table that there is data for, in the order of the report."""
    arms = findings.arms
    made = [_scores(arms), _by_steps(arms), comparisons(findings), _faults(findings), _costs(arms)]
    given = {table.name for table in findings.tables}
    found = [*(table for table in made if table.rows and table.name not in given), *findings.tables]
    order: Sequence[Section] = ("scores", "steps", "comparisons", "faults", "decomposers", "cost", "training")
    return sorted(found, key=lambda table: order.index(table.section))


def _scores(arms: Sequence[Arm]) -> Table:
    reasons = sorted({reason for arm in arms for reason in arm.unanswered})
    leaked = any(arm.leaked for arm in arms)
    heads = [
        *([Column("scheme")] if _say_more(arms) else []),
        Column("problems", "count"),
        Column("correct", "count"),
        Column("accuracy", "share"),
        Column("95% interval", "interval"),
        Column("unanswered", "count"),
        *(Column(reason, "count") for reason in reasons if len(reasons) > 1),
        *([Column("leaked", "count")] if leaked else []),
    ]
    rows = tuple(_score(at, arm, reasons, leaked, _say_more(arms)) for at, arm in enumerate(arms))
    caption = (
        "Accuracy by exact match of the final answer, with 95% Wilson intervals."
        " Unanswered problems are counted as not correct."
        + (" Leaked questions are in the arm's training set." if leaked else "")
    )
    return Table("scores", "scores", caption, (_ARM, *heads), rows)


def _score(at: int, arm: Arm, reasons: list[str], leaked: bool, has_scheme: bool) -> tuple[Value, ...]:
    share = arm.share
    return (
        at,
        *([arm.scheme] if has_scheme else []),
        share.problems,
        share.correct,
        share.accuracy,
        (share.low, share.high),
        sum(arm.unanswered.values()),
        *(arm.unanswered.get(reason, 0) for reason in reasons if len(reasons) > 1),
        *([arm.leaked] if leaked else []),
    )


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
        Column("correct", "count"),
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
    return Table("first-faults", "faults", "The first thing that went wrong, by kind: problems.", columns, rows)


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
    caption = "What the attempts took. Per solved problem: all attempts, failed ones too, divided by the correct answers."
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


def shown(value: Value, kind: Kind, findings: Findings) -> str:
    """Write a value for a reader."""
    if value is None:
        return "\N{EN DASH}"
    if isinstance(value, tuple):
        low, high = value
        sign = "+" if kind == "points" else ""
        return f"{low * 100:{sign}.1f} to {high * 100:{sign}.1f}".replace("-", "\N{MINUS SIGN}")
    if isinstance(value, str):
        return value
    return _number(value, kind, findings)


def _number(value: float, kind: Kind, findings: Findings) -> str:
    match kind:
        case "arm":
            return findings.arms[int(value)].name
        case "run":
            return findings.runs[int(value)].name
        case "share":
            return f"{value:.1%}"
        case "points":
            return f"{value * 100:+.1f}".replace("-", "\N{MINUS SIGN}")
        case "p":
            return "< 0.001" if value < 0.001 else f"{value:.3f}"
        case "dollars":
            return f"${value:,.4f}" if value < 1 else f"${value:,.2f}"
        case "count":
            return f"{value:,.0f}"
        case _:
            return f"{value:,.0f}" if abs(value) >= 100 or value == int(value) else f"{value:,.2f}"


def markdown(table: Table, findings: Findings) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    yield f"**{table.caption}**\n"
    yield _line(column.label for column in table.columns)
    yield "|" + "|".join("---" if column.kind in _TEXTS else "--:" for column in table.columns) + "|"
    for row in table.rows:
        yield _line(shown(value, column.kind, findings) for value, column in zip(row, table.columns, strict=True))


def _line(cells: Iterator[str]) -> str:
    # Names come from outside: a bar or a line's end in one would break the table.
    return "| " + " | ".join(" ".join(cell.split()).replace("|", "\\|").replace("<", "&lt;") for cell in cells) + " |"


def write_csv(table: Table, findings: Findings, folder: Path) -> Path:
    """Write a table with raw numbers; an interval takes two columns."""
    path = folder / f"{table.name}.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow([head for column in table.columns for head in _heads(column)])
        for row in table.rows:
            pairs = zip(row, table.columns, strict=True)
            lines.writerow([raw for value, column in pairs for raw in _raw(value, column.kind, findings)])
    return path


def _heads(column: Column) -> list[str]:
    if column.kind == "interval":
        return [f"{column.label} low", f"{column.label} high"]
    return [column.label]


def _raw(value: Value, kind: Kind, findings: Findings) -> list[str | int | float | None]:
    if isinstance(value, tuple):
        return list(value)
    if kind == "interval":
        return [None, None]
    if kind in ("arm", "run") and isinstance(value, int):
        return [_number(value, kind, findings)]
    return [value]
