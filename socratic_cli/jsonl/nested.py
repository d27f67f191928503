"""Objects out of a JSON file that is one value and not lines, wherever in it they are nested."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from socratic_cli.errors import InputError
from socratic_cli.jsonl.reading import Line


def objects(path: Path, field: str) -> Iterator[Line]:
    """Yield the objects of a JSON file that have a field, each with its position among them, from 0.

    Raises:
        InputError: the file cannot be read, or holds no such object.
    """
    try:
        tree = json.loads(path.read_bytes())
    except (OSError, ValueError) as fault:
        raise InputError(f"{path} cannot be read: {fault}") from None
    some = False
    for number, found in enumerate(_nested(tree, field)):
        some = True
        yield Line(f"{path}[{number}]", found)
    if not some:
        raise InputError(f"{path} holds no object with a field {field!r}")


def _nested(tree: Any, field: str) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict) and field in tree:
        yield tree
        return
    inner: Iterable[Any] = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for one in inner:
        yield from _nested(one, field)
