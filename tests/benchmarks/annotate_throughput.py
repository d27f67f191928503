"""Calls a second of `socratic annotate`, beside bare loops and other tools, against one local server.

.venv/bin/python -m tests.benchmarks.annotate_throughput --peers DIR

The server (`tests.faulty`) replies after 50 ms, to 64 requests at a time, all to the same prompts. All take turns,
so that a slow moment of the machine slows all alike. A run of one call is taken off a run of all of them: what is
left is calls. Where start-ups vary more than the calls take, that tells little; so beside it stands what the server
saw, from the first reply to the last.

The other tools are installed below DIR where they are not there yet; without it they are left out.
Writes results/annotate_throughput.md.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.benchmarks import measured
from tests.benchmarks.contenders import CONCURRENCY, PEERS, Contender, Place, bare, socratic, told
from tests.benchmarks.measured import Cost, middle, quartiles
from tests.faulty import Server, faulty

LATENCY = 0.05
_LOOK = 0.05


@dataclass
class Measured:
    """What one contender took: a run of one call and a run of all of them a round, and how many were sent."""

    ones: list[Cost] = field(default_factory=list)
    alls: list[Cost] = field(default_factory=list)
    sent: list[int] = field(default_factory=list)
    seen: list[float] = field(default_factory=list)

    def rates(self, calls: int) -> list[float]:
        """Return calls a second; the median start-up is taken off, since a slow one by chance would look like speed."""
        start = statistics.median(one.seconds for one in self.ones)
        return [(calls - 1) / max(run.seconds - start, 1e-3) for run in self.alls]

    def cpu(self, calls: int) -> list[float]:
        """Return the milliseconds of processor for one call."""
        start = statistics.median(one.cpu for one in self.ones)
        return [max(run.cpu - start, 0.0) / (calls - 1) * 1000 for run in self.alls]


class Seen:
    """Looks at the server while a contender is running: when the replies began, and when they were all there."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._looks: list[tuple[float, int]] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def _look(self) -> None:
        while not self._ended.wait(_LOOK):
            self._looks.append((time.perf_counter(), self._server.stats().paid))

    def __enter__(self) -> Seen:
        self._looks.append((time.perf_counter(), self._server.stats().paid))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._looks.append((time.perf_counter(), self._server.stats().paid))

    @property
    def sent(self) -> int:
        """How many were replied to."""
        return self._looks[-1][1] - self._looks[0][1]

    @property
    def rate(self) -> float:
        """Replies a second, between the look before the first of them and the look at the last."""
        begin = max(at for at, paid in self._looks if paid == self._looks[0][1])
        end = min(at for at, paid in self._looks if paid == self._looks[-1][1])
        return self.sent / max(end - begin, _LOOK)


def round_of(contender: Contender, place: Place, server: Server, calls: int, limit: float, into: Measured) -> None:
    """Measure one contender once."""
    one = contender.measured(place, 1, limit)
    with Seen(server) as seen:
        everything = contender.measured(place, calls, limit) if one else None
    if one and everything:
        into.ones.append(one)
        into.alls.append(everything)
        into.sent.append(seen.sent)
        into.seen.append(seen.rate)
        measured.note(f"{contender.name}: {one.seconds:.1f} s for one call, {everything.seconds:.1f} s for {calls}")


def rows(contenders: list[Contender], found: list[Measured], calls: int) -> Iterator[str]:
    """Yield the table."""
    heads = ("calls/s", "quartiles", "of bare litellm", "seen by the server", "CPU ms a call", "start-up s")
    yield f"| | {' | '.join([*heads, 'peak MB', 'all MB'])} |"
    yield "|---|--:|---|--:|--:|--:|--:|--:|--:|"
    base = statistics.median(found[0].rates(calls)) if found[0].alls else 0.0
    for contender, its in zip(contenders, found, strict=True):
        if contender.why_not or not its.alls:
            yield f"| {contender.name} | not measured | | | | | | | |"
            continue
        rates, starts = its.rates(calls), [one.seconds - LATENCY for one in its.ones]
        share = f"{statistics.median(rates) / base:.2f}" if base else "-"
        more = f" ({statistics.median(its.sent):.0f} sent)" if set(its.sent) != {calls} else ""
        yield (
            f"| {contender.name}{more} | {middle(rates, 0)} | {quartiles(rates, 0)} | {share} |"
            f" {middle(its.seen, 0)} | {middle(its.cpu(calls), 2)} | {middle(starts, 2)} |"
            f" {middle([run.peak for run in its.alls], 0)} | {middle([run.together for run in its.alls], 0)} |"
        )


def report(contenders: list[Contender], found: list[Measured], calls: int, rounds: int) -> Iterator[str]:
    """Yield the whole text."""
    yield (
        f"{calls} calls, {CONCURRENCY} at a time, to a local server that replies after {LATENCY * 1000:.0f} ms; medians"
        f" of {rounds} rounds in turns. At most {CONCURRENCY / LATENCY:.0f} calls/s are possible; the server shares the"
        " cores."
    )
    yield ""
    yield measured.machine()
    yield f"Made by `{measured.command_line()}`."
    yield ""
    yield from rows(contenders, found, calls)
    yield ""
    yield (
        "Calls/s and CPU leave start-up out (the median run of one call is taken off). CPU is that of all processes of"
        " the tool, without the server. Peak is that of its largest process; `all` is of all its processes, what"
        " they share counted once. Seen by the server are replies a second from the first to the last: where that and"
        " calls/s differ much, start-ups varied too much for so few calls. Only"
        " `socratic annotate` puts each reply on the disk (fsync) before it is read."
    )
    yield ""
    yield from told(contenders)


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=Path, help="folder of the other tools' environments")
    parser.add_argument("--limit", type=float, default=600, help="seconds for one run")
    parser.add_argument("--install-limit", type=float, default=900, help="seconds to install one tool")
    given = parser.parse_args()
    if given.calls < 2:
        parser.error("--calls: at least 2, since a run of one call is taken off")
    contenders = [*bare(), socratic(), socratic(workers=2)]
    contenders += [peer.contender(given.peers, given.install_limit) for peer in PEERS]
    found = [Measured() for _ in contenders]
    with tempfile.TemporaryDirectory() as folder, faulty(latency=LATENCY) as server:
        place = Place(Path(folder), server.url)
        for _ in range(given.rounds):
            for contender, its in zip(contenders, found, strict=True):
                round_of(contender, place, server, given.calls, given.limit, its)
    measured.write("annotate_throughput", report(contenders, found, given.calls, given.rounds))


if __name__ == "__main__":
    main()
