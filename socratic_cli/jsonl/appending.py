"""A file that grows by whole pieces.

What does not fit on the disk is taken back, and a lock keeps others off.
"""

from __future__ import annotations

import os
from contextlib import suppress
from io import FileIO
from pathlib import Path

from socratic_cli.errors import OutputError


class Appending:
    """A file to append to, where what was written since the last flush goes in whole or not at all."""

    def __init__(self, path: Path) -> None:
        """Open `path`, and make its folder.

        Raises:
            OutputError: it cannot be opened.
        """
        self._path = path
        self._raw = _opened(path)
        self._waiting: list[str] = []

    def write(self, text: str) -> int:
        """Take a text in; it is written by `flush`."""
        self._waiting.append(text)
        return len(text)

    def flush(self) -> None:
        """Write what is waiting, or nothing of it.

        Raises:
            OSError: the disk is full, or the like.
        """
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

    def empty(self) -> None:
        """Take off everything that is there."""
        if self._path.is_file():  # a pipe or a device holds nothing
            self._raw.truncate(0)

    def fileno(self) -> int:
        """Return the system's number of the open file."""
        return self._raw.fileno()

    def close(self) -> None:
        """Close it, and give up the lock."""
        self._raw.close()

    def lock(self) -> None:
        """Keep other processes from locking the same file until it is closed, where the system has flock.

        Raises:
            OutputError: another process has locked it.
        """
        try:
            import fcntl
        except ImportError:
            return
        try:
            fcntl.flock(self.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            where = self._path
            raise OutputError(f"{where} is being written by another run: wait for it, or name another -o") from None
        except OSError:
            return  # a file system without locks


def refuse_packed(path: Path) -> None:
    """Refuse to append to what is packed, which plain lines would damage.

    Raises:
        OutputError: it is named so.
    """
    if path.suffix == ".gz":
        raise OutputError(
            f"{path}: outputs are written unpacked; name it {path.with_suffix('')}, and gzip it when done"
        )


def _opened(path: Path) -> FileIO:
    refuse_packed(path)
    if path.is_dir():
        raise OutputError(f"{path} is a directory: a file is due")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileIO(path, "a")
    except OSError as fault:
        raise OutputError(f"{path} cannot be written: {fault.strerror}") from fault
