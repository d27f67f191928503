"""What a turn asks of whoever writes its reply."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from socratic_cli.dialogue import Turn
from socratic_cli.prompts import PARAGRAPH, completion
from socratic_cli.settings import Decoding


@dataclass(frozen=True, slots=True)
class Request:
    """A prompt to continue, up to the first of its marks; a mark in `dropped` is no part of the reply.

    With `options`, the reply is one of them. The role decides how long it may be; `hear` is told what
    is written so far.
    """

    prompt: str
    marks: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()
    seed: int = 0
    options: tuple[str, ...] = ()
    role: str = ""
    hear: Callable[[str], None] | None = None


def requested(turn: Turn, decoding: Decoding) -> Request:
    """Return the request of a turn; its seed depends on the prompt and the chain, and not on who asks beside it."""
    prompt, dropped = completion(turn), (PARAGRAPH,) if turn.instruction or turn.shots else ()
    seed = f"{decoding.seed}/{turn.sample}/{prompt}" if decoding.temperature else ""
    digest = hashlib.sha256(seed.encode()).digest()
    return Request(
        prompt,
        (*turn.stop, *dropped),
        dropped,
        int.from_bytes(digest[:8], "big"),
        turn.options,
        turn.role,
        turn.hear,
    )
