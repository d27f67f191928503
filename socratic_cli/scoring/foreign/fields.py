"""Where things stand in a line of another tool, and how they are read.

A problem without an id has a hash of its question for one, by which it is known again among the project's own
problems. Questions are known by their letters first, for "7 + 3?" and "7 - 3?" are two, and then by their words alone,
since tools change blanks and punctuation; where two problems have the same words, their letters decide.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from socratic_cli.errors import InputError
from socratic_cli.fields import answer, is_worked, worked
from socratic_cli.jsonl import Line
from socratic_cli.records import Exchange, Problem, Solution, fingerprint, lettered

_ROLE = "output"


class Gold:
    """Problems by which the outputs of other tools are known."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        """Know these problems."""
        self._named = {problem.id: problem for problem in problems}
        self._spelt = {lettered(problem.question): problem for problem in self._named.values()}
        alike: dict[str, list[Problem]] = {}
        for problem in self._spelt.values():
            alike.setdefault(fingerprint(problem.question), []).append(problem)
        self._said = {words: found[0] for words, found in alike.items() if len(found) == 1}

    def __bool__(self) -> bool:
        """Whether any is known."""
        return bool(self._named)

    def asked(self, question: str) -> Problem | None:
        """Return the problem with this question."""
        return self._spelt.get(lettered(question)) or self._said.get(fingerprint(question))

    def named(self, identity: str) -> Problem | None:
        """Return the problem with this id."""
        return self._named.get(identity)


@dataclass(frozen=True)
class Fields:
    """Where things stand in a line of another tool, and the problems that are known."""

    question: str | None = None
    answer: str | None = None
    output: str | None = None
    identity: str | None = None
    label: str | None = None
    gold: Gold = field(default_factory=Gold)


def made(problem: Problem, answer: str | None, written: str | None, known: dict[str, Any]) -> Solution:
    """Return what was written as a solution; `known` are fields of it."""
    reply = Exchange(role=_ROLE, prompt="", reply=written or "")
    return Solution(problem=problem, answer=answer, trace=(reply,), **known)


def is_foreign(solution: Solution) -> bool:
    """Say whether another tool wrote it."""
    return [exchange.role for exchange in solution.trace] == [_ROLE]


def problem_of(line: Line, question: str, gold: Callable[[], Any], fields: Fields) -> Problem:
    """Return the known problem with this question, or one of what the line tells; of several an id says which.

    Raises:
        InputError: the gold answer is nowhere, or is worked and cannot be read.
    """
    identity = line.value.get(fields.identity) if fields.identity else None
    known = fields.gold.named(str(identity)) if identity is not None else None
    if known is None or fingerprint(known.question) != fingerprint(question):
        known = fields.gold.asked(question)
    if known is not None:
        return known
    told = gold()
    known_gold = worked(told, line.where).line() if is_worked(told) else {"answer": answer(told, line.where)}
    return Problem(id=lettered(question) if identity is None else str(identity), question=question, **known_gold)


def field_of(line: Line, record: Mapping[str, Any], name: str, flag: str) -> Any:
    """Return a field that a flag named.

    Raises:
        InputError: there is none.
    """
    if name not in record:
        raise InputError(f"{line.where}: there is no field {name!r} ({flag}). Fields: {', '.join(record)}")
    return record[name]


def text_of(line: Line, record: Mapping[str, Any], name: str, flag: str) -> str:
    """Return a field that holds a text.

    Raises:
        InputError: it holds none.
    """
    value = field_of(line, record, name, flag)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{line.where}: the field {name!r} ({flag}) holds no text")
    return value.strip()


def label_of(line: Line, fields: Fields) -> dict[str, bool]:
    """Return the file's own verdict as the field of a solution, if there is one."""
    if fields.label is None:
        return {}
    value = field_of(line, line.value, fields.label, "--label-field")
    if value not in (0, 1):  # False and True among them
        raise InputError(
            f"{line.where}: the field {fields.label!r} (--label-field) is neither true nor false: {value!r}"
        )
    return {"correct": bool(value)}
