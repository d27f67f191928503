"""Scores of students on their model cards."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from socratic_cli import modelcard, plugins, sources
from socratic_cli.parts import Dataset
from socratic_cli.records import Benchmark
from socratic_cli.scoring.evaluation import Evaluation
from socratic_cli.settings import Decoding, Selection
from socratic_cli.stages.bench import scores


def put_on_cards(evaluation: Evaluation, students: Iterable[str], benchmark: Mapping[str, Any]) -> None:
    """Put the scores of students on their model cards; `benchmark` is what they solved and how, see `described`."""
    authors = (run.author for arm in evaluation.arms for run in arm.runs)
    by_author = dict(zip(authors, scores(evaluation), strict=True))
    for student in map(Path, students):
        # A folder's whole path says more of a machine than of a student, and an arm's name of the user's table.
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
