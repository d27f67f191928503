"""What goes wrong, and when: every choice is a function of the seed, the request and how often it was sent."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

# Told at once, and the model is not asked. The word after the number is how Retry-After is written.
REFUSED = ("429-seconds", "429-fraction", "429-date", "429-ms", "429-bare", "500", "503", "529", "502-html")
# The model was asked, and nobody gets to read what it said.
LOST = ("stall", "cut-before", "cut-within", "truncated")
# A whole message with status 200 that holds no reply.
EMPTY = ("html", "no-choices", "null-choices")
# A reply all the same, and it costs money.
PAID = ("slow", "duplicate", "duplicate-late", "length", "filtered")
FAULTS = (*REFUSED, *LOST, *EMPTY, *PAID)
# Those that know nothing of what is answered, so that files and batches can have them as well.
ON_THE_WIRE = tuple(fault for fault in FAULTS if fault not in ("no-choices", "null-choices", "length", "filtered"))


@dataclass(frozen=True)
class Options:
    """How a server behaves; seconds are floats.

    Attributes:
        faults: the probability of each of FAULTS; together at most 1.
        faulty_attempts: so many attempts of a body meet faults, later ones do not; None is no limit.
        retry_after: what a refusal with Retry-After asks for, rounded up where it is written in whole seconds.
        latency: time that a reply takes, to which up to `jitter` is added.
        slow: time before the first byte of a slow reply.
        capacity: requests in flight beyond which it answers 429, as a service with a limit does.
        outage: number of the first request that gets a 503, and of the first that does not any more.
        recorded: folder of the recorded replies (`data_dir`), said to their own questions.
        polls: how often a batch is looked at before it is completed.
        batch_faults: the probability of each of ON_THE_WIRE for a request about files or batches.
        batch_failed: share of the requests of a batch that fail.
        batch_done: share of the requests of a batch that are done when it ends; if not all are, it expires.
        attached: end when standard input does, so that no server outlives its test.
    """

    seed: int = 0
    faults: Mapping[str, float] = field(default_factory=dict)
    faulty_attempts: int | None = None
    retry_after: float = 1.0
    latency: float = 0.0
    jitter: float = 0.0
    slow: float = 2.0
    capacity: int | None = None
    outage: tuple[int, int] | None = None
    recorded: str | None = None
    polls: int = 1
    batch_faults: Mapping[str, float] = field(default_factory=dict)
    batch_failed: float = 0.0
    batch_done: float = 1.0
    port: int = 0
    attached: bool = False

    def __post_init__(self) -> None:
        for faults, known in ((self.faults, FAULTS), (self.batch_faults, ON_THE_WIRE)):
            if not faults.keys() <= set(known):
                raise ValueError(f"unknown faults {faults.keys() - set(known)}; there are {', '.join(known)}")
            if sum(faults.values()) > 1 + 1e-9:
                raise ValueError("the probabilities of the faults exceed 1")


def every(share: float, faults: Iterable[str] = FAULTS) -> dict[str, float]:
    """Return probabilities with which `share` of the requests meet one of the faults, all equally often."""
    names = tuple(faults)
    return {name: share / len(names) for name in names}


def chance(*of: object) -> float:
    """Return a number in [0, 1) that is the same for the same values, in every process."""
    return int.from_bytes(hashlib.blake2b(repr(of).encode(), digest_size=7).digest(), "big") / 2**56


def drawn(faults: Mapping[str, float], at: float) -> str | None:
    """Return the fault at a place in [0, 1), or None."""
    for name, probability in faults.items():
        if at < probability:
            return name
        at -= probability
    return None


def identity(request: dict[str, Any]) -> str:
    """Return the name of a request body, whatever the order in which its fields were sent."""
    return hashlib.blake2b(json.dumps(request, sort_keys=True).encode(), digest_size=8).hexdigest()
