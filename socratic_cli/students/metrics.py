"""metrics.jsonl: one line a step, of every role, whole across interruptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from socratic_cli.curve import METRICS
from socratic_cli.settings import Training
from socratic_cli.tracking import Place, Tracker


class Metrics:
    """The lines of one role in the file that all roles of a student share."""

    def __init__(self, folder: Path, role: str, training: Training, after: int) -> None:
        """Go on after a step of a role: what was noted of later ones is done again, and taken off."""
        self._role = role
        path = folder / METRICS
        folder.mkdir(parents=True, exist_ok=True)
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        kept = [line for line in lines if _is_known(line, role, after)]
        beside = path.with_name(f".{METRICS}.part")
        beside.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")
        beside.replace(path)
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._tracker = Tracker(Place(folder, role), training, after)

    def note(self, step: int, **numbers: Any) -> None:
        """Write a line. A disk that is full loses lines, and not the run."""
        self._tracker.note(step, numbers)
        try:
            self._file.write(json.dumps({"role": self._role, "step": step, **numbers}) + "\n")
        except OSError:
            return

    def close(self) -> None:
        """End the file."""
        self._tracker.close()
        self._file.close()


def _is_known(line: str, role: str, after: int) -> bool:
    try:
        noted = json.loads(line)
    except ValueError:  # torn by the end of the run
        return False
    return bool(noted["role"] != role or noted["step"] <= after)
