"""What a saved student knows of itself, for programs: student.json."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from socratic_cli import plugins
from socratic_cli.errors import StudentError
from socratic_cli.parts import Trained
from socratic_cli.settings import Settings, Training

FORMAT = 1
NAME = "student.json"


class Card(Settings):
    """What a saved student knows of itself; `about` is what is known of its base (base_model, license)."""

    format: int
    socratic: str
    scheme: dict[str, Any]
    student: dict[str, Any]
    about: dict[str, str] = Field(default_factory=dict)
    training: Training
    problems: int
    teachers: dict[str, int]
    left_out: dict[str, int] = Field(default_factory=dict)
    roles: tuple[Trained, ...]

    def save(self, folder: Path) -> None:
        """Write it into the student's folder."""
        (folder / NAME).write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def read_card(folder: Path) -> Card:
    """Read the card of a saved student.

    Raises:
        StudentError: there is none, or one of another format version, or it is damaged.
    """
    path = folder / NAME
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise StudentError(f"{folder} is no student: it has no {NAME} (socratic train -o makes one)") from None
    except (OSError, ValueError) as fault:
        raise StudentError(f"{path} cannot be read: {fault}") from fault
    version = data.get("format") if isinstance(data, Mapping) else None
    if version != FORMAT:
        raise StudentError(
            f"{path}: the student has format {version}, this socratic reads format {FORMAT}: train it anew"
        )
    try:
        return Card.model_validate(data)
    except ValidationError as fault:
        raise StudentError(f"{path} is damaged: {'; '.join(plugins.explain(fault, Card))}") from fault
