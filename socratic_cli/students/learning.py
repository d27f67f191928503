"""The training loop of one role."""

# mypy: allow-untyped-calls
# (parts of transformers are not annotated)
from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from socratic_cli.errors import Interrupted, StudentError
from socratic_cli.parts import Progress, Trained
from socratic_cli.settings import Training
from socratic_cli.students.batches import batches, passes, steps
from socratic_cli.students.checkpoints import Checkpoints, State, random_state, set_random_state
from socratic_cli.students.choosing import Choosing, Exam
from socratic_cli.students.fitting import Fitting
from socratic_cli.students.loss import Loss
from socratic_cli.students.metrics import Metrics
from socratic_cli.students.optimiser import Optimiser
from socratic_cli.students.tokens import Sequence, Tokens

log = logging.getLogger(__name__)


class Learning:
    """One role being learnt: its sequences, its optimiser and where it stands."""

    def __init__(
        self,
        fitting: Fitting,
        model: PreTrainedModel,
        tokens: Tokens,
        training: Training,
        autocast: torch.dtype | None,
        exam: Exam | None = None,
    ) -> None:
        """Prepare to train every parameter of `model` that takes a gradient."""
        self.role, self.model, self.tokens, self.training = fitting.role, model, tokens, training
        self._fitting, self._exam = fitting, exam
        self._autocast = autocast
        self._loss = Loss(model, tokens.pad, training.label_smoothing)
        self._losses: list[float] = []
        self._read = self._learnt = self._padded = 0
        self._seconds = 0.0

    def learn(self, folder: Path, report: Callable[[Progress], None]) -> Trained:
        """Train to the end, from the last checkpoint in `folder` if there is one.

        Raises:
            StudentError: the loss is no number any more.
            Interrupted: by `report`; a checkpoint is kept before.
        """
        sequences = self._fitting.sequences
        total = steps(len(sequences), self.training)
        optimiser = Optimiser(self.model, self.training, total)
        self._choosing = Choosing(self._exam, folder, self.role, self.training, total)
        checkpoints = Checkpoints(folder, self.role, self.training.checkpoint_steps)
        done = self._resumed(checkpoints.last(), optimiser)
        metrics = Metrics(folder, self.role, self.training, after=done)
        self.model.train()
        try:
            began = time.monotonic() - self._seconds
            for step, batch in islice(zip(range(1, total + 1), batches(sequences, self.training)), done, None):  # noqa: B905
                self._losses.append(self._step(step, batch))
                norm, rate = optimiser.step()
                self._seconds = time.monotonic() - began
                measured = self._measured(step) if self._choosing.due(step) else {}
                metrics.note(**self._noted(step, norm, rate), **measured)
                kept = checkpoints.due(step) and step < total
                if kept and checkpoints.keep(partial(self._state, step, optimiser)):
                    self._choosing.settle()
                try:
                    report(self._progress(step, total))
                except Interrupted:
                    if not kept:
                        checkpoints.keep(partial(self._state, step, optimiser))
                    raise
                if self._choosing.over:
                    break
        finally:
            metrics.close()
        self.model.eval()
        self._set(self._choosing.chosen())
        self._choosing.settle(end=True)
        return self._trained(len(self._losses))

    def _weights(self) -> dict[str, Tensor]:
        return {name: weight.detach() for name, weight in self.model.named_parameters() if weight.requires_grad}

    def _set(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self.model.named_parameters():
                if name in weights:
                    weight.copy_(weights[name])

    def _measured(self, step: int) -> dict[str, float]:
        """Measure the role on what was held out; neither dropout nor the random state is touched by it."""
        self.model.eval()
        with self._precision():
            numbers = self._choosing.measure(step, self._loss, self._weights())
        self.model.train()
        return numbers

    def _resumed(self, state: State | None, optimiser: Optimiser) -> int:
        """Take up the state of a checkpoint; return the steps that are done."""
        if state is None:
            return 0
        self._set({name: state.tensors[f"weight.{name}"] for name in self._weights()})
        self._choosing.best, self._choosing.worse = state.numbers["best"], state.numbers["worse"]
        optimiser.load(state)
        set_random_state(state.tensors)
        self._losses = state.numbers["losses"]
        self._read, self._learnt, self._padded = (state.numbers[name] for name in ("read", "learnt", "padded"))
        self._seconds = state.numbers["seconds"]
        log.info("the %s goes on after step %d", self.role, state.step)
        return state.step

    def _state(self, step: int, optimiser: Optimiser) -> State:
        weights = {f"weight.{name}": weight for name, weight in self._weights().items()}
        numbers = {"losses": self._losses, "read": self._read, "learnt": self._learnt, "padded": self._padded}
        return State(
            step,
            {
                **numbers,
                "best": self._choosing.best,
                "worse": self._choosing.worse,
                "seconds": self._seconds,
                **optimiser.numbers(),
            },
            {**weights, **optimiser.tensors(), **random_state()},
        )

    def _trained(self, total: int) -> Trained:
        tail = self._losses[-max(1, total // 10) :]
        return Trained(
            role=self.role,
            sequences=len(self._fitting.sequences),
            left_out=self._fitting.left_out,
            target_tokens=self._learnt,
            tokens=self._read,
            padding=round(self._padded / (self._read + self._padded), 4),
            steps=total,
            loss=sum(tail) / len(tail),
            seconds=self._seconds,
            kept_step=self._choosing.best.get("step"),
            **self._choosing.best.get("numbers", {}),
        )

    def _step(self, step: int, batch: list[Sequence]) -> float:
        """Accumulate the gradient of one optimiser step: the mean over all its learnt tokens, however it is split."""
        targets = sum(sequence.targets for sequence in batch)
        total = 0.0
        for part in passes(batch, self.training.tokens_per_batch):
            with self._precision():
                loss = self._loss(part) / targets
            loss.backward()
            total += loss.item()
            self._padded += len(part) * max(map(len, part)) - sum(map(len, part))
        if not math.isfinite(total):
            raise StudentError(self._explained(total, step, batch))
        self._read += sum(map(len, batch))
        self._learnt += targets
        return total

    def _explained(self, loss: float, step: int, batch: list[Sequence]) -> str:
        """Say where the loss broke: a text that is unlike the others is a frequent cause."""
        longest = max(batch, key=len)
        begins = " ".join(self.tokens.text(list(longest.ids[:48])).split())[:120]
        return (
            f"the loss of the {self.role} is {loss} at step {step}, on {len(batch)} sequences, the longest of"
            f" {len(longest)} tokens: {begins!r} ... Lower learning_rate, use dtype=float32, or mend the data"
        )

    def _precision(self) -> AbstractContextManager[object]:
        device = self.model.device.type
        return torch.autocast(device, dtype=self._autocast, enabled=self._autocast is not None)

    def _noted(self, step: int, norm: float, rate: float) -> dict[str, float]:
        return {
            "step": step,
            "loss": self._losses[-1],
            "learning_rate": rate,
            "grad_norm": norm,
            "tokens": self._read,
            "target_tokens": self._learnt,
            "padding_tokens": self._padded,
            "seconds": round(self._seconds, 3),
        }

    def _progress(self, step: int, total: int) -> Progress:
        return Progress(
            role=self.role, step=step, steps=total, loss=self._losses[-1], tokens=self._read, seconds=self._seconds
        )
