"""Lines whose fields are named, from JSONL or out of a JSON file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from socratic_cli.errors import InputError
from socratic_cli.jsonl import Line
from socratic_cli.records import Problem, Solution
from socratic_cli.scoring.foreign.fields import Fields, answer_of, field_of, label_of, made, problem_of, text_of


def of_fields(line: Line, fields: Fields, author: str) -> Solution:
    """Return what a line holds as a solution.

    Raises:
        InputError: a field that was named is missing, or holds what it cannot.
    """
    output = field_of(line, line.value, fields.output or "", "--output-field")
    problem = _named(line, fields) or _told(line, fields)
    written = answer_of(line, output)
    return made(problem, written, written, {"scheme": fields.output, "author": author, **label_of(line, fields)})


def _named(line: Line, fields: Fields) -> Problem | None:
    """Return the known problem that a line without a question names by its id."""
    question = fields.question or "question"
    if fields.identity is None or question in line.value:
        return None
    identity = answer_of(line, field_of(line, line.value, fields.identity, "--id-field")) or ""
    if (known := fields.gold.named(identity)) is None:
        raise InputError(f"{line.where}: {identity!r} (--id-field) is none of --problems, and there is no {question!r}")
    return known


def _told(line: Line, fields: Fields) -> Problem:
    """Return the problem that a line tells."""
    question = text_of(line, line.value, fields.question or "question", "--question-field")
    # An output is no gold answer to itself, wherever it stands.
    gold = fields.answer or ("answer" if fields.output != "answer" else None)
    return problem_of(line, question, field_of(line, line.value, gold, "--answer-field") if gold else None, fields)


def objects(path: Path, fields: Fields) -> Iterator[Line]:
    """Yield the objects of a JSON file that have the output's field, wherever they are nested."""
    if fields.output is None:
        raise InputError(f"{path} is JSON, not lines of it: name the field of the output with --output-field")
    try:
        tree = json.loads(path.read_bytes())
    except (OSError, ValueError) as fault:
        raise InputError(f"{path} cannot be read: {fault}") from None
    some = False
    for number, found in enumerate(_nested(tree, fields.output)):
        some = True
        yield Line(f"{path}[{number}]", found)
    if not some:
        raise InputError(f"{path} holds no object with a field {fields.output!r} (--output-field)")


def _nested(tree: Any, field_: str) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict) and field_ in tree:
        yield tree
        return
    inner: Iterable[Any] = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for one in inner:
        yield from _nested(one, field_)
