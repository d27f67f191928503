"""A student: a model that can be trained, saved and asked, and what is told of its training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from socratic_cli.dialogue import Model, Passage
from socratic_cli.errors import UsageError
from socratic_cli.parts.part import Part
from socratic_cli.settings import Decoding, Settings, Training


class Progress(Settings):
    """Where a training run stands."""

    role: str
    step: int
    steps: int
    loss: float
    tokens: int
    seconds: float


class Trained(Settings):
    """What a training run of one role was.

    `loss` is the mean of its last tenth, in nats per token; `padding` the share of padding in what was read. With
    held-out problems, `kept_step` is the step that did best on them, with its loss and its solved share there. `dtype`
    is the type it was computed in.
    """

    role: str
    sequences: int
    left_out: int
    target_tokens: int
    tokens: int
    padding: float = 0.0
    steps: int
    loss: float
    seconds: float
    dtype: str = ""
    kept_step: int | None = None
    held_out_loss: float | None = None
    held_out_accuracy: float | None = None


@dataclass(frozen=True)
class HeldOut:
    """Problems that are not trained on, for students that choose among their checkpoints.

    Attributes:
        passages: what each role would have to write.
        answers: the role whose reply holds the final answer.
        accuracy: returns the share of the problems that are solved when a model plays some roles, and the gold
            rationale plays the others.
    """

    passages: tuple[Passage, ...]
    answers: str
    accuracy: Callable[[Model, Collection[str]], float]


class Student(Part, ABC):
    """A model that can be trained, saved and asked.

    Attributes:
        has_backends: whether a backend runs its weights, of which `Decoding.backend` names one.
    """

    has_backends: ClassVar[bool] = False

    def require_backend(self, decoding: Decoding) -> None:
        """Refuse a backend that would not be heeded.

        Raises:
            UsageError: one is named, and the student runs its weights itself.
        """
        if not self.has_backends and decoding.backend != Decoding().backend:
            raise UsageError(f"{self.name} runs itself and knows no backend {decoding.backend!r}: leave it out")

    @abstractmethod
    def train(
        self,
        passages: Iterable[Passage],
        training: Training,
        folder: Path,
        report: Callable[[Progress], None],
        held_out: HeldOut | None = None,
    ) -> list[Trained]:
        """Train every role that occurs in `passages` and save the weights below `folder`.

        With `held_out`, the weights are those of the step that does best on it. What is in `folder` was left by an
        interrupted run of the same training, which may be gone on with.

        Raises:
            StudentError: the base cannot be loaded, or nothing can be trained.
        """

    @abstractmethod
    def model(self, folder: Path | None, decoding: Decoding) -> AbstractContextManager[Model]:
        """Load the weights saved in `folder`, or the untrained base, to be asked.

        Raises:
            StudentError: the weights cannot be loaded.
        """

    def about(self) -> dict[str, str]:
        """Return what a model card says of the base, as far as it is known: base_model, license."""
        return {}
