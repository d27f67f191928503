"""Data references: the one way in which every verb and recipe names its problems.

gsm8k/train   gsm8k:main/test   "arithmetic:2-4/train seed=3"     a split of a data set, with its options
mine.jsonl   "mine.jsonl question_field=prompt"   -               a file of one's own, or standard input
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NamedTuple

from socratic_cli import plugins
from socratic_cli.errors import InputError, UsageError, did_you_mean
from socratic_cli.ids import Ids
from socratic_cli.jsonl import OnInvalid
from socratic_cli.parts import Dataset
from socratic_cli.records import Problem

FILE = "jsonl"
"""The data set that reads files."""


class Reference(NamedTuple):
    """A data set as `plugins.load` takes it, and one of its splits (None for a file)."""

    spec: dict[str, Any]
    split: str | None


def resolve(
    ref: str,
    *,
    data_dir: Path | None = None,
    question_field: str | None = None,
    answer_field: str | None = None,
    id_field: str | None = None,
    on_invalid: OnInvalid | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> Iterator[Problem]:
    """Return the problems that a reference names, read lazily: after `offset` of them, at most `limit`.

    `data_dir` is passed over by data sets without files, `on_invalid` (see `jsonl.read`) by all but files.

    Raises:
        UsageError: no such data set, split or option; or a field is named for what is not a file.
        InputError: a file is missing; or, when read, a record is invalid, an id doubled, or all are passed over.
    """
    spec, split = parse(ref)
    named = {"question_field": question_field, "answer_field": answer_field, "id_field": id_field}
    if split is None:
        problems = _load(spec, named | {"on_invalid": on_invalid}).problems("all")
    else:
        _refuse_fields(ref, named)
        problems = _distinct(ref, _of_split(ref, _load(spec, {"data_dir": data_dir}), split))
    return islice(_after(ref, problems, offset), limit)


def parse(ref: str) -> Reference:
    """Read a reference. What exists as a file, ends in .jsonl or is `-` is a file.

    Raises:
        UsageError: it is neither a file nor a split of an installed data set.
    """
    if _is_file(ref):
        return Reference({"name": FILE, "path": ref}, None)
    head, options = _words(ref)
    if _is_file(head) or head.startswith(f"{FILE}:"):
        return Reference({"name": FILE, "path": head.removeprefix(f"{FILE}:"), **options}, None)
    part, slash, split = head.rpartition("/")
    name = (part if slash else head).partition(":")[0]
    _refuse_unknown(ref, name)
    if not slash:
        raise UsageError(f"{ref} names no split: write {_choices(head, _splits(name))}")
    return Reference({"name": part, **options}, split)


def _after(ref: str, problems: Iterator[Problem], offset: int) -> Iterator[Problem]:
    """Yield what comes after the first so many problems; where there is nothing, that is a mistake."""
    passed = sum(1 for _ in islice(problems, offset))
    first = next(problems, None) if offset else None
    if offset and first is None:
        raise InputError(f"offset {offset} passes over all of {ref}: it has {passed:,} problems")
    yield from problems if first is None else chain([first], problems)


def _is_file(word: str) -> bool:
    return word == "-" or word.endswith(".jsonl") or Path(word).is_file()


def _words(ref: str) -> tuple[str, dict[str, Any]]:
    """Return the first word of a reference, and the options after it."""
    options = plugins.parse(ref)
    colon, value = (":", options.pop(":")) if ":" in options else ("", "")
    return f"{options.pop('name')}{colon}{value}", options


def _refuse_unknown(ref: str, name: str) -> None:
    known = plugins.names(Dataset)
    if name in known:
        return
    if ref and Path(ref).is_dir():
        raise UsageError(f"{ref} is a directory: name a .jsonl file in it, or a data set with --data-dir {ref}")
    raise UsageError(
        f"{ref!r}: there is no such file, and no data set {name!r}.{did_you_mean(name, known)}"
        f" Data sets: {', '.join(known)}."
    )


def _load(spec: dict[str, Any], more: dict[str, Any]) -> Dataset:
    """Load a data set; what its own reference says beats the flags."""
    return plugins.load(Dataset, {**{key: value for key, value in more.items() if value is not None}, **spec})


def _refuse_fields(ref: str, named: dict[str, str | None]) -> None:
    for option, value in named.items():
        if value is not None:
            flag = f"--{option.replace('_', '-')}"
            raise UsageError(f"{flag} is for files of your own: {ref} knows its fields")


def _splits(name: str) -> tuple[str, ...]:
    return plugins.part_class(Dataset, name).splits


def _choices(head: str, splits: tuple[str, ...]) -> str:
    return " or ".join(f"{head}/{split}" for split in splits)


def _of_split(ref: str, part: Dataset, split: str) -> Iterator[Problem]:
    if split not in part.splits:
        near = did_you_mean(split, part.splits)
        raise UsageError(f"{ref}: no split {split!r}.{near} Splits of {part.name}: {', '.join(part.splits)}.")
    return part.problems(split)


def _distinct(ref: str, problems: Iterator[Problem]) -> Iterator[Problem]:
    """Pass problems on; refuse one whose id came before. Files check themselves, since they know their lines."""
    ids = Ids()
    for number, problem in enumerate(problems):
        earlier = ids.add(problem.id, number)
        if earlier is not None:
            raise InputError(
                f"{ref}: problems {earlier} and {number} (from 0) have one id, {problem.id!r}:"
                " the data set is at fault, tell its authors"
            )
        yield problem
