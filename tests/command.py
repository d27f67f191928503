"""The command line as a user's shell runs it: a process of its own, with its exit code and both its streams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple


class Outcome(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


COMMAND = (sys.executable, "-m", "socratic_cli")


def socratic(*arguments: str | Path, stdin: str | bytes = b"", cwd: Path | None = None, **environment: str) -> Outcome:
    """Run `socratic` with arguments and standard input."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)],
        input=stdin.encode() if isinstance(stdin, str) else stdin,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, **environment},
        timeout=300,
        check=False,
    )
    return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())
