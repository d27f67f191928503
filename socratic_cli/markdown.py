"""Tables in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def table(columns: Sequence[str], rows: Iterable[Iterable[str]], *, words: int = 1) -> Iterator[str]:
    """Yield the lines of a table; its first `words` columns are set left, the others are numbers and set right."""
    yield row(columns)
    yield rule(at < words for at in range(len(columns)))
    yield from map(row, rows)


def row(cells: Iterable[str]) -> str:
    """Return one line. Texts come from outside: a bar or a line's end in one would break the table."""
    return "| " + " | ".join(" ".join(cell.replace("|", "\\|").split()) for cell in cells) + " |"


def rule(is_left: Iterable[bool]) -> str:
    """Return the line between the heads and the rows, which says how each column is set."""
    return "|" + "".join("---|" if left else "--:|" for left in is_left)
