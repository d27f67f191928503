"""What a saved student knows of itself: student.json for programs, README.md (a model card) for people and hubs."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from socratic_cli import plugins
from socratic_cli.errors import StudentError
from socratic_cli.parts import Scheme, Student, Trained
from socratic_cli.settings import Settings, Training

FORMAT = 1
NAME = "student.json"
README = "README.md"
_PAPER = "https://arxiv.org/abs/2212.00193"


class Card(Settings):
    """What a saved student knows of itself."""

    format: int
    socratic: str
    scheme: dict[str, Any]
    student: dict[str, Any]
    training: Training
    problems: int
    teachers: dict[str, int]
    left_out: dict[str, int] = Field(default_factory=dict)
    roles: tuple[Trained, ...]

    def save(self, folder: Path, title: str, base: Mapping[str, str]) -> None:
        """Write both forms; `base` is what a model card says of the base (base_model, license)."""
        (folder / README).write_text("\n".join([*_front(base), "", *_told(self, title), ""]), encoding="utf-8")
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


def _front(base: Mapping[str, str]) -> Iterator[str]:
    """Yield the block of YAML that hubs read; JSON's strings are YAML's."""
    yield "---"
    yield from (f"{key}: {json.dumps(value)}" for key, value in sorted(base.items()))
    yield "pipeline_tag: text-generation"
    yield "tags: [socratic, distillation, chain-of-thought, reasoning]"
    yield "---"


def _told(card: Card, title: str) -> Iterator[str]:
    yield f"# {title}"
    yield ""
    yield f"A student of `socratic` {card.socratic}, trained after [Shridhar, Stolfo and Sachan (2022)]({_PAPER})."
    yield ""
    yield f"- Scheme: `{plugins.load(Scheme, card.scheme).label}`"
    yield f"- Base: `{plugins.load(Student, card.student).label}`"
    yield f"- Problems: {card.problems:,}"
    yield from (f"- Annotations by `{author}`: {count:,}" for author, count in sorted(card.teachers.items()))
    yield from (f"- Annotations left out: {count:,} ({reason})" for reason, count in sorted(card.left_out.items()))
    yield f"- Training: `{json.dumps(card.training.model_dump(mode='json', exclude_defaults=True))}`, else defaults"
    yield ""
    yield "| role | sequences | tokens learnt | steps | loss (nats a token) |"
    yield "|---|--:|--:|--:|--:|"
    for role in card.roles:
        yield f"| {role.role} | {role.sequences:,} | {role.target_tokens:,} | {role.steps:,} | {role.loss:.3f} |"
    yield ""
    yield "`trained-on.txt` holds fingerprints of the training questions. Scores are not part of this card: `socratic"
    yield "solve` and `socratic bench` measure them, and say which test questions were among these."
