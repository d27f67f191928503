"""The order in which sequences are learnt, and how a step's sequences share forward passes."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from socratic_cli.settings import Training
from socratic_cli.students.tokens import Sequence


@dataclass(frozen=True, slots=True)
class Room:
    """What a forward pass may hold.

    Attributes:
        tokens: so many at the most, padding counted; or one sequence.
        padding: so many positions a sequence more may cost: beyond it, one more pass is cheaper.
    """

    tokens: int
    padding: float = math.inf


_ON_CPU, _ELSEWHERE = Room(1024, padding=64), Room(4096, padding=1024)
"""On a CPU passes are small, since memory touched for the first time is slow; and one more costs little there."""


def steps(sequences: int, training: Training) -> int:
    """Return the optimiser steps of a training run."""
    if training.max_steps is not None:
        return training.max_steps
    return max(1, round(training.full_epochs * math.ceil(sequences / training.batch_size)))


def batches(sequences: list[Sequence], training: Training) -> Iterator[list[Sequence]]:
    """Yield the sequences of one step after another without end; the order depends on the seed alone.

    A batch is drawn at random. Batches of like lengths would need less padding, but then the first and the last steps
    of a short run, whose learning rates differ, are of the shortest and the longest problems; and within a batch
    `passes` finds like lengths anyway.
    """
    rng = random.Random(training.seed)  # noqa: S311 - an order of data is no secret
    while True:
        order = rng.sample(sequences, len(sequences))
        yield from (order[at : at + training.batch_size] for at in range(0, len(order), training.batch_size))


def room(training: Training, device: str) -> Room:
    """Return what shares a forward pass on a kind of device."""
    own = _ON_CPU if device == "cpu" else _ELSEWHERE
    return replace(own, tokens=training.tokens_per_batch) if training.tokens_per_batch else own


def passes(batch: list[Sequence], room: Room) -> Iterator[list[Sequence]]:
    """Split a batch into forward passes of like lengths."""
    part: list[Sequence] = []
    for sequence in sorted(batch, key=len):  # ascending: the newcomer sets the width
        padding = len(part) * (len(sequence) - len(part[-1])) if part else 0
        if part and (len(sequence) * (len(part) + 1) > room.tokens or padding > room.padding):
            yield part
            part = []
        part.append(sequence)
    if part:
        yield part
