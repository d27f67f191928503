"""The command line as a user's shell runs it: a process of its own, with its exit code and both its streams."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple

from tests import warm


class Outcome(NamedTuple):
    """What a command left."""

    code: int
    out: str
    err: str


COMMAND = (sys.executable, "-m", "socratic_cli")


# What a command may be told without a library having been imported differently.
_HEARD_LATER = ("OPENAI_API_KEY", "SOCRATIC_", "XDG_CACHE_HOME", "PYTEST_")
# What libraries that a test has imported tell the processes they start: Ray and vLLM are not among those that a command
# finds loaded already, and torch looks for its compiler's folder when it compiles.
_OF_LIBRARIES = ("RAY_", "PYTHONBREAKPOINT", "VLLM_", "TORCHINDUCTOR_CACHE_DIR")


def socratic(*arguments: str | Path, stdin: str | bytes = b"", cwd: Path | None = None, **environment: str) -> Outcome:
    """Run `socratic` with arguments and standard input, in a process of its own whose libraries are loaded already."""
    whole = {**os.environ, **environment}
    words = list(map(str, arguments))
    changed = {name for name, value in whole.items() if _AT_FIRST.get(name) != value} | (set(_AT_FIRST) - set(whole))
    with TemporaryFile() as given, TemporaryFile() as out, TemporaryFile() as err:
        given.write(stdin.encode() if isinstance(stdin, str) else stdin)
        given.seek(0)
        if sys.platform == "linux" and all(name.startswith(_HEARD_LATER + _OF_LIBRARIES) for name in changed):
            code = warm.run(words, (given, out, err), cwd, whole)
        else:
            done = subprocess.run(
                [*COMMAND, *words], stdin=given, stdout=out, stderr=err, cwd=cwd, env=whole, timeout=300, check=False
            )
            code = done.returncode
        out.seek(0)
        err.seek(0)
        return Outcome(code, out.read().decode(), err.read().decode())


_AT_FIRST = dict(os.environ)
