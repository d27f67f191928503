"""The next token of every reply: the likeliest, or one that the reply's own dice choose."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import torch
from torch import Tensor

from socratic_cli.settings import Decoding


def draw(logits: Tensor, dice: Sequence[Random], decoding: Decoding) -> list[int]:
    """Return a token for each row of logits (rows, vocabulary).

    Each row has dice of its own, so a reply does not depend on who is written beside it.
    """
    if not decoding.temperature:
        return logits.argmax(dim=-1).tolist()
    shares = (logits.float() / decoding.temperature).softmax(dim=-1).double()
    ranked, order = shares.sort(dim=-1, descending=True, stable=True)
    before = ranked.cumsum(dim=-1) - ranked
    # the nucleus: the fewest tokens that together have the share asked for, and one at least
    mass = torch.where(before < decoding.top_p, ranked, 0.0).cumsum(dim=-1)
    thrown = torch.tensor([[one.random()] for one in dice], device=logits.device, dtype=mass.dtype)
    places = torch.searchsorted(mass, thrown * mass[:, -1:], right=True).clamp(max=logits.shape[-1] - 1)
    return order.gather(1, places)[:, 0].tolist()
