"""What a recipe comes to, and manifest.json: everything that went into it, and what came of every stage."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socratic_cli.jobs.origins import STAGE, read_mark
from socratic_cli.machine import describe_machine
from socratic_cli.recipe import Recipe
from socratic_cli.run.data import Data
from socratic_cli.run.stages import Stage

_MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Plan:
    """What a recipe comes to: its data, and its stages in an order in which they can be run."""

    recipe: Recipe
    folder: Path
    data: Mapping[str, Data]
    stages: list[Stage]

    def record(self) -> None:
        """Write what is done so far."""
        done = {self._place(stage): mark for stage in self.stages if (mark := stage.mark)}
        # Who compares two runs takes the last of several stages that are called alike, which must be this recipe's.
        stages = {place: mark for place, mark in self._marks().items() if place not in done} | done
        data = {name: {"problems": found.count, "sha256": found.key} for name, found in self.data.items()}
        manifest = {"recipe": self.recipe.model_dump(mode="json"), "data": data, **describe_machine(), "stages": stages}
        self.folder.mkdir(parents=True, exist_ok=True)
        beside = self.folder / f".{_MANIFEST}"
        beside.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
        beside.replace(self.folder / _MANIFEST)

    def _place(self, stage: Stage) -> str:
        return str(stage.folder.relative_to(self.folder))

    def _marks(self) -> dict[str, Any]:
        """Return what all stages in the folder left, also those of other arms or settings than are wanted now."""
        marks = {
            str(path.parent.relative_to(self.folder)): read_mark(path) for path in self.folder.glob(f"*/*/{STAGE}")
        }
        return {place: mark for place, mark in sorted(marks.items()) if mark}
