"""A service that is as bad as real ones are: a server in a process of its own that injects faults on a seed.

    with faulty(seed=1, faults=every(0.3), faulty_attempts=3) as server:
        ...  # LiteLLM(model="openai/m", api_base=server.url)
    assert server.stats().paid_twice == 0

What can be set is in `plan.Options`, what is counted in `stats.Stats`. A question may give away what is right:
"How many hens? [= 17]" is answered "... #### 17". By hand: `python -m tests.faulty '{"faults": {"500": 0.1}}'`
prints its port; `/stats` on it are the counters.
"""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.faulty.plan import EMPTY, FAULTS, LOST, ON_THE_WIRE, PAID, REFUSED, Options, every
from tests.faulty.stats import Stats

__all__ = [
    "EMPTY",
    "FAULTS",
    "LOST",
    "ON_THE_WIRE",
    "PAID",
    "REFUSED",
    "Options",
    "Server",
    "Stats",
    "every",
    "faulty",
]

ROOT = Path(__file__).resolve().parents[2]


class Server:
    """A running server, or one that ran: what it counted last can still be read."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}/v1"
        self.chat = f"{self.url}/chat/completions"
        self._last: tuple[Any, Any] | None = None

    def stats(self) -> Stats:
        """Return the counters."""
        read = self._read("/stats") if self._last is None else self._last[0]
        return Stats(**{**read, "faults": Counter(read["faults"]), "batch_faults": Counter(read["batch_faults"])})

    def paid(self) -> Counter[str]:
        """Return how often the reply to each question was paid."""
        return Counter(self._read("/paid") if self._last is None else self._last[1])

    def keep(self) -> None:
        """Read the counters for the last time."""
        self._last = self._read("/stats"), self._read("/paid")

    def _read(self, path: str) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("GET", path)
            return json.load(connection.getresponse())
        finally:
            connection.close()


@contextmanager
def faulty(**options: Any) -> Iterator[Server]:
    """Run a server with `Options` in a process of its own until the block ends."""
    given = json.dumps(asdict(Options(**{**options, "attached": True})), default=str)
    command = [sys.executable, "-m", "tests.faulty", given]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            server = Server(int(process.stdout.readline()))
            yield server
            server.keep()
        finally:
            process.kill()
