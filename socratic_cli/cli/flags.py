"""Flags from settings: a verb that takes a settings class gets a flag for each of its fields."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable
from typing import Any, cast, get_origin, get_type_hints

import typer
from pydantic import ValidationError

from socratic_cli.errors import UsageError
from socratic_cli.settings import Settings

Verb = Callable[..., None]


def with_settings(verb: Verb) -> Verb:
    """Replace every parameter of `verb` that is a settings class by its fields as flags.

    A flag that is not given is not set, so that the class's own default, or a recipe's value, stands.
    """
    hints = get_type_hints(verb, include_extras=True)
    groups = {name: hint for name, hint in hints.items() if isinstance(hint, type) and issubclass(hint, Settings)}
    own = [
        parameter.replace(annotation=hints[name])
        for name, parameter in inspect.signature(verb).parameters.items()
        if name not in groups
    ]
    flags = [_flag(name, group) for group in groups.values() for name in group.model_fields]

    @functools.wraps(verb)
    def called(**values: Any) -> None:
        for name, group in groups.items():
            values[name] = _settings(group, {field: values.pop(field) for field in group.model_fields})
        verb(**values)

    called.__signature__ = inspect.Signature([*own, *flags])  # type: ignore[attr-defined]
    called.__annotations__ = {parameter.name: parameter.annotation for parameter in [*own, *flags]}
    return called


def _flag(name: str, group: type[Settings]) -> inspect.Parameter:
    field = group.model_fields[name]
    help_ = field.description or ""
    if field.default is not None and not _is_mapping(field.annotation):
        help_ = f"{help_} [default: {field.default}]"
    kind: Any = list[str] if _is_mapping(field.annotation) else field.annotation
    more = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    option = typer.Option(None, help=help_, show_default=False, envvar=cast(str | None, more.get("envvar")))
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option, annotation=kind | None)


def _settings(group: type[Settings], values: dict[str, Any]) -> Settings:
    given = {
        # A mapping is key=value,key=value, or the flag several times.
        name: pairs(_spelt(name), ",".join(value).split(","))
        if _is_mapping(group.model_fields[name].annotation)
        else value
        for name, value in values.items()
        if value is not None
    }
    try:
        return group.model_validate(given)
    except ValidationError as fault:
        first = fault.errors()[0]
        flag = ": ".join(["", *map(str, first["loc"][1:]), ""])
        flag = f"{_spelt(str(first['loc'][0]))}{flag}" if first["loc"] else ""
        raise UsageError(f"{flag}{str(first['msg']).removeprefix('Value error, ').lower()}") from None


def _is_mapping(annotation: Any) -> bool:
    return get_origin(annotation) is dict


def pairs(flag: str, words: Iterable[str], form: str = "name=value") -> dict[str, str]:
    """Read words that are each a name and a value; `form` is how a user is told so.

    Raises:
        UsageError: a word is none, or a name is given twice.
    """
    found = dict[str, str]()
    for word in words:
        name, equals, value = map(str.strip, word.partition("="))
        if not (name and equals and value):
            raise UsageError(f"{flag}: {word!r} is not {form}")
        if name in found:
            raise UsageError(f"{flag}: {name!r} is given twice")
        found[name] = value
    return found


def _spelt(name: str) -> str:
    return f"--{name.replace('_', '-')}"
