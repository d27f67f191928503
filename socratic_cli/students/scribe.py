"""The port between the turns that wait and whoever writes their replies, a token of each at a time.

The engine gathers turns; a scribe writes. What a reply is, where it ends and what a calculator adds is the same for
all of them (`writing`): a scribe only brings the next token of each.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from socratic_cli.students.language import Language
from socratic_cli.students.writing import Writing


class Speaker(Protocol):
    """Whoever speaks for a role. Roles with the same speaker are written together."""

    @property
    def language(self) -> Language:
        """What writing a reply must know of the model."""
        ...


class Scribe(Protocol):
    """Writes the replies of one speaker. It is only asked for one thing at a time, except to `add`."""

    @property
    def work(self) -> int:
        """How many replies are not finished."""
        ...

    def add(self, writing: Writing) -> None:
        """Begin a reply as soon as there is room; other replies may be written meanwhile, in another thread."""
        ...

    def activate(self) -> None:
        """Make ready, after another scribe had its turn."""
        ...

    def drop(self, gone: Iterable[Writing]) -> None:
        """Forget replies that nobody waits for any more."""
        ...

    def step(self) -> list[Writing]:
        """Write about one token of every reply, and return the replies that ended."""
        ...
