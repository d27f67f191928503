"""`socratic list`."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from socratic_cli.backends import Backend
from socratic_cli.cli.console import out
from socratic_cli.parts import Dataset, Part, Scheme, Student, Teacher
from socratic_cli.plugins import installed


class Kind(StrEnum):
    """What can be listed."""

    SCHEMES = "schemes"
    TEACHERS = "teachers"
    STUDENTS = "students"
    DATASETS = "datasets"
    BACKENDS = "backends"


_KINDS: dict[Kind, type[Part]] = {
    Kind.SCHEMES: Scheme,
    Kind.TEACHERS: Teacher,
    Kind.STUDENTS: Student,
    Kind.DATASETS: Dataset,
    Kind.BACKENDS: Backend,
}


def verb(kind: Annotated[Kind | None, typer.Argument(help="Only one kind.")] = None) -> None:
    """Each part is shown with its options, as they are written after its name: `--student "huggingface:gpt2
    lora=true"`.
    """
    for wanted in [kind] if kind else list(Kind):
        out(f"{wanted}\n")
        for name, part in installed(_KINDS[wanted]).items():
            out(f"  {name}: {(part.__doc__ or '').strip().splitlines()[0]}\n")
            for option, field in part.model_fields.items():
                default = (
                    "" if field.is_required() else f" [default: {_shown(field.get_default(call_default_factory=True))}]"
                )
                out(f"      {option}  {field.description or ''}{default}\n")


def _shown(value: object) -> str:
    return "none" if value in (None, ()) else str(value)
