"""torch's random generators, which decide what dropout drops: each process has its own.

New weights are the same in all processes. Then each goes on with numbers of its own, or all would drop the same. What
is dropped therefore depends on how many processes there are; without dropout nothing does.
"""

from __future__ import annotations

import random

import torch
from torch import Tensor

from socratic_cli import processes

_OTHERS = "process.{}."


def part_ways(seed: int, step: int = 0) -> None:
    """Seed the generators of every process but the first; that one goes on as if it were alone."""
    if not processes.first():
        torch.manual_seed(random.Random(f"{seed} {processes.number()} {step}").getrandbits(63))  # noqa: S311


def random_states() -> dict[str, Tensor]:
    """Return the states of all processes' generators; the first one's have plain names."""
    return {
        f"{_OTHERS.format(number) if number else ''}{name}": state
        for number, states in enumerate(processes.gathered(_own()))
        for name, state in states.items()
    }


def set_random_states(tensors: dict[str, Tensor], seed: int, step: int) -> None:
    """Bring the generators of this process into their kept states, or into new ones where none are kept for it."""
    prefix = "" if processes.first() else _OTHERS.format(processes.number())
    if f"{prefix}random.cpu" not in tensors:
        part_ways(seed, step)
        return
    torch.set_rng_state(tensors[f"{prefix}random.cpu"])
    if torch.cuda.is_available() and f"{prefix}random.cuda" in tensors:
        torch.cuda.set_rng_state(tensors[f"{prefix}random.cuda"])


def _own() -> dict[str, Tensor]:
    states = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_available():  # each process computes on one GPU
        states["random.cuda"] = torch.cuda.get_rng_state()
    return states
