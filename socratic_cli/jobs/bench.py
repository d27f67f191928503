"""`socratic bench` on files."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from socratic_cli import jsonl, modelcard, plugins, sources
from socratic_cli.parts import Dataset
from socratic_cli.records import Benchmark, Score, Solution
from socratic_cli.settings import Decoding, Selection
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


def put_on_cards(scores: Iterable[Score], students: Iterable[str | Path], benchmark: Mapping[str, Any]) -> None:
    """Put the scores of students on their model cards; `benchmark` is what they solved and how, see `described`."""
    by_author = {score.author: score for score in scores}
    for student in map(Path, students):
        # A folder's whole path says more of a machine than of a student.
        score = by_author[str(student)].model_copy(update={"author": student.resolve().name})
        modelcard.add_score(student, Benchmark.model_validate({**benchmark, "score": score}))


def described(ref: str, selection: Selection, decoding: Decoding, **student: Any) -> dict[str, Any]:
    """Return what a benchmark says of the problems that `ref` names, and of how they are solved."""
    spec, split = sources.parse(ref)
    file = None if split else "standard input" if ref == "-" else Path(str(spec["path"])).name
    name = str(spec["name"]).partition(":")[0]
    taken = selection.model_dump(include={"limit", "offset"}, exclude_defaults=True)
    settings = decoding.model_dump(exclude={"batch_size"}, exclude_defaults=True)
    return {
        "source": " ".join([file or ref, *(f"{name}={value}" for name, value in taken.items())]),
        "dataset": file or plugins.part_class(Dataset, name).repository or name,
        "split": split,
        "decoding": settings | {name: value for name, value in student.items() if value is not None},
    }


def solutions(source: str | Path, on_invalid: jsonl.OnInvalid | None = None) -> Iterator[Solution]:
    """Read solutions lazily.

    Raises:
        InputError: a line is no solution.
    """
    convert = jsonl.record(Solution)
    return jsonl.read(source, convert) if on_invalid is None else jsonl.read(source, convert, on_invalid)
