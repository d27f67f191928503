"""Problems of one's own, a JSON object a line.

It reads the project's own problems and solutions, lines in the form of GSM8K, and any line with a question:

    {"id": "7", "question": "...", "answer": "72", "steps": [...]}    a problem; fields it does not know pass through
    {"problem": {...}, "steps": [...], ...}                           a solution: its problem is taken, gold and all
    {"question": "...", "answer": "...<<48/2=24>>24...\\n#### 72"}     a worked answer: becomes steps and answer
    {"prompt": "...", "gold": 51.0, "key": 7}                         with question_field, answer_field and id_field
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from socratic_cli import fields, jsonl
from socratic_cli.errors import InputError
from socratic_cli.ids import Ids
from socratic_cli.jsonl import Invalid, Line, OnInvalid
from socratic_cli.notation import NotationError, read_step
from socratic_cli.parts import Dataset
from socratic_cli.records import Problem, lettered

log = logging.getLogger(__name__)


class JSONL(Dataset):
    """A file of one's own with a problem a line; `-` is standard input."""

    main_option: ClassVar[str | None] = "path"
    splits: ClassVar[tuple[str, ...]] = ("all",)

    path: Path = Field(description="The file; - is standard input.")
    question_field: str = Field("question", description="The field that holds the question.")
    answer_field: str = Field("answer", description="The field that holds the gold answer, if there is one.")
    id_field: str = Field("id", description="The field that holds the id; without one the question is hashed.")
    skip_invalid: bool = Field(False, description="Pass over lines that cannot be read, with a warning for each.")
    on_invalid: SkipJsonSchema[OnInvalid | None] = Field(
        None, exclude=True, repr=False, description="Receives the lines that cannot be read (from Python only)."
    )

    def problems(self, split: str = "all") -> Iterator[Problem]:  # noqa: ARG002
        """Yield the problems of the file, lazily. A second line of the same id is an invalid line.

        Raises:
            InputError: the file cannot be read; or a line cannot, and invalid lines are not skipped.
        """
        convert = partial(self._problem, Ids())
        on_invalid = self.on_invalid or (_warn if self.skip_invalid else None)
        return jsonl.read(self.path, convert, on_invalid) if on_invalid else jsonl.read(self.path, convert)

    def _problem(self, ids: Ids, line: Line) -> Problem:
        nested = line.value.get("problem")
        if isinstance(nested, dict) and self.question_field not in line.value:
            problem = JSONL(path=self.path)._read(Line(line.where, nested))
        else:
            problem = self._read(line)
        _refuse_doubled(ids, problem, line)
        return problem

    def _read(self, line: Line) -> Problem:
        _refuse_half_characters(line)
        question = self._question(line)
        rest = {key: value for key, value in line.value.items() if key != self.question_field}
        gold = rest.pop(self.answer_field, None) if self._has(line, "answer_field") else None
        identity = rest.pop(self.id_field, None) if self._has(line, "id_field") else None
        rest |= {"id": _identity(identity, question, line.where), "question": question, **_gold(gold, line.where)}
        return jsonl.record(Problem)(Line(line.where, _lenient(rest, line.where)))

    def _question(self, line: Line) -> str:
        try:
            return fields.text(line, self.question_field)
        except InputError as fault:
            raise InputError(f"{fault}\nName the field that holds the question with --question-field.") from None

    def _has(self, line: Line, option: str) -> bool:
        """Say whether the line has the field; one that was asked for by name must be there."""
        field = getattr(self, option)
        if field in line.value or option not in self.model_fields_set:
            return field in line.value
        flag = f"--{option.replace('_', '-')}"
        raise InputError(f"{line.where}: there is no field {field!r} ({flag}). Fields: {', '.join(line.value)}")


def _warn(invalid: Invalid) -> None:
    log.warning("skipped: %s", invalid.fault)


def _refuse_half_characters(line: Line) -> None:
    """Refuse what JSON can spell and UTF-8 cannot, since no output could hold it."""
    try:
        json.dumps(line.value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise InputError(f"{line.where}: a text holds half a character (a lone surrogate, \\ud800-\\udfff)") from None


def _refuse_doubled(ids: Ids, problem: Problem, line: Line) -> None:
    earlier = ids.add(problem.id, int(line.where.rpartition(":")[2]))
    if earlier is None:
        return
    if problem.id == lettered(problem.question):
        raise InputError(f"{line.where}: the question of line {earlier} again. Take one out, or give both an id.")
    raise InputError(f"{line.where}: the id {problem.id!r} of line {earlier} again. Each problem needs its own id.")


def _identity(value: Any, question: str, where: str) -> str:
    if value is None or value == "":
        return lettered(question)
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise InputError(f"{where}: the id is {fields.kind(value)}; a text or a whole number is due")
    return str(value)


def _gold(value: Any, where: str) -> dict[str, Any]:
    """Return the answer and, where it was worked out, the steps, as far as they are known."""
    if not fields.is_worked(value):
        answer = fields.answer(value, where)
        return {} if answer is None else {"answer": answer}
    gold = fields.worked(value, where)
    return {key: found for key, found in gold.line().items() if found}


def _lenient(value: dict[str, Any], where: str) -> dict[str, Any]:
    """Accept steps that are lines of the notation, and a fact that stands alone."""
    steps, facts = value.get("steps"), value.get("facts")
    if isinstance(steps, list):
        value["steps"] = [_step(step, where) for step in steps]
    if isinstance(facts, str):
        value["facts"] = [facts]
    return {key: found for key, found in value.items() if found is not None}


def _step(step: Any, where: str) -> Any:
    try:
        return read_step(step).line() if isinstance(step, str) else step
    except NotationError as fault:
        raise InputError(f"{where}: a step cannot be read: {fault}") from None
