"""Training curves from a student's metrics.jsonl."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from socratic_cli.report.model import HELD_OUT, TRAINING, Curve

_MEASURES = {"loss": TRAINING, "held_out_loss": HELD_OUT}


def curves(student: str, metrics: Path) -> list[Curve]:
    """Return the losses of every role of a student; none where there is no such file."""
    points: dict[tuple[str, str], list[tuple[int, float]]] = defaultdict(list)
    for line in _lines(metrics):
        step = line.get("step")
        for key, measure in _MEASURES.items():
            value = line.get(key)
            if isinstance(step, int) and isinstance(value, int | float) and math.isfinite(value):
                points[str(line.get("role", "")), measure].append((step, float(value)))
    return [Curve(student, role, measure, tuple(sorted(found))) for (role, measure), found in points.items()]


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
