"""The four kinds of part a plugin can bring: scheme, teacher, student, dataset.

A part's class is the typed model of its own options, so nobody else needs to know them.
"""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from socratic_cli.dialogue import Dialogue, Model, Passage, Reply, Turn
from socratic_cli.records import Problem, Rationale
from socratic_cli.settings import Decoding, Settings, Training

Hint = Literal["answer", "steps", "facts"]


class Part(Settings):
    """A named thing with options of its own."""

    _name: str = PrivateAttr("")
    main_option: ClassVar[str | None] = None
    """The option that stands after the colon in `name:value`."""

    @property
    def name(self) -> str:
        """The name it was installed under."""
        return self._name

    @property
    def label(self) -> str:
        """Name and every option that was given, as it can be written on the command line."""
        options = self.model_dump(mode="json", exclude_defaults=True)
        main = options.pop(self.main_option, None) if self.main_option else None
        words = [shlex.quote(f"{self.name}:{main}" if main is not None else self.name)]
        return " ".join([*words, *(f"{key}={_word(value)}" for key, value in options.items())])


def _word(value: Any) -> str:
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else shlex.quote(str(value))


class Scheme(Part, ABC):
    """A way to write reasoning down, as dialogues."""

    exemplars: str = Field(
        "gsm8k",
        description="Solved problems shown to an untrained model: gsm8k, svamp, strategyqa or a file of solutions.",
    )
    shots: int = Field(4, ge=0, description="How many exemplars are shown.")
    show: tuple[Hint, ...] = Field((), description="What a teacher sees of the gold rationale: answer, steps, facts.")

    @abstractmethod
    def solve(self, problem: Problem) -> Dialogue:
        """Return the dialogue of trained students. It looks at nothing gold.

        Raises (when played):
            Unanswered: a reply that cannot be read.
        """

    @abstractmethod
    def replies(self, rationale: Rationale) -> Iterator[str]:
        """Yield what the students must say in `solve` to write this rationale.

        Raises:
            NotationError: the rationale lacks what the scheme is made of.
        """

    @abstractmethod
    def annotate(self, problem: Problem) -> Dialogue:
        """Return the dialogue of a model that was not trained: a teacher, or any prompted model."""

    @property
    def annotator(self) -> Scheme:
        """The scheme whose annotations this one is trained on, with the options that matter to annotation only."""
        return self


class Teacher(Part, ABC):
    """A model that writes annotations."""

    @abstractmethod
    async def reply(self, turn: Turn) -> Reply:
        """Reply to a turn.

        Raises:
            TeacherError: the teacher gave no reply.
        """

    async def close(self) -> None:
        """Give back connections."""


class Progress(Settings):
    """Where a training run stands."""

    role: str
    step: int
    steps: int
    loss: float
    tokens: int
    seconds: float


class Trained(Settings):
    """What a training run of one role was; `loss` is the mean of its last tenth, in nats per token."""

    role: str
    sequences: int
    left_out: int
    target_tokens: int
    tokens: int
    steps: int
    loss: float
    seconds: float


class Student(Part, ABC):
    """A model that can be trained, saved and asked."""

    @abstractmethod
    def train(
        self, passages: Iterable[Passage], training: Training, folder: Path, report: Callable[[Progress], None]
    ) -> list[Trained]:
        """Train every role that occurs in `passages` and save the weights below `folder`.

        Raises:
            StudentError: the base cannot be loaded, or nothing can be trained.
        """

    @abstractmethod
    def model(self, folder: Path | None, decoding: Decoding) -> AbstractContextManager[Model]:
        """Load the weights saved in `folder`, or the untrained base, to be asked.

        Raises:
            StudentError: the weights cannot be loaded.
        """


class Dataset(Part, ABC):
    """A source of problems with named splits."""

    data_dir: Path | None = Field(None, description="Folder that holds the files; without it they come from the hub.")
    splits: ClassVar[tuple[str, ...]] = ("train", "test")

    @abstractmethod
    def problems(self, split: str) -> Iterator[Problem]:
        """Yield the problems of a split, lazily.

        Raises:
            InputError: a file is missing or a record cannot be read.
        """
