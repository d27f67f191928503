"""`socratic bench` on files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from socratic_cli import jsonl
from socratic_cli.records import Score, Solution
from socratic_cli.stages.bench import bench, markdown


def bench_files(
    sources: Iterable[str | Path], folder: Path | None, on_invalid: jsonl.OnInvalid | None = None
) -> list[Score]:
    """Score files of solutions; scores and table go to `folder` as well."""
    scores = bench(solution for source in sources for solution in solutions(source, on_invalid))
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        jsonl.write_all(folder / "scores.jsonl", scores)
        (folder / "table.md").write_text(markdown(scores), encoding="utf-8")
    return scores


def solutions(source: str | Path, on_invalid: jsonl.OnInvalid | None = None) -> Iterator[Solution]:
    """Read solutions lazily.

    Raises:
        InputError: a line is no solution.
    """
    convert = jsonl.record(Solution)
    return jsonl.read(source, convert) if on_invalid is None else jsonl.read(source, convert, on_invalid)
