"""Finding parts by name: entry points -> classes -> parts with their options.

Built-in parts come in by the same door as a stranger's. A part is written `name`, `name:model` or
`name:model option=value ...` on the command line, and may be a mapping with the key `name` in a recipe.
"""

from __future__ import annotations

import logging
import shlex
from collections.abc import Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any, TypeVar

from pydantic import ValidationError

from socratic_cli.backends import Backend
from socratic_cli.errors import SocraticError, UsageError, did_you_mean
from socratic_cli.parts import Dataset, Part, Scheme, Student, Teacher

P = TypeVar("P", bound=Part)
Spec = str | Mapping[str, Any]
"""A part as a user writes it."""

GROUPS: dict[type[Part], str] = {
    Scheme: "socratic.schemes",
    Teacher: "socratic.teachers",
    Student: "socratic.students",
    Dataset: "socratic.datasets",
    Backend: "socratic.backends",
}
log = logging.getLogger(__name__)


@cache
def _installed(group: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=group)}


def names(kind: type[Part]) -> list[str]:
    """Return the names of the installed parts of a kind, sorted, without importing any."""
    return sorted(_installed(GROUPS[kind]))


def installed(kind: type[P]) -> dict[str, type[P]]:
    """Import every installed part of a kind. One that fails is left out, with a warning that names it."""
    found: dict[str, type[P]] = {}
    for name in names(kind):
        try:
            found[name] = part_class(kind, name)
        except SocraticError as fault:
            log.warning("%s", fault)
    return found


def part_class(kind: type[P], name: str) -> type[P]:
    """Import the part `name`.

    Raises:
        UsageError: there is none of this name, or its plugin cannot be imported.
    """
    word = kind.__name__.lower()
    entry = _installed(GROUPS[kind]).get(name)
    if entry is None:
        known = names(kind)
        raise UsageError(f"unknown {word} {name!r}.{did_you_mean(name, known)} Installed: {', '.join(known)}.")
    package = entry.dist.name if entry.dist else entry.value
    try:
        found = entry.load()
    except SocraticError:
        raise
    except Exception as fault:
        raise UsageError(f"the {word} {name!r} of the plugin {package} cannot be imported: {fault!r}") from fault
    if not (isinstance(found, type) and issubclass(found, kind)):
        raise UsageError(f"the {word} {name!r} of the plugin {package} is no {kind.__name__}: {entry.value}")
    return found


def parse(spec: Spec) -> dict[str, Any]:
    """Return a part's name and options as a mapping with the key `name`; `:value` is under the key ``:``.

    Raises:
        UsageError: a word that is not `option=value`, or an option that is given twice.
    """
    if isinstance(spec, Mapping):
        options = dict(spec)
        head = str(options.pop("name", ""))
    else:
        head, *words = _words(spec) or [""]
        options = _options(spec, words)
    name, colon, main = head.partition(":")
    return {"name": name, **({":": main} if colon else {}), **options}


def _words(spec: str) -> list[str]:
    try:
        return shlex.split(spec)
    except ValueError as fault:
        raise UsageError(f"{spec!r} cannot be taken apart into words: {str(fault).lower()}") from None


def _options(spec: str, words: list[str]) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            raise UsageError(f"{word!r} in {spec!r} is not option=value")
        if key in options or key == "name":
            raise UsageError(f"{key!r} is given twice in {spec!r}")
        options[key] = value
    return options


def load(kind: type[P], spec: Spec, **more: Any) -> P:
    """Return the part that `spec` describes; options in `more` that are not None beat those of `spec`.

    Raises:
        UsageError: an unknown name or option, or a value of the wrong type.
    """
    options = parse(spec)
    name = options.pop("name")
    found = part_class(kind, name)
    main = options.pop(":", None)
    if main is not None:
        if found.main_option is None:
            raise UsageError(f"{name}:{main}: {name} takes nothing after a colon")
        if found.main_option in options:
            raise UsageError(f"{name}:{main}: {found.main_option!r} is given twice")
        options[found.main_option] = main
    options |= {key: value for key, value in more.items() if value is not None}
    try:
        part = found.model_validate({key: _value(found, key, value) for key, value in options.items()})
    except ValidationError as fault:
        raise UsageError(f"{name}: {'; '.join(explain(fault, found))}") from fault
    part._name = name
    return part


def _value(found: type[Part], key: str, value: Any) -> Any:
    """Split a comma list where the option is a tuple: `show=answer,steps`."""
    field = found.model_fields.get(key)
    if isinstance(value, str) and field is not None and "tuple" in str(field.annotation):
        return [word for word in value.split(",") if word]
    return value


def explain(fault: ValidationError, found: type[Any]) -> list[str]:
    """Say in words what is wrong with which option, with the nearest name for one that is unknown."""
    return [_explain(dict(error), list(found.model_fields)) for error in fault.errors()]


def _explain(error: dict[str, Any], known: list[str]) -> str:
    key = ".".join(map(str, error["loc"]))
    if error["type"] == "extra_forbidden":
        return f"unknown option {key!r}.{did_you_mean(key, known)} Known: {', '.join(known)}"
    if error["type"] == "missing":
        return f"{key!r} is missing"
    text = str(error["msg"]).removeprefix("Value error, ").lower()
    return f"{key + ': ' if key else ''}{text}" + (f" (got {error['input']!r})" if key else "")
