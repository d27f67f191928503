"""What the fields of foreign records become: an answer is a string, a worked answer is steps."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

from socratic_cli.errors import InputError
from socratic_cli.jsonl import Line
from socratic_cli.notation import ANSWER, NotationError, read
from socratic_cli.records import Rationale

_KINDS = {"NoneType": "null", "bool": "a boolean", "int": "a number", "float": "a number", "list": "a list"}


def text(line: Line, field: str) -> str:
    """Return a field that must hold text, without blanks around it.

    Raises:
        InputError: there is no such field, or it holds something else or nothing.
    """
    value = line.value.get(field)
    if isinstance(value, str) and value.strip():
        return value.strip()
    if field in line.value:
        raise InputError(f"{line.where}: the field {field!r} is {kind(value)}; a text is due")
    raise InputError(f"{line.where}: there is no field {field!r}. Fields: {', '.join(line.value) or 'none'}")


def kind(value: object) -> str:
    """Say in words what a JSON value is."""
    if isinstance(value, str):
        return "a text" if value.strip() else "empty"
    return _KINDS.get(type(value).__name__, "an object")


def answer(value: Any, where: str) -> str | None:
    """Return an answer as a string: True is "yes", 51.0 is "51"; None or an empty text is no answer.

    Raises:
        InputError: it is a list, an object, or no finite number.
    """
    if value is None or isinstance(value, str):
        return (value or "").strip() or None
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return number(value)
    raise InputError(f"{where}: the answer {str(value)[:40]} is {kind(value)}; a text, number or boolean is due")


def number(value: float) -> str:
    """Return a number without an exponent or a fraction of zeros.

    >>> number(51.0), number(1e21), number(0.5)
    ('51', '1000000000000000000000', '0.5')
    """
    digits = f"{Decimal(repr(value)):f}"
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def is_worked(value: object) -> bool:
    """Say whether an answer is a whole rationale: steps, and a last line that begins with `####`."""
    return isinstance(value, str) and (value.startswith(ANSWER) or f"\n{ANSWER}" in value)


def worked(value: str, where: str) -> Rationale:
    """Read a rationale; steps that ask and answer nothing, of which GSM8K has a few, are left out.

    Raises:
        InputError: it is not in the notation.
    """
    try:
        rationale = read(value)
    except NotationError as fault:
        raise InputError(f"{where}: the worked answer cannot be read: {fault}") from None
    return Rationale(steps=tuple(step for step in rationale.steps if step.solution), answer=rationale.answer)
