"""Which step of a training run is kept: the one that does best on held-out problems."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from socratic_cli import processes
from socratic_cli.settings import Training
from socratic_cli.students.batches import Room, passes
from socratic_cli.students.tokens import Sequence

Takes = Callable[[list[Sequence]], Tensor]
"""What takes the summed loss of sequences."""


@dataclass(frozen=True, slots=True)
class Exam:
    """What a role is measured by: its held-out sequences and, where that decides, the share that it solves."""

    sequences: list[Sequence]
    accuracy: Callable[[], float] | None = None


_TOKENS = 1024
"""Of one forward pass, where the training says nothing: without gradients more are not faster."""


class Choosing:
    """Measures a role from time to time, and remembers when it was best.

    The best weights are in a file named by their step. One that a later step has beaten is removed when `settle` is
    called: after a checkpoint that knows the later one, so that a run that was killed finds the file it looks for.

    Of several processes each measures everything, for the others would have to wait for it; the first one's numbers
    decide.
    """

    def __init__(self, exam: Exam | None, folder: Path, role: str, training: Training, total: int) -> None:
        """Measure every tenth of `total` steps unless the training says otherwise, and at the end."""
        self._exam, self._folder, self._role, self._training, self._total = exam, folder, role, training, total
        self._every = training.evaluate_steps or max(1, total // 10)
        self._room = Room(training.tokens_per_batch or _TOKENS)
        self.best: dict[str, Any] = {}
        self.worse = 0

    def due(self, step: int) -> bool:
        """Say whether to measure after a step."""
        return self._exam is not None and (step % self._every == 0 or step == self._total)

    @property
    def over(self) -> bool:
        """Say whether it has not become better for so long that the training ends."""
        return self._training.early_stopping is not None and self.worse >= self._training.early_stopping

    def measure(self, step: int, loss: Takes, weights: Callable[[], dict[str, Tensor]]) -> dict[str, float]:
        """Measure the role after a step, keep its weights if it was never better, and return the numbers."""
        assert self._exam is not None
        with torch.random.fork_rng():
            numbers = {"held_out_loss": self._loss(loss, self._exam.sequences)}
            if self._exam.accuracy is not None:
                numbers["held_out_accuracy"] = self._exam.accuracy()
        numbers = processes.of_first(numbers)
        score = _score(numbers)
        if not self.best or score > _score(self.best["numbers"]):
            self.best, self.worse = {"step": step, "numbers": numbers}, 0
            self._keep(step, weights())
        else:
            self.worse += 1
        return numbers

    def _keep(self, step: int, weights: dict[str, Tensor]) -> None:
        if processes.first():
            beside = self._path(step).with_suffix(".part")
            save_file({name: weight.contiguous() for name, weight in weights.items()}, beside)
            beside.replace(self._path(step))

    def _loss(self, loss: Takes, sequences: list[Sequence]) -> float:
        """Return the mean loss of held-out sequences, in nats per learnt token."""
        with torch.no_grad():
            total = sum(loss(part).item() for part in passes(sequences, self._room))
        return total / sum(sequence.mass for sequence in sequences)

    def chosen(self) -> dict[str, Tensor]:
        """Return the best weights, or none where nothing was measured."""
        processes.meet()  # the first one has written them
        return load_file(self._path(self.best["step"])) if self.best else {}

    def settle(self, *, end: bool = False) -> None:
        """Remove weights that are no longer the best, or, once every process has them, all."""
        if end:
            processes.meet()
        if not processes.first():
            return
        current = None if end or not self.best else self._path(self.best["step"])
        for path in self._folder.glob(f"{self._role}.best-*"):
            if path != current:
                path.unlink(missing_ok=True)

    def _path(self, step: int) -> Path:
        return self._folder / f"{self._role}.best-{step:08}.safetensors"


def _score(numbers: dict[str, float]) -> tuple[float, float]:
    """Return what is compared: the solved share where it decides, and of equals the lower loss."""
    return numbers.get("held_out_accuracy", 0.0), -numbers["held_out_loss"]
