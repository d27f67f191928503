"""A reply as it is being written: what is written so far, what the calculator adds, and when it ends."""

from __future__ import annotations

import random

from socratic_cli.calculations import begun, calculations
from socratic_cli.calculator import written
from socratic_cli.dialogue import Reply, cut
from socratic_cli.records import Usage
from socratic_cli.settings import Decoding
from socratic_cli.students.language import Language
from socratic_cli.students.requests import Request

_REACH = 64
"""Tokens at the end of a reply in which a calculation is looked for."""
_LOOK = 8
"""Tokens after which is looked whether a reply repeats itself: at once is not better, and costs more."""
_REPEATED, _TIMES = 48, 3
"""A reply repeats itself if its last tokens, so many at least, are the same ones so many times over."""


class Writing:
    """One reply: `ids` are the tokens of the prompt and of what is written so far."""

    def __init__(self, language: Language, request: Request, decoding: Decoding) -> None:
        """Begin a reply to a request."""
        self.request = request
        self.language = language
        self.ids = language.tokens.prompt(request.prompt)
        self.finish_reason: str | None = None
        self._prompt, self._used = len(self.ids), 0
        self._calculator = decoding.calculator
        self._calculated: list[str] = []
        self._reply: Reply | None = None
        room, context = decoding.room(request.role), language.context
        self._room = room if context is None else min(room, max(0, context - self._prompt))
        # A mark of n bytes lies in the last n tokens when its last byte has just been written.
        self._reach = max((len(mark.encode()) for mark in request.marks), default=0) + 1
        self.dice = random.Random(request.seed)  # noqa: S311 - samples are no secret
        if not self._room:
            self.finish_reason = "context"
        elif max(self.ids, default=0) >= language.size:
            self.finish_reason = "unknown-token"

    def accept(self, token: int) -> None:
        """Go on with a token, and with the result of a calculation that it begins."""
        self._used += 1
        self._accept(token)
        if self.request.hear is not None:
            self.request.hear(self._text())

    def _accept(self, token: int) -> None:
        if token in self.language.ends:
            self.finish_reason = "stop"
            return
        self.ids.append(token)
        if self._calculator == "force":
            self._calculate(token)
        new = self.ids[self._prompt :]
        if self.request.marks and self._marked(new):
            self.finish_reason = "stop"
        elif len(new) >= self._room:
            self.finish_reason = "length"
        elif len(new) % _LOOK == 0 and _repeats(new):
            self.finish_reason = "repetition"

    @property
    def left(self) -> int:
        """How many more tokens the reply may have."""
        return self._room - (len(self.ids) - self._prompt)

    def reply(self) -> Reply:
        """Return the reply, up to the first of its marks."""
        if self._reply is not None:
            return self._reply
        text = self._text()
        usage = Usage(prompt_tokens=self._prompt, completion_tokens=self._used)
        if self._calculator == "check":
            self._calculated = [str(found) for found in calculations(text) if found.wanted is not None]
        return Reply(text, self.finish_reason or "length", usage, calculator=tuple(self._calculated))

    def end(self, reply: Reply) -> None:
        """Take a reply that was written elsewhere."""
        self._reply, self.finish_reason = reply, reply.finish_reason

    def _text(self) -> str:
        text = cut(self.language.tokens.text(self.ids[self._prompt :]), self.request.marks)
        for mark in self.request.dropped:
            text = text.removesuffix(mark)
        return text

    def _marked(self, new: list[int]) -> bool:
        text = self.language.tokens.text(new[-self._reach :])
        return any(mark in text for mark in self.request.marks)

    def _calculate(self, token: int) -> None:
        """Write the result of a calculation whose left side is whole: after <<48/2= comes 24>>, after 48/2 = comes 24.

        Without a mark it is written where the student begins a number, since it may be about to set a mark there.
        """
        tokens = self.language.tokens
        last = tokens.text([token])
        if "=" not in last and not any(map(str.isdigit, last)):
            return
        new = self.ids[self._prompt :]
        tail = new[-_REACH:]
        text, before = tokens.text(tail), tokens.text(tail[:-1])
        found = begun(text)
        if found is None or found.result < len(before):  # a number that goes on was read already, and stays
            return
        if found.start == 0 and len(tail) < len(new):  # it may begin before the tail
            return
        result = written(found.value) + (">>" if found.marked else "")
        if found.result < len(text):  # a token with digits of the result, which is not read yet, gives way
            self.ids.pop()
            result = text[len(before) : found.result] + result
        self._force(result)
        self._calculated.append(f"{found.left}={written(found.value)}")

    def _force(self, text: str) -> None:
        self.ids += self.language.tokens.further(text)


def _repeats(ids: list[int]) -> bool:
    """Say whether a reply ends in the same tokens again and again: a small model seldom leaves such a loop."""
    for period in range(1, len(ids) // _TIMES + 1):
        last = max(_REPEATED, _TIMES * period)
        if last <= len(ids) and ids[-last:-period] == ids[-last + period :]:
            return True
    return False
