"""Outputs of the verbs: what they are made from, what is in them already, and by which keys."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

from socratic_cli import jsonl
from socratic_cli.errors import InputError, OutputError
from socratic_cli.ids import Table
from socratic_cli.records import Problem


def started(problems: Iterable[Problem]) -> Iterator[Problem]:
    """Read the first problem now, the others when they are asked for.

    So input that cannot be read is told before an output is emptied, and in a second, not after loading weights.
    """
    source = iter(problems)
    return chain(list(islice(source, 1)), source)


RATIONALIZED = "rationalized"


class Again:
    """Problems that are gone through several times: kept in a temporary file, whatever they come from."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        """Copy the problems."""
        self._file = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115
        for problem in problems:
            self._file.write(problem.model_dump_json(exclude_unset=True) + "\n")

    def __iter__(self) -> Iterator[Problem]:
        self._file.seek(0)
        return map(Problem.model_validate_json, self._file)


def is_empty(target: str) -> bool:
    """Say whether there is nothing to go on with."""
    return target == "-" or not Path(target).exists() or not Path(target).stat().st_size


def take_off(path: Path, unwanted: Callable[[Mapping[str, Any]], bool]) -> None:
    """Take lines off a file, so that what they tell of is done again."""

    def values() -> Iterator[dict[str, Any]]:
        return jsonl.read(path, lambda line: line.value)

    if any(map(unwanted, values())):
        jsonl.write_all(path, (value for value in values() if not unwanted(value)))


def problem_of(line: jsonl.Line) -> str:
    """Return the id of a line's problem.

    Raises:
        InputError: the line has none.
    """
    problem = line.value.get("problem")
    if not isinstance(problem, dict) or "id" not in problem:
        raise InputError(f"{line.where}: this is no solution, so the file cannot be resumed: name another -o")
    return str(problem["id"])


def key_of(problem: str, sample: int, *, rationalized: bool = False) -> str:
    """Return the key of one sample of a problem.

    A rationalized one has a key of its own: its number is the next after those that failed, and so is that of a sample
    that a later run asks for.
    """
    return f"{problem}\n{RATIONALIZED if rationalized else sample}"


def key_of_line(line: jsonl.Line) -> str:
    """Return the key of the solution or rejection on a line."""
    marks = line.value
    return key_of(problem_of(line), int(marks.get("sample", 0)), rationalized=bool(marks.get("rationalized")))


class Questions:
    """The questions and gold answers in a file, by id: an id that stands for another problem now is not done."""

    def __init__(self, target: str, anew: str) -> None:
        """Begin with none; `anew` says how the file is made from other problems."""
        self._target, self._anew = target, anew
        self._known = Table()

    def note(self, line: jsonl.Line) -> None:
        """Take in the problem of a line."""
        problem = line.value["problem"]
        self._known.put(problem_of(line), _content(str(problem.get("question", "")), problem.get("answer")))

    def require(self, problem: Problem) -> None:
        """Refuse a problem that is not the one in the file under its id.

        Raises:
            OutputError: it asks something else, or has another gold answer.
        """
        known, now = self._known.get(problem.id), _content(problem.question, problem.answer)
        if known is None or known == now:
            return
        other = "question" if known >> 32 != now >> 32 else "gold answer"
        raise OutputError(
            f"{self._target} holds another {other} under the id {problem.id!r}: it was made from other problems."
            f" {self._anew}, or name another -o"
        )


def _content(question: str, answer: str | None) -> int:
    """Return a number of 63 bits: 31 of the question, 32 of the gold answer."""
    high, low = (hashlib.sha256(text.encode()).digest() for text in (question, answer or ""))
    return (int.from_bytes(high[:4]) >> 1) << 32 | int.from_bytes(low[:4])
