"""Replies whose tokens come from an engine with requests of its own: one that was made for serving.

Such an engine has its own scheduler, memory and sampling. It is told prompts as tokens and tells the next token of
each; where a reply ends is decided here, as for every other. So a calculator's result ends a request, and another goes
on after it: what the engine has read is in its cache of prefixes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence
from itertools import count
from threading import Event, Lock
from typing import NamedTuple

from socratic_cli.settings import Decoding
from socratic_cli.students.language import Language
from socratic_cli.students.multiple_choice import MultipleChoice
from socratic_cli.students.writing import Writing


class Written(NamedTuple):
    """What is new of a request: its tokens, or the shares of the options that it weighs; `ended` if no more follows."""

    name: str
    tokens: Sequence[int] = ()
    ended: bool = False
    shares: Sequence[float] = ()


class Stream(ABC):
    """An engine that speaks for one role, or for several."""

    def __init__(self, language: Language) -> None:
        """Speak a language."""
        self.language = language
        self.lock = Lock()
        self.open: dict[str, Writing] = {}

    @abstractmethod
    def begin(self, name: str, writing: Writing) -> None:
        """Go on after the tokens that a reply has so far; `writing.left` more are wanted at most."""

    @abstractmethod
    def read(self) -> Iterable[Written]:
        """Wait for the next tokens of requests that were begun."""

    @abstractmethod
    def give_up(self, names: Sequence[str]) -> None:
        """End requests; what comes of them later is nobody's."""


class Streaming:
    """The replies that a stream is writing, and the ones that wait for it."""

    def __init__(self, stream: Stream, decoding: Decoding, halt: Event) -> None:
        """Write with a stream; what another scribe left in it is given up."""
        del decoding, halt  # the stream has its settings, and is left after every token
        self._stream = stream
        self._waiting: deque[Writing] = deque()
        self._ended: list[Writing] = []
        self._names = (f"{id(self):x}-{number}" for number in count())
        with stream.lock:  # a thread that nobody waits for any more may still be in it
            self._give_up(list(stream.open))

    @property
    def work(self) -> int:
        """How many replies are not finished."""
        return len(self._waiting) + len(self._stream.open)

    def add(self, writing: Writing) -> None:
        """Let a reply wait for the next step."""
        self._waiting.append(writing)

    def activate(self) -> None:
        """Nothing has to be changed."""

    def drop(self, gone: Iterable[Writing]) -> None:
        """Forget replies that nobody waits for any more."""
        known = set(map(id, gone))
        self._waiting = deque(writing for writing in self._waiting if id(writing) not in known)
        self._give_up([name for name, writing in self._stream.open.items() if id(writing) in known])

    def step(self) -> list[Writing]:
        """Begin what waits, take a token of every reply, and return the replies that ended."""
        with self._stream.lock:
            while self._waiting:
                self._begin(self._waiting.popleft())
            for written in self._stream.read() if self._stream.open else ():
                self._take(written)
        ended, self._ended = self._ended, []
        return ended

    def _begin(self, writing: Writing) -> None:
        if writing.finish_reason is not None:
            self._ended.append(writing)
            return
        name = next(self._names)
        self._stream.begin(name, writing)
        self._stream.open[name] = writing

    def _take(self, written: Written) -> None:
        writing = self._stream.open.get(written.name)
        if writing is None:  # given up while its token was on the way
            return
        goes_on = self._accept(writing, written)
        if written.ended and goes_on:
            writing.finish_reason = "length"
        if written.ended:
            del self._stream.open[written.name]
        elif not goes_on:
            self._give_up([written.name])
        if writing.finish_reason is not None:
            self._ended.append(writing)
        elif not goes_on:
            self._begin(writing)

    def _accept(self, writing: Writing, written: Written) -> bool:
        """Let a reply take what is new, and say whether its request can go on."""
        if isinstance(writing, MultipleChoice):
            writing.choose(written.shares)
            return False
        for token in written.tokens:
            length = len(writing.ids)
            writing.accept(token)
            if writing.finish_reason is not None or writing.ids[length:] != [token]:  # a calculator wrote
                return False
        return True

    def _give_up(self, names: list[str]) -> None:
        for name in names:
            del self._stream.open[name]
        if names:
            self._stream.give_up(names)
