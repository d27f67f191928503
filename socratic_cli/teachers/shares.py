"""Probabilities of a reply's options, out of the log-probabilities that some services tell of its first tokens."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

ASKED = {"logprobs": True, "top_logprobs": 5}
"""What a request must say; five is what most services tell at most."""


def shares(choice: Any, options: Sequence[str]) -> tuple[float, ...]:
    """Return the probability of each option among all, or nothing where the response does not tell.

    A service's tokens are not known here, so an option is taken to be told by the tokens that spell it, in any case
    and with or without a blank: ` yes`, `Yes`. Thinking, or a word before, leaves nothing to be read.
    """
    tokens = getattr(getattr(choice, "logprobs", None), "content", None) or []
    likeliest = (getattr(tokens[0], "top_logprobs", None) or []) if tokens else []
    told = [sum(math.exp(one.logprob) for one in likeliest if _same(one.token, option)) for option in options]
    return tuple(share / sum(told) for share in told) if any(told) else ()


def _same(token: str, option: str) -> bool:
    return token.strip().casefold() == option.strip().casefold()
