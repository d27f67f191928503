"""The check for doubled ids, in about a hundred bytes a problem."""

from __future__ import annotations

import hashlib


class Ids:
    """Remembers the ids of a stream and the number (of the line, of the problem) under which each came."""

    def __init__(self) -> None:
        """Begin with no ids."""
        self._numbers: dict[int, int] = {}

    def add(self, identity: str, number: int) -> int | None:
        """Note an id; return the number under which it came before, or None if it is new."""
        key = int.from_bytes(hashlib.blake2b(identity.encode(), digest_size=8).digest(), "big")
        earlier = self._numbers.setdefault(key, number)
        return None if earlier == number else earlier
