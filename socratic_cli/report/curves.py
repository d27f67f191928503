"""Training curves from a student's metrics.jsonl."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from socratic_cli.report.model import Curve

_MEASURES = {"loss": "training loss", "held_out_loss": "held-out loss"}


def curves(student: str, metrics: Path) -> list[Curve]:
    """Return the losses of every role of a student; none where there is no such file."""
    points: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    for line in _lines(metrics):
        for key, measure in _MEASURES.items():
            if _is_number(line.get(key)) and isinstance(line.get("step"), int):
                points[str(line.get("role", "")), measure].append((line["step"], float(line[key])))
    return [Curve(student, role, measure, tuple(sorted(found))) for (role, measure), found in points.items()]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _lines(path: Path) -> Iterator[dict[str, object]]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    for line in text.splitlines():
        try:
            value = json.loads(line)
        except ValueError:  # torn by the end of the run
            continue
        if isinstance(value, dict):
            yield value
