"""Replies of one role, written side by side: each joins as soon as there is a slot, and leaves as soon as it ends."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from threading import Event

import torch

from socratic_cli.dialogue import Reply
from socratic_cli.settings import Decoding
from socratic_cli.students.generation import Voice
from socratic_cli.students.memory import is_exhausted
from socratic_cli.students.multiple_choice import MultipleChoice
from socratic_cli.students.prefixes import PrefixCache
from socratic_cli.students.probing import fits
from socratic_cli.students.sampling import draw
from socratic_cli.students.slots import Piece, Slots
from socratic_cli.students.whole import batch, finish
from socratic_cli.students.writing import Writing

log = logging.getLogger(__name__)
_TOKENS = 4096
"""Most tokens that are read in one forward pass, so that its memory has a bound."""


class Scheduler:
    """The replies that a voice is writing, and the ones that wait."""

    def __init__(self, voice: Voice, decoding: Decoding, halt: Event) -> None:
        """Write with a voice, `decoding.batch_size` replies at once."""
        self.waiting: deque[Writing] = deque()
        self._voice, self._decoding, self._halt = voice, decoding, halt
        self._open: dict[int, Writing] = {}
        self._ended: list[Writing] = []
        self._supported: bool | None = None
        self._told = False
        self._begin(decoding.batch_size)

    def _begin(self, width: int) -> None:
        """Begin with empty slots, for so many replies at once."""
        self._width = width
        # Twice as many slots as replies: dialogues that wait for the other role keep theirs.
        self._prefixes = PrefixCache(2 * width)
        self._slots = Slots(self._voice.model)

    @property
    def work(self) -> int:
        """How many replies are not finished."""
        return len(self.waiting) + len(self._open)

    def add(self, writing: Writing) -> None:
        """Let a reply wait for a slot."""
        self.waiting.append(writing)

    def activate(self) -> None:
        """Make the model speak for this role; it may be another role's too."""
        self._voice.activate()

    def drop(self, gone: Iterable[Writing]) -> None:
        """Forget replies that nobody waits for any more."""
        known = set(map(id, gone))
        self.waiting = deque(writing for writing in self.waiting if id(writing) not in known)
        for slot in [slot for slot, writing in self._open.items() if id(writing) in known]:
            del self._open[slot]

    def step(self) -> list[Writing]:
        """Read what is new, write one token of every reply, and return the ones that ended.

        What takes more memory than there is is tried again by halves; what does not fit alone ends without a reply.
        """
        try:
            self._write()
        except Exception as fault:
            if not is_exhausted(fault):
                raise
            self._halve()
        ended, self._ended = self._ended, []
        return ended

    def _halve(self) -> None:
        """Give all slots back, and go on with half as many replies; a single one gives up, and others may follow."""
        begun = list(self._open.values()) or [self.waiting.popleft()]
        self._open.clear()
        if len(begun) == 1:
            begun[0].end(Reply("", "memory"))
            self._ended += begun
            width = self._decoding.batch_size
        else:
            self.waiting.extendleft(reversed(begun))
            width = len(begun) // 2
        if not self._told:
            self._told = True
            log.warning("out of memory with %d replies at once: going on with fewer (batch_size)", len(begun))
        self._begin(width)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _write(self) -> None:
        if self._supported is None:
            self._supported = fits(self._voice.model)
        if not self._supported:
            self._ended += self._whole() if self.waiting else []
            return
        self._admit()
        if not self._open:
            return
        rows = list(self._open.items())
        pieces = [self._piece(slot, writing) for slot, writing in rows]
        logits = self._slots.forward(pieces)
        tokens = draw(logits, [writing.dice for _, writing in rows], self._decoding)
        for at, ((slot, writing), token) in enumerate(zip(rows, tokens, strict=True)):
            self._prefixes.note(slot, writing.ids)
            if isinstance(writing, MultipleChoice):
                writing.weigh(logits[at])
            else:
                writing.accept(token)
            if writing.finish_reason is not None:
                del self._open[slot]
                self._ended.append(writing)

    def _piece(self, slot: int, writing: Writing) -> Piece:
        start = self._prefixes.tokens(slot)
        return Piece(slot, start, tuple(writing.ids[start:]))

    def _admit(self) -> None:
        """Give slots to replies that wait; those that cannot be begun have ended."""
        tokens = len(self._open)
        while self.waiting and len(self._open) < self._width:
            writing = self.waiting[0]
            if writing.finish_reason is not None:
                self._ended.append(self.waiting.popleft())
                continue
            source, common = self._prefixes.nearest(writing.ids, self._open)
            tokens += len(writing.ids) - common
            if tokens > _TOKENS and self._open:
                break
            self.waiting.popleft()
            slot = self._prefixes.take(source, common, self._open)
            self._open[slot] = writing
            if slot != source and common:
                self._slots.copy(source, slot, common)
            self._prefixes.note(slot, writing.ids[:common])

    def _whole(self) -> list[Writing]:
        """Write a batch to its end, and return it."""
        together = batch(self.waiting, self._width)
        for _ in together:
            self.waiting.popleft()
        # open for as long as it takes: what does not fit is put back by halves
        self._open = {at: writing for at, writing in enumerate(together) if writing.finish_reason is None}
        finish(self._voice, list(self._open.values()), self._decoding, self._halt)
        self._open = {}
        return together
