"""Records as lines of JSON, each appended whole and flushed."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any, cast

import jsonlines
from pydantic import BaseModel

from socratic_cli.errors import OutputError, ReaderGone
from socratic_cli.jsonl.appending import Appending


class Writer:
    """Writes records to a file or to standard output: a line is there whole or not at all.

    `anew` replaces what the file held, but not before there is something instead: the first line, or the end of a run
    that found nothing to write. So a run that comes to nothing, without a key or with weights missing, loses nothing.

    `lock` keeps other processes from writing the same file for as long as it is open. The lock is the system's own
    (flock) and goes with its process, however that ends; where there is no flock (Windows) nothing is locked.
    """

    def __init__(self, target: str | Path, *, lock: bool = False, anew: bool = False) -> None:
        """Open `target` for appending; `-` is standard output.

        Raises:
            OutputError: the file cannot be opened, or another process has locked it.
        """
        self.target = target
        self.count = 0
        self._anew = anew
        self._file = None if str(target) == "-" else Appending(Path(target))
        self._lines = jsonlines.Writer(cast(IO[str], self._file or sys.stdout), flush=True)
        if lock and self._file is not None:
            self._file.lock()

    def write(self, value: BaseModel | dict[str, Any]) -> None:
        """Write one line.

        Raises:
            ReaderGone: the other end of a pipe was closed.
            OutputError: the disk is full, or the like.
        """
        line: Any = getattr(value, "line", None)
        self.begin()
        try:
            self._lines.write(line() if callable(line) else value)
        except BrokenPipeError:
            raise ReaderGone from None
        except OSError as fault:
            raise OutputError(f"{self.target} cannot be written: {fault.strerror}") from fault
        self.count += 1

    def begin(self) -> None:
        """Take off what is to be replaced, if it is still there.

        Raises:
            OutputError: it cannot be taken off.
        """
        if self._anew and self._file is not None:
            try:
                self._file.empty()
            except OSError as fault:
                raise OutputError(f"{self.target} cannot be written: {fault.strerror}") from fault
        self._anew = False

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

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.begin()
        finally:
            self.close()


def write_all(target: Path, values: Iterable[BaseModel | dict[str, Any]]) -> None:
    """Write a whole file at once: beside its place first, then moved there."""
    beside = target.with_name(target.name + ".part")
    beside.unlink(missing_ok=True)
    with Writer(beside) as writer:
        for value in values:
            writer.write(value)
    beside.replace(target)
