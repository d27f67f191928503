"""Lines of JSON, in and out, with errors that name file and line.

Reading is lazy: memory does not grow with a file. Writing appends whole lines and flushes each, so what was
written is whole whenever the process ends.
"""

from __future__ import annotations

import errno
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from io import FileIO
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple, TypeVar, cast

import jsonlines
from pydantic import BaseModel, ValidationError

from socratic_cli.errors import InputError, OutputError, ReaderGone, UsageError

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
    raise InputError(f"{invalid.fault}\nMend the line, or pass --skip-invalid to set such lines aside.")


def read(source: str | Path, convert: Callable[[Line], T], on_invalid: OnInvalid = _raise) -> Iterator[T]:
    """Yield what `convert` makes of each line of a file, or of standard input for `-`.

    A line that is not a JSON object, or that `convert` refuses with InputError, goes to `on_invalid`, which by default
    raises. Blank lines are passed over.

    Raises:
        InputError: the file cannot be opened, is empty, or holds an invalid line.
    """
    some = False
    with _opened(source) as stream:
        for number, raw in _numbered(stream):
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
        return path.open("rb")
    except OSError as fault:
        raise InputError(f"{path} cannot be read: {fault.strerror}") from fault


def _numbered(stream: BinaryIO) -> Iterator[tuple[int, bytes]]:
    number = 0
    while raw := stream.readline(MAX_LINE + 1):
        number += 1
        if len(raw) > MAX_LINE and not raw.endswith(b"\n"):
            # The rest of the line is read in pieces and dropped, so that the next line is counted right.
            while (rest := stream.readline(MAX_LINE)) and not rest.endswith(b"\n"):
                pass
        if raw.strip():
            yield number, raw


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


class Writer:
    """Writes records to a file or to standard output: a line is there whole or not at all.

    `lock` keeps other processes from writing the same file for as long as it is open. The lock is the system's own
    (flock) and goes with its process, however that ends; where there is no flock (Windows) nothing is locked.
    """

    def __init__(self, target: str | Path, *, lock: bool = False) -> None:
        """Open `target` for appending; `-` is standard output.

        Raises:
            OutputError: the file cannot be opened, or another process has locked it.
        """
        self.target = target
        self.count = 0
        self._file = None if str(target) == "-" else _Appending(_appended(Path(target)))
        self._lines = jsonlines.Writer(cast(IO[str], self._file or sys.stdout), flush=True)
        if lock and self._file is not None:
            _lock(self._file, target)

    def write(self, value: BaseModel | dict[str, Any]) -> None:
        """Write one line.

        Raises:
            ReaderGone: the other end of a pipe was closed.
            OutputError: the disk is full, or the like.
        """
        line: Any = getattr(value, "line", None)
        try:
            self._lines.write(line() if callable(line) else value)
        except BrokenPipeError:
            raise ReaderGone from None
        except OSError as fault:
            raise OutputError(f"{self.target} cannot be written: {fault.strerror}") from fault
        self.count += 1

    @property
    def size(self) -> int:
        """Bytes of the file so far."""
        return os.fstat(self._file.fileno()).st_size if self._file is not None else 0

    def sync(self) -> None:
        """Wait until all that was written is on the disk.

        Raises:
            OutputError: it cannot be brought there.
        """
        try:
            if self._file is not None:
                os.fsync(self._file.fileno())
        except OSError as fault:
            if fault.errno != errno.EINVAL:  # a pipe or a device, which has no disk
                raise OutputError(f"{self.target} cannot be written: {fault.strerror}") from fault

    def close(self) -> None:
        """Close the file; standard output stays open."""
        self._lines.close()
        if self._file is not None:
            self._file.close()

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Appending:
    """A file to append to, where what was written since the last flush goes in whole or not at all."""

    def __init__(self, raw: FileIO) -> None:
        self._raw = raw
        self._waiting: list[str] = []

    def write(self, text: str) -> int:
        self._waiting.append(text)
        return len(text)

    def flush(self) -> None:
        data = memoryview("".join(self._waiting).encode())
        self._waiting = []
        before = os.fstat(self._raw.fileno()).st_size
        try:
            while data:
                data = data[self._raw.write(data) :]
        except OSError:
            # Half a line would be torn; what cannot be cut is no regular file, and holds nothing.
            with suppress(OSError):
                self._raw.truncate(before)
            raise

    def fileno(self) -> int:
        return self._raw.fileno()

    def close(self) -> None:
        self._raw.close()


def _appended(path: Path) -> FileIO:
    if path.is_dir():
        raise OutputError(f"{path} is a directory: a file is due")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileIO(path, "a")
    except OSError as fault:
        raise OutputError(f"{path} cannot be written: {fault.strerror}") from fault


def _lock(file: _Appending, target: str | Path) -> None:
    try:
        import fcntl
    except ImportError:
        return
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise OutputError(f"{target} is being written by another run: wait for it, or name another -o") from None
    except OSError:
        return  # a file system without locks


def claim(target: str | Path, *, resume: bool = False, overwrite: bool = False) -> None:
    """Make `target` ready for writing: an existing file is kept for `resume`, emptied for `overwrite`, else refused.

    On resume a last line without its end, left by a killed process, is taken off.

    Raises:
        OutputError: it exists, or is a directory.
    """
    path = Path(target)
    if str(target) == "-" or not path.exists():
        return
    if path.is_dir():
        raise OutputError(f"{path} is a directory: a file is due")
    if resume:
        take_off_torn_line(path)
    elif overwrite:
        path.write_bytes(b"")
    elif path.stat().st_size:
        raise OutputError(f"{path} exists: pass --resume to go on with it, --overwrite to start anew, or another -o")


def take_off_torn_line(path: Path) -> None:
    """Cut a file after its last whole line."""
    if not path.is_file():
        return
    with path.open("rb+") as stream:
        end = stream.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - 65536)
            stream.seek(start)
            newline = stream.read(end - start).rfind(b"\n")
            if newline >= 0:
                stream.truncate(start + newline + 1)
                return
            end = start
        stream.truncate(0)


def write_all(target: Path, values: Iterable[BaseModel | dict[str, Any]]) -> None:
    """Write a whole file at once: beside its place first, then moved there."""
    beside = target.with_name(target.name + ".part")
    beside.unlink(missing_ok=True)
    with Writer(beside) as writer:
        for value in values:
            writer.write(value)
    beside.replace(target)
