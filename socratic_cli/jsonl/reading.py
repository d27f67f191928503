"""Lines of JSON, read with errors that name file and line; memory does not grow with a file."""

from __future__ import annotations

import gzip
import json
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, TypeVar, cast

import jsonlines
from pydantic import BaseModel, ValidationError

from socratic_cli.errors import InputError, UsageError

MAX_LINE = 4 * 1024 * 1024
"""Bytes of one line. A longer one is not a problem but a file without line ends."""

T = TypeVar("T")
R = TypeVar("R", bound=BaseModel)


class Line(NamedTuple):
    """A JSON object and where it stands."""

    where: str
    value: dict[str, Any]


class Invalid(NamedTuple):
    """A line that could not be read: what is wrong with it, and its bytes."""

    fault: str
    raw: bytes


OnInvalid = Callable[[Invalid], None]


def _raise(invalid: Invalid) -> None:
    raise InputError(invalid.fault)


def read(source: str | Path, convert: Callable[[Line], T], on_invalid: OnInvalid = _raise) -> Iterator[T]:
    """Yield what `convert` makes of each line of a file, gzipped if it is a .gz, or of standard input for `-`.

    A line that is not a JSON object, or that `convert` refuses with InputError, goes to `on_invalid`, which by default
    raises. Blank lines are passed over.

    Raises:
        InputError: the file cannot be opened or unpacked, is empty, or holds an invalid line.
    """
    some = False
    with _opened(source) as stream:
        for number, raw in _numbered(stream, source):
            some = True
            where = f"{'<stdin>' if str(source) == '-' else source}:{number}"
            try:
                yield convert(Line(where, _parse(where, raw)))
            except InputError as fault:
                on_invalid(Invalid(str(fault), raw))
    if not some:
        raise InputError(
            f"{'standard input' if str(source) == '-' else source} is empty: one JSON object a line is due"
        )


def record(kind: type[R]) -> Callable[[Line], R]:
    """Return a converter of lines into records of a kind."""

    def convert(line: Line) -> R:
        try:
            return kind.model_validate(line.value)
        except ValidationError as fault:
            errors = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg'].lower()}" for e in fault.errors()[:3])
            raise InputError(f"{line.where}: this is no {kind.__name__.lower()}: {errors}") from None

    return convert


def _opened(source: str | Path) -> BinaryIO:
    if str(source) == "-":
        if sys.stdin.isatty():
            raise UsageError("nothing is piped in: name a file, a data set, or pipe JSONL into this command")
        # A second handle, so that closing it leaves standard input itself open.
        return os.fdopen(os.dup(sys.stdin.fileno()), "rb")
    path = Path(source)
    if path.is_dir():
        raise InputError(f"{path} is a directory: a JSONL file is due")
    try:
        return cast(BinaryIO, gzip.open(path)) if path.suffix == ".gz" else path.open("rb")
    except OSError as fault:
        raise InputError(f"{path} cannot be read: {fault.strerror}") from fault


def _numbered(stream: BinaryIO, source: str | Path) -> Iterator[tuple[int, bytes]]:
    number = 0
    try:
        while raw := stream.readline(MAX_LINE + 1):
            number += 1
            if len(raw) > MAX_LINE and not raw.endswith(b"\n"):
                # The rest of the line is read in pieces and dropped, so that the next line is counted right.
                while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                    pass
            if raw.strip():
                yield number, raw
    except (gzip.BadGzipFile, zlib.error, EOFError) as fault:
        raise InputError(f"{source} cannot be unpacked after line {number}: {fault}") from None


def _parse(where: str, raw: bytes) -> dict[str, Any]:
    if len(raw) > MAX_LINE:
        raise InputError(f"{where}: the line is longer than {MAX_LINE // 1024**2} MB")
    try:
        with jsonlines.Reader([raw.removeprefix(b"\xef\xbb\xbf")]) as reader:
            value: dict[str, Any] = reader.read(type=dict)
    except jsonlines.InvalidLineError as fault:
        reason = str(fault).partition(" (line")[0]
        raise InputError(f"{where}: {reason}: {raw[:60].decode('utf-8', 'replace').strip()}") from None
    except RecursionError:
        raise InputError(f"{where}: the JSON is nested too deeply") from None
    if _holds_half_a_character(raw, value):
        raise InputError(f"{where}: a text holds half a character: {raw[:60].decode('utf-8', 'replace').strip()}")
    return value


def _holds_half_a_character(raw: bytes, value: dict[str, Any]) -> bool:
    """Say whether a text holds one half of a surrogate pair: it could be read, but never hashed or written."""
    if b"\\ud" not in raw.lower():
        return False
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False
