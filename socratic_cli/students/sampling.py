"""The next token of every reply: the likeliest, or one that the reply's own dice choose."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

import torch
from torch import Tensor

from socratic_cli.settings import Decoding

_RANKED = 256


def draw(logits: Tensor, dice: Sequence[Random], decoding: Decoding) -> list[int]:
    """Return a token for each row of logits (rows, vocabulary).

    Each row has dice of its own, so a reply does not depend on who is written beside it.
    """
    if not decoding.temperature:
        return logits.argmax(dim=-1).tolist()
    shares = (logits.float() / decoding.temperature).softmax(dim=-1).double()
    if decoding.top_p < 1:
        shares = _nucleus(shares, decoding.top_p)
    mass = shares.cumsum(dim=-1)
    thrown = torch.tensor([[one.random()] for one in dice], device=logits.device, dtype=mass.dtype)
    places = torch.searchsorted(mass, thrown * mass[:, -1:], right=True).clamp(max=logits.shape[-1] - 1)
    return places[:, 0].tolist()


def _nucleus(shares: Tensor, top_p: float) -> Tensor:
    """Return the shares with nothing for all but the fewest tokens that together have top_p (Holtzman et al., 2020).

    Tokens as likely as the last of them stay too. The whole vocabulary is sorted only where the first few hundred
    tokens do not reach top_p: it takes longer than the model's own step.
    """
    ranked = shares.topk(min(_RANKED, shares.shape[-1]), dim=-1).values
    if (ranked.sum(dim=-1) < top_p).any():
        ranked = shares.sort(dim=-1, descending=True).values
    before = ranked.cumsum(dim=-1) - ranked
    last = (before < top_p).sum(dim=-1, keepdim=True) - 1
    return torch.where(shares >= ranked.gather(1, last), shares, 0.0)
