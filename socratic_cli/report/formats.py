"""How the values of a table are written: for readers, in Markdown, and raw in CSV."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from socratic_cli.markdown import row, rule
from socratic_cli.report.model import Column, Findings, Kind, Table, Value

_TEXTS = ("arm", "run", "text")


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
            places = 2 if value >= 1 else 4 if value >= 0.01 else 6
            return f"${value:,.{places}f}"
        case "count":
            return f"{value:,.0f}"
        case _:
            return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:,.1f}"


def markdown(table: Table, findings: Findings) -> Iterator[str]:
    """Yield the lines of a table in Markdown."""
    yield f"**{table.caption}**\n"
    yield _row(column.label for column in table.columns)
    yield rule(column.kind in _TEXTS for column in table.columns)
    for values in table.rows:
        yield _row(shown(value, column.kind, findings) for value, column in zip(values, table.columns, strict=True))


def _row(cells: Iterator[str]) -> str:
    return row(cell.replace("<", "&lt;") for cell in cells)  # it is made a page of, and names come from outside


def write_csv(table: Table, findings: Findings, folder: Path) -> Path:
    """Write a table with raw numbers; an interval takes two columns."""
    path = folder / f"{table.name}.csv"
    with path.open("w", encoding="utf-8", newline="") as stream:
        lines = csv.writer(stream)
        lines.writerow([head for column in table.columns for head in _heads(column)])
        for values in table.rows:
            pairs = zip(values, table.columns, strict=True)
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
