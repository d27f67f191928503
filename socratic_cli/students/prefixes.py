"""A prefix cache: which tokens each slot holds, and which slot a reply gets.

A slot keeps what it holds when its reply has ended. The next turn of the same dialogue repeats the text and goes on,
so it costs its new tokens only; and exemplars that all prompts begin with are read once.
"""

from __future__ import annotations

from collections.abc import Container

_WORTH = 16
"""Tokens in common from which on they are taken over from another slot and not read again."""
_NONE = -1


class PrefixCache:
    """The tokens of every slot, the slot unused for longest first."""

    def __init__(self, slots: int) -> None:
        """Begin with so many empty slots."""
        self._free = list(range(slots - 1, _NONE, -1))
        self._held: dict[int, list[int]] = {}

    def note(self, slot: int, ids: list[int]) -> None:
        """A slot now holds these tokens."""
        self._held[slot] = list(ids)

    def tokens(self, slot: int) -> int:
        """Return how many tokens a slot holds."""
        return len(self._held[slot])

    def nearest(self, ids: list[int], busy: Container[int]) -> tuple[int, int]:
        """Return the slot that holds most of a prompt, if that is worth it, and how many tokens.

        One token is left to be read, whose logits are wanted in any case. `busy` slots can be copied, not taken.
        """
        best, most = _NONE, 0
        for slot, held in self._held.items():
            common = _common(held, ids)
            if common > most:
                best, most = slot, common
        most = min(most, len(ids) - 1)
        return (best, most) if self._is_own(best, most, busy) or most >= _WORTH else (_NONE, 0)

    def take(self, source: int, common: int, busy: Container[int]) -> int:
        """Return the slot for a reply: the one that holds its dialogue, a new one, or the one unused for longest."""
        if self._is_own(source, common, busy):
            slot = source
        elif self._free:
            return self._free.pop()
        else:
            slot = next(slot for slot in self._held if slot not in busy and slot != source)
        self._held.pop(slot)  # it is put in again at the end: the order is that of use
        return slot

    def _is_own(self, slot: int, common: int, busy: Container[int]) -> bool:
        """Say whether a slot holds little else than what it has in common with a prompt, and nobody writes to it."""
        return slot != _NONE and slot not in busy and len(self._held[slot]) - common < _WORTH


def _common(held: list[int], ids: list[int]) -> int:
    """Return how many tokens two sequences have in common from the beginning."""
    shorter = min(len(held), len(ids))
    if held[:shorter] == ids[:shorter]:
        return shorter
    return next(at for at in range(shorter) if held[at] != ids[at])
