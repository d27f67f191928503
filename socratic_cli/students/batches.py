"""The order in which sequences are learnt, and how a step's sequences share forward passes."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from socratic_cli.settings import Training
from socratic_cli.students.tokens import Sequence

POOL = 8
"""Batches among which sequences are sorted by length: enough to save padding, few enough to stay random."""


def steps(sequences: int, training: Training) -> int:
    """Return the optimiser steps of a training run."""
    if training.max_steps is not None:
        return training.max_steps
    return max(1, round(training.passes * math.ceil(sequences / training.batch_size)))


def batches(sequences: list[Sequence], training: Training) -> Iterator[list[Sequence]]:
    """Yield the sequences of one step after another without end; the order depends on the seed alone."""
    rng = random.Random(training.seed)  # noqa: S311 - an order of data is no secret
    while True:
        yield from _epoch(sequences, training.batch_size, rng)


def _epoch(sequences: list[Sequence], size: int, rng: random.Random) -> list[list[Sequence]]:
    """Shuffle; sort by length within pools, so that a batch is of like lengths; shuffle the batches."""
    order = rng.sample(sequences, len(sequences))
    pools = (order[at : at + size * POOL] for at in range(0, len(order), size * POOL))
    sorted_ = (sorted(pool, key=len) for pool in pools)
    found = [pool[at : at + size] for pool in sorted_ for at in range(0, len(pool), size)]
    rng.shuffle(found)
    return found


def tokens_a_pass(training: Training, device: str) -> int:
    """Return how many tokens share a forward pass: on a CPU few, since memory touched for the first time is slow."""
    return training.tokens_per_batch or (1024 if device == "cpu" else 4096)


def passes(batch: list[Sequence], tokens: int) -> Iterator[list[Sequence]]:
    """Split a batch into forward passes of at most `tokens` tokens with padding, or one sequence."""
    part: list[Sequence] = []
    for sequence in sorted(batch, key=len):  # ascending: the newcomer sets the width
        if part and len(sequence) * (len(part) + 1) > tokens:
            yield part
            part = []
        part.append(sequence)
    if part:
        yield part
