"""`socratic bench` on files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path

from socratic_cli import jsonl
from socratic_cli.records import Score, Solution
from socratic_cli.report import curves, gather, write
from socratic_cli.stages.bench import bench, markdown

METRICS = "metrics.jsonl"


def bench_files(
    sources: Iterable[str | Path],
    folder: Path | None,
    on_invalid: jsonl.OnInvalid | None = None,
    students: Mapping[str, Path] | None = None,
) -> list[Score]:
    """Score files of solutions; scores, table and report go to `folder` as well.

    Args:
        sources: files of solutions.
        folder: where to write; None writes nothing.
        on_invalid: takes the lines that are no solutions.
        students: the folder of each trained author, for its training curves; an author may be named by it.
    """
    found = list(chain.from_iterable(solutions(source, on_invalid) for source in sources))
    scores = bench(found)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        jsonl.write_all(folder / "scores.jsonl", scores)
        (folder / "table.md").write_text(markdown(scores), encoding="utf-8")
        authors = {score.author: Path(score.author) for score in scores} | dict(students or {})
        learnt = [curve for author, place in authors.items() for curve in curves(author, place / METRICS)]
        write(gather(found, curves=learnt), folder)
    return scores


def solutions(source: str | Path, on_invalid: jsonl.OnInvalid | None = None) -> Iterator[Solution]:
    """Read solutions lazily.

    Raises:
        InputError: a line is no solution.
    """
    convert = jsonl.record(Solution)
    return jsonl.read(source, convert) if on_invalid is None else jsonl.read(source, convert, on_invalid)
