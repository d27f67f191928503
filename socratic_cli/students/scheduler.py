"""Replies of one role, written side by side: each joins as soon as there is a slot, and leaves as soon as it ends.

A slot keeps what it holds when its reply has ended. The next turn of the same dialogue repeats the text and goes on,
so it costs its new tokens only; and exemplars that all prompts begin with are read once.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from itertools import islice
from threading import Event
from typing import Any

import torch

from socratic_cli.dialogue import Reply
from socratic_cli.errors import StudentError
from socratic_cli.settings import Decoding
from socratic_cli.students.generation import Voice, write
from socratic_cli.students.memory import is_exhausted
from socratic_cli.students.sampling import draw
from socratic_cli.students.slots import Piece, Slots, Unsupported
from socratic_cli.students.weighing import Weighing
from socratic_cli.students.writing import Writing

log = logging.getLogger(__name__)
_TOKENS = 4096
"""Most tokens that are read in one forward pass, so that its memory has a bound."""
_WORTH = 16
"""Tokens in common from which on they are copied from another slot and not read again."""
_PROBE = ((11, 12, 13, 14, 15), (21, 22, 23))


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
        self._free = list(range(2 * width - 1, -1, -1))
        self._held: dict[int, list[int]] = {}
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
            self._supported = self._probe()
        if not self._supported:
            self._ended += self._whole()
            return
        self._admit()
        if not self._open:
            return
        rows = list(self._open.items())
        pieces = [self._piece(slot, writing) for slot, writing in rows]
        logits = self._slots.forward(pieces)
        tokens = draw(logits, [writing.dice for _, writing in rows], self._decoding)
        for at, ((slot, writing), token) in enumerate(zip(rows, tokens, strict=True)):
            self._held[slot] = list(writing.ids)
            if isinstance(writing, Weighing):
                writing.weigh(logits[at])
            else:
                writing.accept(token)
            if writing.finish_reason is not None:
                del self._open[slot]
                self._ended.append(writing)

    def _piece(self, slot: int, writing: Writing) -> Piece:
        start = len(self._held[slot])
        return Piece(slot, start, tuple(writing.ids[start:]))

    def _admit(self) -> None:
        """Give slots to replies that wait; those that cannot be begun have ended."""
        tokens = len(self._open)
        while self.waiting and len(self._open) < self._width:
            writing = self.waiting[0]
            if writing.finish_reason is not None:
                self._ended.append(self.waiting.popleft())
                continue
            source, common = self._nearest(writing.ids)
            tokens += len(writing.ids) - common
            if tokens > _TOKENS and self._open:
                break
            self.waiting.popleft()
            slot = self._take(source, common)
            self._open[slot] = writing
            if slot != source and common:
                self._slots.copy(source, slot, common)
            self._held[slot] = writing.ids[:common]

    def _nearest(self, ids: list[int]) -> tuple[int, int]:
        """Return the slot that holds most of a prompt, and how much; its last token must be read in any case."""
        best, most = -1, 0
        for slot, held in self._held.items():
            common = _common(held, ids)
            if common > most:
                best, most = slot, common
        most = min(most, len(ids) - 1)
        is_own = best >= 0 and best not in self._open and len(self._held[best]) - most < _WORTH
        return (best, most) if is_own or most >= _WORTH else (-1, 0)

    def _take(self, source: int, common: int) -> int:
        """Return the slot for a reply: the one that holds its dialogue, a new one, or the one unused for longest."""
        is_idle = source >= 0 and source not in self._open
        if is_idle and len(self._held[source]) - common < _WORTH:
            self._held.pop(source)  # put in again at the end: the order is that of use
            return source
        if self._free:
            return self._free.pop()
        slot = next(slot for slot in self._held if slot not in self._open and slot != source)
        self._held.pop(slot)
        return slot

    def _probe(self) -> bool:
        """Say whether slots give what the model itself gives: not every architecture attends in a way they know."""
        model = self._voice.model
        slots = Slots(model)
        try:
            found = slots.forward([Piece(at, 0, ids[:-1]) for at, ids in enumerate(_PROBE)])
            found = slots.forward([Piece(at, len(ids) - 1, ids[-1:]) for at, ids in enumerate(_PROBE)])
            with torch.inference_mode():
                expected = [model(input_ids=torch.tensor([ids], device=model.device)).logits[0, -1] for ids in _PROBE]
        except (Unsupported, TypeError, AttributeError, IndexError) as fault:
            log.info("%s replies in whole batches: %s", type(model).__name__, fault)
            return False
        exact = next(model.parameters()).dtype == torch.float32 and not getattr(model, "is_quantized", False)
        far = max(float((one - other.float()).abs().max()) for one, other in zip(found, expected, strict=True))
        same = far <= (1e-3 if exact else 0.1) * max(float(one.abs().max()) for one in expected)
        if not same:
            log.warning("%s replies in whole batches: its logits differ by %.3g in slots", type(model).__name__, far)
            return False
        return True

    def _whole(self) -> list[Writing]:
        """Write a batch to its end by `generate`."""
        if self._decoding.calculator == "force":
            raise StudentError(
                f"{type(self._voice.model).__name__} replies in whole batches, where no calculator can step in:"
                " --calculator check or off"
            )
        weighed = next((writing for writing in self.waiting if isinstance(writing, Weighing)), None)
        if weighed is not None:
            return [self._weighed(weighed)]
        batch = list(islice(self.waiting, self._width))
        begun = {at: writing for at, writing in enumerate(batch) if writing.finish_reason is None}
        self._open = begun  # for as long as it takes: what does not fit is put back by halves
        for _ in batch:
            self.waiting.popleft()
        replies = write(self._voice, [one.request for one in begun.values()], self._decoding, self._halt)
        for writing, reply in zip(begun.values(), replies, strict=True):
            writing.end(reply)
        self._open = {}
        return batch

    @torch.inference_mode()
    def _weighed(self, writing: Weighing) -> Weighing:
        """Weigh options by a forward pass of their own."""
        self.waiting.remove(writing)
        if writing.finish_reason is None:
            self._open = {0: writing}
            self._voice.activate()
            model: Any = self._voice.model
            writing.weigh(model(input_ids=torch.tensor([writing.ids], device=model.device)).logits[0, -1].float())
            self._open = {}
        return writing


def _common(held: list[int], ids: list[int]) -> int:
    """Return how many tokens two sequences have in common from the beginning."""
    shorter = min(len(held), len(ids))
    if held[:shorter] == ids[:shorter]:
        return shorter
    return next(at for at in range(shorter) if held[at] != ids[at])
