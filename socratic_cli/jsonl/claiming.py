"""Outputs that may exist already: kept to go on with or to be replaced, or refused."""

from __future__ import annotations

import os
from pathlib import Path

from socratic_cli.errors import OutputError
from socratic_cli.jsonl.appending import refuse_packed


def claim(target: str | Path, *, resume: bool = False, overwrite: bool = False) -> None:
    """Make `target` ready for writing: an existing file is kept for `resume` or `overwrite`, else refused.

    On resume a last line without its end, left by a killed process, is taken off. What is to be overwritten stays until
    there is something to write instead (`Writer`, `anew`).

    Raises:
        OutputError: it exists, is a directory, or is named as what is packed: lines are appended plain, and what is
            packed would be damaged.
    """
    path = Path(target)
    refuse_packed(path)
    if str(target) == "-" or not path.exists():
        return
    if path.is_dir():
        raise OutputError(f"{path} is a directory: a file is due")
    if resume:
        take_off_torn_line(path)
    elif not overwrite and path.stat().st_size:
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
