"""Lines whose fields are named, from JSONL or out of a JSON file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from socratic_cli import jsonl
from socratic_cli.errors import InputError
from socratic_cli.fields import answer
from socratic_cli.jsonl import Line
from socratic_cli.records import Problem, Solution
from socratic_cli.scoring.foreign.fields import Fields, field_of, label_of, made, problem_of, text_of


def of_fields(line: Line, fields: Fields, author: str) -> Solution:
    """Return what a line holds as a solution.

    Raises:
        InputError: a field that was named is missing, or holds what it cannot.
    """
    output = field_of(line, line.value, fields.output or "", "--output-field")
    problem = _named(line, fields) or _told(line, fields)
    written = answer(output, line.where)
    return made(problem, written, written, {"scheme": fields.output, "author": author, **label_of(line, fields)})


def _named(line: Line, fields: Fields) -> Problem | None:
    """Return the known problem that a line without a question names by its id."""
    question = fields.question or "question"
    if fields.identity is None or question in line.value:
        return None
    identity = answer(field_of(line, line.value, fields.identity, "--id-field"), line.where) or ""
    if (known := fields.gold.named(identity)) is None:
        raise InputError(f"{line.where}: {identity!r} (--id-field) is none of --problems, and there is no {question!r}")
    return known


def _told(line: Line, fields: Fields) -> Problem:
    """Return the problem that a line tells."""
    question = text_of(line, line.value, fields.question or "question", "--question-field")
    # An output is no gold answer to itself, wherever it stands.
    gold = fields.answer or ("answer" if fields.output != "answer" else None)
    return problem_of(
        line, question, lambda: field_of(line, line.value, gold, "--answer-field") if gold else None, fields
    )


def objects(path: Path, fields: Fields) -> Iterator[Line]:
    """Yield the objects of a JSON file that have the output's field, wherever they are nested.

    Raises:
        InputError: no field was named, or the file cannot be read or holds no such object.
    """
    if fields.output is None:
        raise InputError(f"{path} is JSON, not lines of it: name the field of the output with --output-field")
    return jsonl.objects(path, fields.output)
