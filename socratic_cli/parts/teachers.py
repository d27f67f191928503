"""A teacher: a model that writes annotations, with its price and its batches where it has them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import TeacherError
from socratic_cli.parts.part import Part


class Price(NamedTuple):
    """US dollars per token."""

    prompt: float
    completion: float


class BatchState(NamedTuple):
    """Where a batch stands; `done` when nothing more will come, and `results` then name what came."""

    done: bool
    finished: int
    total: int
    results: tuple[str, ...] = ()
    fault: str = ""


class Batches(ABC):
    """A service that replies to many requests within a day, for less."""

    max_requests: ClassVar[int] = 50_000
    max_bytes: ClassVar[int] = 100_000_000

    @property
    @abstractmethod
    def price(self) -> Price | None:
        """The price in a batch, or None where it is not known."""

    @abstractmethod
    def line(self, key: str, turn: Turn) -> dict[str, Any]:
        """Return the request of a turn as a line of a batch; `key` comes back with its reply."""

    @abstractmethod
    async def submit(self, lines: bytes, tag: str) -> str:
        """Submit lines of requests and return the batch's id; `tag` is kept with it by the service.

        Raises:
            TeacherError: the service did not take them.
        """

    @abstractmethod
    async def find(self, tag: str) -> str | None:
        """Return the id of the batch that was submitted with a tag, or None."""

    @abstractmethod
    async def state(self, batch: str) -> BatchState:
        """Return where a batch stands."""

    @abstractmethod
    async def results(self, state: BatchState) -> list[tuple[str, Reply | TeacherError]]:
        """Return every reply or fault of a batch that is done, with its key."""


class Teacher(Part, ABC):
    """A model that writes annotations.

    A teacher asks once and says how it went; to wait, to ask again, to pay and to remember is the work of
    `socratic_cli.asking`, the same for every teacher whose replies are worth it.
    """

    paid: ClassVar[bool] = False
    """Whether a reply costs money or time, so that it is kept and asked for once."""
    unheard: ClassVar[tuple[str, ...]] = ()
    """Options that no reply depends on, as prices are."""

    @property
    def asked_as(self) -> str:
        """The label, of the options alone that a reply depends on."""
        return self.model_copy(update={name: type(self).model_fields[name].default for name in self.unheard}).label

    @abstractmethod
    async def reply(self, turn: Turn) -> Reply:
        """Reply to a turn, at the first attempt.

        Raises:
            TeacherBusy: it may reply when asked again.
            TeacherError: it will not reply to this turn.
            TeacherUnusable: it will reply to none.
        """

    def request(self, turn: Turn) -> dict[str, Any]:
        """Return everything that a reply depends on, as JSON."""
        return {"teacher": self.label, "instruction": turn.instruction, "prompt": turn.prompt}

    def count(self, text: str) -> int:
        """Return the tokens of a text, as well as they are known without asking."""
        return len(text.split())

    @property
    def tokenizer(self) -> str:
        """How `count` counts, in words."""
        return "words"

    @property
    def longest(self) -> int:
        """The most tokens one reply can have."""
        return 0

    @property
    def sampled(self) -> bool:
        """Whether a second reply to the same request can differ from the first."""
        return True

    @property
    def price(self) -> Price | None:
        """The price, or None where it is not known."""
        return None

    @property
    def batches(self) -> Batches | None:
        """The teacher's batch service, or None."""
        return None

    async def close(self) -> None:
        """Give back connections."""
