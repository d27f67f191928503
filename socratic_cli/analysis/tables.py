"""The analysis as Markdown for a reader, and as rows for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from socratic_cli.analysis.analyse import Analysis
from socratic_cli.analysis.decomposition import Count, Decomposition
from socratic_cli.analysis.groups import Share
from socratic_cli.analysis.progress import KINDS, Progress
from socratic_cli.markdown import table

Row = dict[str, object]


def markdown(analysis: Analysis) -> str:
    """Return a section for everything that the solutions allow to tell, or an empty text."""
    return "".join(f"\n{line}\n\n" if line.endswith(":") else f"{line}\n" for line in _lines(analysis))


def _lines(analysis: Analysis) -> Iterator[str]:
    if analysis.pairings:
        yield "Accuracy by who asks and who answers:"
        rows = [
            [one.scheme, one.planner or "-", one.decomposer, one.solver, *_of(one.accuracy)]
            for one in analysis.pairings
        ]
        yield from table(["scheme", "planner", "decomposer", "solver", "accuracy", "95% interval"], rows, words=4)
    if analysis.culprits:
        yield "Whose fault: what another player makes of the problems that the student alone does not solve, and does:"
        rows = [
            [one.scheme, one.author, f"{one.player} as {one.role}", _counted(one.mended), _counted(one.spoilt)]
            for one in analysis.culprits
        ]
        yield from table(
            ["scheme", "student", "other player", "unsolved, then solved", "solved, then not"], rows, words=3
        )
    if analysis.progress:
        yield from _progress(analysis.progress)
    if analysis.decompositions:
        yield from _decompositions(analysis.decompositions)


def _progress(found: Sequence[Progress]) -> Iterator[str]:
    yield "First wrong step by kind (solutions):"
    kinds = [kind for kind in KINDS if kind == "none" or any(kind in one.faults for one in found)]
    rows = [[one.scheme, one.author, *(str(one.faults.get(kind, 0)) for kind in kinds)] for one in found]
    yield from table(["scheme", "author", *("solved" if kind == "none" else kind for kind in kinds)], rows, words=2)
    yield "Steps:"
    shares = [
        [one.scheme, one.author, *map(_counted, (one.right_sums, one.right_steps, one.gold_steps))] for one in found
    ]
    yield from table(["scheme", "author", "right sums", "right steps", "gold steps reached"], shares, words=2)


def _decompositions(found: Sequence[Decomposition]) -> Iterator[str]:
    yield "Subquestions beside the gold ones:"
    with_bertscore = any(one.bertscore is not None for one in found)
    head = ["scheme", "author", "plan", "#Q", "soft #Q", "BLEU", *(["BERTScore"] if with_bertscore else []), "repeats"]
    rows = [
        [
            one.scheme,
            one.author,
            one.planned,
            _counted(one.same_count),
            f"{one.soft_count:.2f}",
            f"{one.bleu:.1f}",
            *([f"{one.bertscore:.3f}" if one.bertscore is not None else "-"] if with_bertscore else []),
            _counted(one.repeated),
        ]
        for one in found
    ]
    yield from table(head, rows, words=3)
    yield "Accuracy by number of subquestions beside gold:"
    counts: tuple[Count, ...] = ("too few", "equal", "too many")
    shares = [
        [one.scheme, one.author, one.planned, *(_counted(one.by_count[count]) for count in counts)] for one in found
    ]
    yield from table(["scheme", "author", "plan", *counts], shares, words=3)


def _of(one: Share) -> tuple[str, str]:
    return _counted(one), f"{one.low:.1%} - {one.high:.1%}"


def _counted(one: Share) -> str:
    return f"{one.share:.1%} ({one.count}/{one.total})" if one.total else "-"


TABLES = ("pairings", "culprits", "faults", "steps", "subquestions")
"""The names that tables of rows can have."""


def rows(analysis: Analysis) -> dict[str, list[Row]]:
    """Return the rows of each table that has any, by its name."""
    tables: dict[str, list[Row]] = {
        "pairings": [
            {"scheme": one.scheme, "planner": one.planner, "decomposer": one.decomposer, "solver": one.solver}
            | _columns("accuracy", one.accuracy)
            for one in analysis.pairings
        ],
        "culprits": [
            {"scheme": one.scheme, "author": one.author, "role": one.role, "player": one.player}
            | _columns("mended", one.mended)
            | _columns("spoilt", one.spoilt)
            for one in analysis.culprits
        ],
        "faults": [
            {"scheme": one.scheme, "author": one.author, "kind": kind, "solutions": count}
            for one in analysis.progress
            for kind, count in one.faults.items()
        ],
        "steps": [
            {"scheme": one.scheme, "author": one.author}
            | _columns("right_sums", one.right_sums)
            | _columns("right_steps", one.right_steps)
            | _columns("gold_steps", one.gold_steps)
            for one in analysis.progress
        ],
        "subquestions": [_subquestions(one) for one in analysis.decompositions],
    }
    return {name: tables[name] for name in TABLES if tables[name]}


def _subquestions(one: Decomposition) -> Row:
    row: Row = {"scheme": one.scheme, "author": one.author, "plan": one.planned, "problems": one.problems}
    row |= _columns("same_count", one.same_count) | {"soft_count": one.soft_count, "bleu": one.bleu}
    row |= {"bleu_signature": one.bleu_signature, "bertscore_f1": one.bertscore} | _columns("repeated", one.repeated)
    for count, accuracy in one.by_count.items():
        row |= _columns(f"accuracy_{count.replace(' ', '_')}", accuracy)
    return row


def _columns(name: str, one: Share) -> Row:
    return {
        name: one.share,
        f"{name}_count": one.count,
        f"{name}_total": one.total,
        f"{name}_low": one.low,
        f"{name}_high": one.high,
    }
