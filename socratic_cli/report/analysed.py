"""Analysis -> tables of a report: whose fault a wrong answer is, how steps went, and how well was asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from socratic_cli.analysis.analyse import Analysis
from socratic_cli.analysis.culprits import Culprit, Pairing
from socratic_cli.analysis.decomposition import Decomposition
from socratic_cli.analysis.groups import Share
from socratic_cli.analysis.progress import Progress
from socratic_cli.report.model import Column, Kind, Table, Value

_SHARE: Kind = "share"
_SCHEME, _STUDENT = Column("scheme"), Column("student")


def analysed(analysis: Analysis) -> tuple[Table, ...]:
    """Return a table for everything that the solutions allowed to tell."""
    made = (
        _pairings(analysis.pairings),
        _culprits(analysis.culprits),
        _steps(analysis.progress),
        _subquestions(analysis.decompositions),
        _by_count(analysis.decompositions),
    )
    return tuple(table for table in made if table.rows)


def _pairings(found: Iterable[Pairing]) -> Table:
    rows = tuple(
        (one.scheme, one.planner, one.decomposer, one.solver, *_with_interval(one.accuracy), one.accuracy.total)
        for one in found
    )
    columns = (
        _SCHEME,
        Column("planner"),
        Column("decomposer"),
        Column("solver"),
        Column("accuracy", _SHARE),
        Column("95% interval", "interval"),
        Column("problems", "count"),
    )
    return Table("pairings", "faults", "Accuracy by who asks and who answers.", columns, rows)


def _culprits(found: Iterable[Culprit]) -> Table:
    rows = tuple(
        (one.scheme, one.author, f"{one.player} as {one.role}", *_of(one.mended), *_of(one.spoilt)) for one in found
    )
    columns = (
        _SCHEME,
        _STUDENT,
        Column("other player"),
        Column("unsolved, then solved", _SHARE),
        Column("of unsolved", "count"),
        Column("solved, then not", _SHARE),
        Column("of solved", "count"),
    )
    caption = (
        "Whose fault: what another player in one role makes of the problems that the student alone leaves unsolved,"
        " and of those it solves."
    )
    return Table("culprits", "faults", caption, columns, rows)


def _steps(found: Iterable[Progress]) -> Table:
    rows = tuple(
        (one.scheme, one.author, *_of(one.right_sums), *_of(one.right_steps), *_of(one.gold_steps)) for one in found
    )
    columns = (
        _SCHEME,
        _STUDENT,
        Column("right sums", _SHARE),
        Column("sums", "count"),
        Column("right steps", _SHARE),
        Column("steps", "count"),
        Column("gold steps reached", _SHARE),
        Column("gold steps", "count"),
    )
    return Table("steps", "faults", "How the steps went, checked against the gold ones.", columns, rows)


def _subquestions(found: Iterable[Decomposition]) -> Table:
    decompositions = tuple(found)
    with_bertscore = any(one.bertscore is not None for one in decompositions)
    rows = tuple(
        (
            *_who(one),
            *_of(one.same_count),
            one.soft_count,
            one.bleu,
            *([one.bertscore] if with_bertscore else []),
            _of(one.repeated)[0],
        )
        for one in decompositions
    )
    columns = (
        _SCHEME,
        _STUDENT,
        Column("plan"),
        Column("#Q", _SHARE),
        Column("problems", "count"),
        Column("soft #Q", _SHARE),
        Column("BLEU", "number"),
        *([Column("BERTScore F1", _SHARE)] if with_bertscore else []),
        Column("repeated", _SHARE),
    )
    caption = (
        "Subquestions beside the gold ones. #Q: as many as gold; soft #Q: 1 - |difference| / gold; repeated: problems"
        " in which a subquestion is asked twice."
    )
    return Table("subquestions", "decomposers", caption, columns, rows)


def _by_count(found: Iterable[Decomposition]) -> Table:
    columns = (
        _SCHEME,
        _STUDENT,
        Column("plan"),
        Column("subquestions"),
        Column("accuracy", _SHARE),
        Column("95% interval", "interval"),
        Column("problems", "count"),
    )
    caption = "Accuracy by the number of subquestions beside that of the gold ones."
    return Table("accuracy-by-subquestions", "decomposers", caption, columns, tuple(_counts(found)))


def _counts(found: Iterable[Decomposition]) -> Iterator[tuple[Value, ...]]:
    for one in found:
        for count, share in one.by_count.items():
            yield (*_who(one), count, *_with_interval(share), share.total)


def _who(one: Decomposition) -> tuple[str, str, str]:
    return one.scheme, one.author, one.planned


def _of(one: Share) -> tuple[Value, Value]:
    """Return a share and what it is a share of; of nothing there is none."""
    return (one.share if one.total else None), one.total


def _with_interval(one: Share) -> tuple[Value, Value]:
    return (one.share, (one.low, one.high)) if one.total else (None, None)
