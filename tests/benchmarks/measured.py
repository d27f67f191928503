"""What the benchmarks share: commands run and measured, numbers told as medians, and the machine they were made on."""

from __future__ import annotations

import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RESULTS = Path(__file__).parent / "results"
# Nobody is to reach a hub, fetch prices or report home; the key is for a server that does not read it.
QUIET = {
    "OPENAI_API_KEY": "sk-none",
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "HF_HUB_OFFLINE": "1",
    "TELEMETRY_ENABLED": "false",
    "DO_NOT_TRACK": "1",
}
_LOOK = 0.25
_MB = 1024 * 1024


class Failed(Exception):
    """A command that did not do what it should, in one line."""


@dataclass(frozen=True)
class Cost:
    """What one command took.

    Attributes:
        seconds: from its start to its end.
        cpu: seconds of processor, its children's included.
        peak: megabytes of its largest process, at the most.
        together: megabytes of all its processes, memory that they share counted once; at the most, of the moments
            that were looked at.
    """

    seconds: float
    cpu: float
    peak: float
    together: float


def run(command: Sequence[object], limit: float, *, watch: bool = True, **environment: str) -> Cost:
    """Run a command and return what it took.

    To `watch` the memory of all its processes together holds up a process that is given gigabytes at that moment;
    without it, `together` is that of the largest one.

    The processes of benchmarks must stay small themselves: a child's peak begins with what its parent held when it
    was made.

    Raises:
        Failed: it ended badly, or not within `limit` seconds; with its last line.
    """
    with tempfile.TemporaryFile() as said:
        began = time.perf_counter()
        process = subprocess.Popen(
            list(map(str, command)),
            cwd=ROOT,
            env={**os.environ, **QUIET, **environment},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )
        watched = _Watched(process.pid) if watch else None
        with _ending(process.pid, limit) as late:
            _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)  # or Popen would wait for it once more
        together = watched.stop() if watched else used.ru_maxrss * 1024
        if late.fired:
            raise Failed(f"not done within {limit:g} s")
        if process.returncode:
            said.seek(0)
            raise Failed(last_line(said.read().decode(errors="replace")))
    return Cost(seconds, used.ru_utime + used.ru_stime, used.ru_maxrss * 1024 / _MB, together / _MB)


class _ending:  # noqa: N801 - it is used as a function is
    """Kill a process and its children when its time is over."""

    def __init__(self, pid: int, limit: float) -> None:
        self.fired = False
        self._pid = pid
        self._timer = threading.Timer(limit, self._kill)
        self._timer.daemon = True

    def _kill(self) -> None:
        self.fired = True
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)

    def __enter__(self) -> _ending:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
        with suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)  # helpers that outlived it


class _Watched:
    """Looks from time to time at the memory of a process and everything it started."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._most = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._ended.wait(_LOOK):
            self._most = max(self._most, sum(map(_memory, _tree(self._pid))))

    def stop(self) -> int:
        self._ended.set()
        self._thread.join()
        return self._most


def _tree(pid: int) -> Iterable[int]:
    yield pid
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in children.read_text().split():
                yield from _tree(int(child))


def _memory(pid: int) -> int:
    """Return the bytes of a process, what it shares counted by its share; 0 where it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


def last_line(text: str) -> str:
    """Return the last line that says something, as it fits into a table."""
    lines = [line.strip(" \t│╰╯─") for line in text.splitlines()]
    told = next((line for line in reversed(lines) if line), "it said nothing")
    return told.replace("|", "/").replace(str(Path.home()), "~").replace(str(ROOT), ".")[:200]


def problems(path: Path, count: int) -> Path:
    """Write problems that the local server can answer, with a gold solution of two steps each."""
    with path.open("w", encoding="utf-8") as file:
        for at in range(count):
            steps = [
                {"subquestion": f"How many are {at} and one?", "solution": f"{at} + 1 = {at + 1}."},
                {"subquestion": f"How many is {at}?", "solution": f"{at + 1} - 1 = {at}."},
            ]
            line = {"id": f"m{at}", "question": f"How many is {at} [= {at}]?", "answer": str(at), "steps": steps}
            file.write(json.dumps(line) + "\n")
    return path


def line_count(path: Path) -> int:
    """Count the lines of a file that may be large."""
    with path.open("rb") as file:
        return sum(1 for _ in file)


def middle(values: Sequence[float], digits: int) -> str:
    """Return a median."""
    return f"{statistics.median(values):.{digits}f}"


def quartiles(values: Sequence[float], digits: int) -> str:
    """Return the quartiles around a median."""
    if len(values) < 2:
        return "-"
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{low:.{digits}f} - {high:.{digits}f}"


def machine(names: Sequence[str] = ("litellm", "openai", "httpx", "aiohttp")) -> str:
    """Return the machine and the versions that matter, in one sentence."""
    cores = len(os.sched_getaffinity(0))
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    counted = "one core" if cores == 1 else f"{cores} cores"
    return f"{counted} of {_processor()}; Python {sys.version.split()[0]}, {packages}."


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return "an unknown processor"


def command_line() -> str:
    """Return how this benchmark was called, without the places of folders on one machine."""
    shown = ["DIR" if Path(word).is_absolute() else word for word in sys.argv[1:]]
    return " ".join(["python -m", f"tests.benchmarks.{Path(sys.argv[0]).stem}", *shown])


def write(name: str, lines: Iterable[str]) -> None:
    """Write the results and show them."""
    text = "\n".join([*lines, ""])
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"{name}.md").write_text(text, encoding="utf-8")
    print(text)


def note(text: str) -> None:
    """Say how far the benchmark is."""
    print(text, file=sys.stderr, flush=True)
