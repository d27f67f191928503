"""An evaluation on disk: evaluation.json to be read back, CSV and JSONL for other programs, Markdown for people."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, fields
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from socratic_cli import jsonl
from socratic_cli.errors import InputError
from socratic_cli.records import Score
from socratic_cli.scoring.evaluation import FORMAT, Comparison, Evaluation, Leak

NAME = "evaluation.json"
_NOT_WRITTEN: Any = {"arms": {"__all__": {"runs": {"__all__": {"outcomes": {"__all__": {"solution"}}}}}}}


def write(evaluation: Evaluation, scores: Sequence[Score], table: str, folder: Path) -> None:
    """Write all files of an evaluation into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    jsonl.write_all(folder / "scores.jsonl", scores)
    _put(folder / "table.md", table)
    _put(folder / "scores.csv", _csv(_flat(score) for score in scores))
    _put(folder / "comparisons.csv", _csv(map(asdict, evaluation.comparisons), _names(Comparison)))
    _put(folder / "slices.csv", _csv(_slices(evaluation)))
    _put(folder / "passes.csv", _csv(_passes(evaluation), ("arm", "scheme", "k", "samples", "share", "low", "high")))
    _put(folder / "leaks.csv", _csv(map(asdict, evaluation.leaks), _names(Leak)))
    data = _adapter().dump_json(evaluation, exclude=_NOT_WRITTEN, exclude_unset=True)
    _put(folder / NAME, data.decode() + "\n")


def read(folder: Path) -> Evaluation:
    """Read the evaluation in a folder; its outcomes have no solutions.

    Raises:
        InputError: it is damaged, or of another format.
    """
    path = folder / NAME
    try:
        found = _adapter().validate_json(path.read_bytes())
    except (OSError, ValidationError) as fault:
        reason = fault.errors()[0]["msg"] if isinstance(fault, ValidationError) else fault
        raise InputError(f"{path} cannot be read: {reason}") from None
    if found.format != FORMAT:
        raise InputError(f"{path} has format {found.format}, this socratic reads format {FORMAT}: score it anew")
    return found


def _adapter() -> TypeAdapter[Evaluation]:
    return TypeAdapter(Evaluation)


def _put(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _names(kind: type) -> list[str]:
    return [field.name for field in fields(kind)]


def _csv(rows: Iterable[dict[str, Any]], names: Sequence[str] = ()) -> str:
    rows = list(rows)
    text = StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else list(names), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _flat(score: Score) -> dict[str, Any]:
    reasons = " ".join(f"{reason}={count}" for reason, count in score.reasons.items())
    return {**score.model_dump(exclude={"by_steps", "reasons"}), "reasons": reasons}


def _passes(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    for arm in evaluation.arms:
        for one in arm.passes:
            shares = {"share": one.share.share, "low": one.share.low, "high": one.share.high}
            yield {"arm": arm.name, "scheme": arm.scheme, "k": one.k, "samples": one.samples, **shares}


def _slices(evaluation: Evaluation) -> Iterator[dict[str, Any]]:
    for arm in evaluation.arms:
        for one in arm.slices:
            r = one.result
            yield {
                "arm": arm.name,
                "scheme": arm.scheme,
                "feature": one.feature,
                "value": one.value,
                "runs": len(arm.runs),
                "problems": r.problems,
                "correct": r.correct,
                "wrong": r.wrong,
                "unanswered": r.unanswered,
                "accuracy": r.accuracy.share,
                "low": r.accuracy.low,
                "high": r.accuracy.high,
            }
