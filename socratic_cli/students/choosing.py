"""Which step of a training run is kept: the one that does best on held-out problems."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from socratic_cli import processes
from socratic_cli.settings import Training
from socratic_cli.students.batches import Room, passes
from socratic_cli.students.tokens import Sequence

log = logging.getLogger(__name__)
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
    called: after a checkpoint that knows the later one, so that a run that was killed finds the file it looks for. The
    last one stays until the role is saved (`clear`). A disk that is full leaves the best step before the kept one.

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
        better = not self.best or score > _score(self.best["numbers"])
        if better and processes.of_first(self._keep(step, weights())):
            self.best, self.worse = {"step": step, "numbers": numbers}, 0
        else:
            self.worse += not better
        return numbers

    def _keep(self, step: int, weights: dict[str, Tensor]) -> bool:
        """Write weights, and say whether they are there."""
        if not processes.first():
            return False
        beside = self._path(step).with_suffix(".part")
        try:
            save_file({name: weight.contiguous() for name, weight in weights.items()}, beside)
            beside.replace(self._path(step))
        except (OSError, SafetensorError) as fault:
            beside.unlink(missing_ok=True)
            log.warning("step %d of the %s is the best so far and cannot be kept: %s", step, self._role, fault)
            return False
        return True

    def _loss(self, loss: Takes, sequences: list[Sequence]) -> float:
        """Return the mean loss of held-out sequences, in nats per learnt token."""
        with torch.no_grad():
            total = sum(loss(part).item() for part in passes(sequences, self._room))
        return total / sum(sequence.mass for sequence in sequences)

    def chosen(self) -> dict[str, Tensor]:
        """Return the best weights, or none where nothing was measured."""
        processes.meet()  # the first one has written them
        return load_file(self._path(self.best["step"])) if self.best else {}

    def settle(self) -> None:
        """Remove weights that are no longer the best."""
        if processes.first():
            clear(self._folder, self._role, but=self._path(self.best["step"]) if self.best else None)

    def _path(self, step: int) -> Path:
        return self._folder / f"{self._role}.best-{step:08}.safetensors"


def clear(folder: Path, role: str, but: Path | None = None) -> None:
    """Remove best weights of a role."""
    for path in folder.glob(f"{role}.best-*"):
        if path != but:
            path.unlink(missing_ok=True)


def _score(numbers: dict[str, float]) -> tuple[float, float]:
    """Return what is compared: the solved share where it decides, and of equals the lower loss."""
    return numbers.get("held_out_accuracy", 0.0), -numbers["held_out_loss"]
