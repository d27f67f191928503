"""SIGKILL at random moments of `socratic annotate`: what is lost, doubled, torn, or paid for in vain.

.venv/bin/python -m tests.benchmarks.annotate_kills

The design: an output is killed, gone on with by the same command, and that run is killed as well, until one comes to
its end before its moment. Then the output is compared with that of an undisturbed run, and the next output begins,
until there were `--kills` kills. So kills meet runs that begin, runs that go on, and runs that repair what the kill
before left. Moments are drawn on `--seed`: most by how many requests the run has sent, up to half of those that an
undisturbed run sends, and up to two replies' time after that; some over its start-up.

The server (`tests.faulty`) spoils a fifth of the requests. Of its faults are left out `length` and `filtered`, which
change what is said by attempt, so that outputs could not be compared; and `duplicate-late`, which spoils a reply that
was paid for, killed or not.

Writes results/annotate_kills.md; exit code 1 if anything was lost, doubled, torn, or bought in vain beyond what was
in flight.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks import measured
from tests.benchmarks.peers.task import MODEL
from tests.faulty import FAULTS, Server, every, faulty

CONCURRENCY = 16
LATENCY = 0.05
SLOW = 0.3
SPOILT = 0.2
# Most of a run is its requests; what is before them is importing, and for a moment opening and repairing files.
EARLY = 0.15
_FAULTS = every(SPOILT, [name for name in FAULTS if name not in ("length", "filtered", "duplicate-late")])
# What the server still has in its hands at a kill must be told apart from what it delivers later.
_SETTLED = LATENCY + SLOW + 0.1
_LONGEST = 120.0
_BLINK = 0.005


@dataclass
class Output:
    """An output and what belongs to it."""

    folder: Path
    server: Server
    source: Path

    @property
    def files(self) -> tuple[Path, Path, Path]:
        """The kept ones, the rejected ones, and the replies."""
        return self.folder / "a.jsonl", self.folder / "a.rejected.jsonl", self.folder / "a.replies.jsonl"

    def start(self) -> subprocess.Popen[bytes]:
        """Begin a run, or go on with the one before: it is the same command."""
        teacher = ["--teacher", f"litellm:openai/{MODEL} timeout=2", "--api-base", self.server.url]
        retries = ["--backoff", "0.05", "--attempts", "12", "--concurrency", str(CONCURRENCY)]
        more = ["--scheme", "cot shots=0", *retries, "-o", str(self.files[0])]
        with (self.folder / "stderr").open("wb") as stderr:
            return subprocess.Popen(
                [sys.executable, "-m", "socratic_cli", "annotate", str(self.source), *teacher, *more],
                cwd=measured.ROOT,
                env={**os.environ, **measured.QUIET},
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )

    @property
    def told(self) -> str:
        """The last thing that the last run said."""
        return measured.last_line((self.folder / "stderr").read_text(errors="replace"))

    def stored(self) -> int:
        """Count the replies that are on the disk whole."""
        path = self.files[2]
        return path.read_bytes().count(b"\n") if path.exists() else 0

    def torn(self) -> int:
        """Count the files whose last line is not whole."""
        texts = (path.read_bytes() for path in self.files if path.exists())
        return sum(bool(text) and not text.endswith(b"\n") for text in texts)


@dataclass
class Counted:
    """What all outputs together came to; the wasted calls are one number a kill."""

    kills: int = 0
    early: int = 0
    resumed: int = 0
    outputs: int = 0
    equal: int = 0
    doubled: int = 0
    torn: int = 0
    left_torn: int = 0
    wasted: list[int] = field(default_factory=list)
    beyond: int = 0
    unasked: int = 0
    faults: list[str] = field(default_factory=list)

    @property
    def sound(self) -> bool:
        """Whether every promise was kept."""
        return not (self.faults or self.doubled or self.torn or self.beyond) and self.equal == self.outputs


def problems(path: Path, count: int) -> Path:
    """Write problems: most are answered well, some against their gold answer, some with no answer at all."""
    with path.open("w", encoding="utf-8") as file:
        for at in range(count):
            mark = "" if at % 10 == 3 else f" [= {at}]"
            gold = at + (at % 10 == 7)
            file.write(json.dumps({"id": f"m{at}", "question": f"How many is {at}{mark}?", "answer": str(gold)}) + "\n")
    return path


def asks(process: subprocess.Popen[bytes], server: Server, times: int) -> None:
    """Wait until a run has sent so many requests, or ends."""
    before = server.stats().requests
    until = time.monotonic() + _LONGEST
    while process.poll() is None and server.stats().requests < before + times and time.monotonic() < until:
        time.sleep(_BLINK)


def ended(process: subprocess.Popen[bytes]) -> int:
    """Wait for the end of a run; one that never ends is killed, so that it counts as failed."""
    try:
        return process.wait(_LONGEST)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


@dataclass(frozen=True)
class Undisturbed:
    """A run that nobody killed: what it left, how long it took, and how often it asked."""

    lines: tuple[frozenset[str], ...]
    start: float
    asking: float
    requests: int


def undisturbed(output: Output) -> Undisturbed:
    """Run once to the end."""
    began = time.monotonic()
    process = output.start()
    asks(process, output.server, 1)
    asked = time.monotonic()
    if ended(process):
        sys.exit(f"the undisturbed run failed: {output.told}")
    lines = tuple(map(_lines, output.files))
    return Undisturbed(lines, asked - began, time.monotonic() - asked, output.server.stats().requests)


def _lines(path: Path) -> frozenset[str]:
    return frozenset(path.read_text(encoding="utf-8").splitlines())


def killed(output: Output, whole: Undisturbed, draw: random.Random, counted: Counted) -> bool:
    """Run until a moment drawn by lot, and kill; says whether the run was still going on."""
    early = draw.random() < EARLY
    process = output.start()
    if not early:
        asks(process, output.server, draw.randint(1, whole.requests // 2))
    with suppress(subprocess.TimeoutExpired):
        process.wait(draw.uniform(0, whole.start if early else 2 * LATENCY))
    process.kill()
    code = process.wait()
    if code == 0:
        return False
    if code != -9:
        counted.faults.append(output.told)
        return False
    counted.kills += 1
    counted.early += early
    return True


def life(output: Output, whole: Undisturbed, draw: random.Random, counted: Counted, most: int) -> None:
    """Kill one output until it comes to its end, or there were enough kills; then compare."""
    vain = kills = 0
    while counted.kills < most and killed(output, whole, draw, counted):
        kills += 1
        time.sleep(_SETTLED)
        now = output.server.stats().paid - output.stored()
        counted.wasted.append(now - vain)
        counted.beyond += now - vain > CONCURRENCY
        vain = now
        counted.left_torn += output.torn()
    if ended(output.start()):
        counted.faults.append(output.told)
    counted.resumed += kills
    compared(output, whole, counted, vain)


def compared(output: Output, whole: Undisturbed, counted: Counted, vain: int) -> None:
    """Compare an output that is done with the undisturbed one."""
    counted.outputs += 1
    counted.equal += tuple(map(_lines, output.files)) == whole.lines
    counted.torn += output.torn() + sum(_unreadable(path) for path in output.files)
    kept, rejected, replies = (list(_ids(path)) for path in output.files)
    counted.doubled += _doubled([*kept, *rejected]) + _doubled(replies)
    counted.unasked += output.server.stats().paid - len(whole.lines[2]) - vain


def _unreadable(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines()) - len(list(_ids(path)))


def _ids(path: Path) -> Iterator[str]:
    for line in path.read_text(encoding="utf-8").splitlines():
        with suppress(ValueError):
            value = json.loads(line)
            yield value["problem"] if "key" in value else value["problem"]["id"]


def _doubled(ids: list[str]) -> int:
    return sum(times - 1 for times in Counter(ids).values())


def report(counted: Counted, count: int, seed: int, whole: Undisturbed) -> Iterator[str]:
    """Yield the text."""
    kept, rejected, _ = map(len, whole.lines)
    yield (
        f"`socratic annotate` on {count} problems ({kept} kept, {rejected} rejected) of a server that spoils"
        f" {SPOILT:.0%} of the requests, {CONCURRENCY} in flight at the most, killed (SIGKILL) at random moments, seed"
        f" {seed}. A killed run was gone on with by the same command, and that killed as well, until one came to its"
        " end; then its files were compared, as sets of lines, with those of a run that nobody killed"
        f" ({whole.start:.1f} s to its first request, {whole.asking:.1f} s from there)."
    )
    yield ""
    yield measured.machine()
    yield f"Made by `{measured.command_line()}`."
    yield ""
    yield "| | |"
    yield "|---|--:|"
    yield f"| kills | {counted.kills} |"
    yield f"| of these drawn over the start-up | {counted.early} |"
    yield f"| kills that were gone on with to the end | {counted.resumed} |"
    yield f"| outputs | {counted.outputs} |"
    yield f"| equal to the undisturbed one (kept, rejected, replies) | {counted.equal} |"
    yield f"| doubled ids | {counted.doubled} |"
    yield f"| torn lines at the end | {counted.torn} |"
    yield f"| torn lines right after a kill, taken off by the next run | {counted.left_torn} |"
    yield f"| wasted calls, of {counted.outputs * count} that were due | {sum(counted.wasted)} |"
    yield f"| wasted calls of one kill, at the most | {max(counted.wasted, default=0)} |"
    yield f"| bound: in flight at the most | {CONCURRENCY} |"
    yield f"| calls paid twice without a kill | {counted.unasked} |"
    yield f"| runs that failed | {len(counted.faults)} |"
    yield ""
    yield "A wasted call was delivered whole by the server, and the kill came before its reply was on the disk."
    yield from (f"- {fault}" for fault in counted.faults)
    yield "" if counted.sound else "**Not every promise was kept.**"


def main() -> None:
    """Kill, compare and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--problems", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    counted, draw = Counted(), random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        source = problems(Path(folder) / "problems.jsonl", given.problems)
        port, whole = 0, None
        while whole is None or counted.kills < given.kills:
            home = Path(tempfile.mkdtemp(dir=folder))
            seed = given.seed + counted.outputs + (whole is not None)
            # One address for all: the author of an output names it.
            with faulty(seed=seed, port=port, faults=_FAULTS, latency=LATENCY, slow=SLOW, retry_after=0.1) as server:
                port = server.port
                output = Output(home, server, source)
                if whole is None:
                    whole = undisturbed(output)
                else:
                    life(output, whole, draw, counted, given.kills)
            measured.note(f"{counted.kills} kills, {counted.outputs} outputs, {counted.equal} equal")
    measured.write("annotate_kills", report(counted, given.problems, given.seed, whole))
    sys.exit(0 if counted.sound else 1)


if __name__ == "__main__":
    main()
