"""What a server counts, and how its test reads it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class Stats:
    """Counters of one server.

    Attributes:
        requests: requests for a completion.
        paid: whole, good replies that went out in full; those of batches too. Each of them costs money.
        paid_bodies: different request bodies that were paid.
        paid_twice: bodies that were paid more than once.
        prompt_tokens: tokens of what was paid.
        completion_tokens: tokens of what was paid.
        lost: replies that were made, and then broken on the way by a fault.
        gone: replies nobody was there to take: the client had hung up.
        too_soon: attempts made while Retry-After asked to wait, of the same body.
        in_flight_max: most requests that were worked on at once.
        faults: how often each fault was met; `capacity` and `outage` are among them.
        batch_faults: the same for requests about files and batches.
        batches: batches that were created.
        batch_lines: requests in them.
    """

    requests: int = 0
    paid: int = 0
    paid_bodies: int = 0
    paid_twice: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    lost: int = 0
    gone: int = 0
    too_soon: int = 0
    in_flight_max: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    batch_faults: Counter[str] = field(default_factory=Counter)
    batches: int = 0
    batch_lines: int = 0
