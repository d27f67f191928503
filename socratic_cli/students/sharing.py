"""How several processes share the work of a step, so that it comes to what one process would make of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from socratic_cli import processes
from socratic_cli.errors import Interrupted
from socratic_cli.parts import Progress
from socratic_cli.students.batches import Room, passes
from socratic_cli.students.tokens import Sequence


@dataclass(frozen=True, slots=True)
class Pass:
    """Sequences that go through the model together; one that does not count only keeps step with the others."""

    sequences: list[Sequence]
    counts: bool = True

    @property
    def padded(self) -> int:
        """Return how many positions are padding."""
        return self.counts * (len(self.sequences) * max(map(len, self.sequences)) - sum(map(len, self.sequences)))


def shares(batch: list[Sequence], count: int) -> list[list[Sequence]]:
    """Split a step's sequences among processes, so that each has about as many tokens: the longest are dealt first."""
    dealt: list[list[Sequence]] = [[] for _ in range(count)]
    loads = [0] * count
    for sequence in sorted(batch, key=len, reverse=True):
        least = loads.index(min(loads))
        dealt[least].append(sequence)
        loads[least] += len(sequence)
    return dealt


def own_passes(batch: list[Sequence], room: Room) -> Iterator[Pass]:
    """Yield the forward passes of this process.

    With sharded weights each pass fetches them from the other processes, so all must make as many: whoever has less to
    do repeats the shortest sequence and lets it count for nothing.
    """
    plans = [list(passes(share, room)) for share in shares(batch, processes.count())]
    own = plans[processes.number()]
    yield from (Pass(part) for part in own)
    if processes.sharded():
        idle = max(map(len, plans)) - len(own)
        yield from (Pass([min(batch, key=len)], counts=False) for _ in range(idle))


def interrupted(report: Callable[[Progress], None], progress: Progress) -> Interrupted | None:
    """Report where the run stands; return the wish to end it, whichever process a signal reached."""
    wish: Interrupted | None = None
    try:
        report(progress)
    except Interrupted as caught:
        wish = caught
    code = processes.highest(wish.exit_code if wish else 0)
    if code and wish is None:
        wish = Interrupted("stopped after a checkpoint: the same command goes on", code - 128)
    return wish
