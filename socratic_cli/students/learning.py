"""The training loop of one role."""

# mypy: allow-untyped-calls
# (parts of transformers are not annotated)
from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager

import torch
from torch.nn import Module, Parameter
from torch.nn.utils import clip_grad_norm_
from transformers import PreTrainedModel, get_linear_schedule_with_warmup

from socratic_cli.dialogue import Passage
from socratic_cli.errors import StudentError
from socratic_cli.parts import Progress, Trained
from socratic_cli.settings import Training
from socratic_cli.students.batches import batches, passes, steps
from socratic_cli.students.loss import Loss
from socratic_cli.students.tokens import Sequence, Tokens
from socratic_cli.students.weights import context


class Learning:
    """One role being learnt: its sequences, its optimiser and where it stands."""

    def __init__(
        self, role: str, model: PreTrainedModel, tokens: Tokens, training: Training, autocast: torch.dtype | None
    ) -> None:
        """Prepare to train every parameter of `model` that takes a gradient."""
        self.role, self.model, self.tokens, self.training = role, model, tokens, training
        self._autocast = autocast
        self._loss = Loss(model, tokens.pad)
        self._losses: list[float] = []
        self._read = self._learnt = 0

    def learn(self, passages: Iterable[Passage], report: Callable[[Progress], None]) -> Trained:
        """Train to the end.

        Raises:
            StudentError: nothing is short enough, or the loss is no number any more.
        """
        began = time.monotonic()
        sequences, left_out = self._fitting(passages)
        total = steps(len(sequences), self.training)
        update = self._optimiser(total)
        self.model.train()
        for step, batch in zip(range(1, total + 1), batches(sequences, self.training), strict=False):
            self._losses.append(self._step(step, batch))
            update()
            report(self._progress(step, total, time.monotonic() - began))
        self.model.eval()
        tail = self._losses[-max(1, total // 10) :]
        return Trained(
            role=self.role,
            sequences=len(sequences),
            left_out=left_out,
            target_tokens=self._learnt,
            tokens=self._read,
            steps=total,
            loss=sum(tail) / len(tail),
            seconds=time.monotonic() - began,
        )

    def _fitting(self, passages: Iterable[Passage]) -> tuple[list[Sequence], int]:
        limit = min(self.training.max_length, context(self.model) or self.training.max_length)
        encoded = [self.tokens.passage(passage) for passage in passages]
        fitting = [sequence for sequence in encoded if len(sequence) <= limit]
        if not fitting:
            shortest = min(map(len, encoded))
            raise StudentError(
                f"every sequence of the {self.role} is longer than {limit} tokens (the shortest has {shortest}):"
                " raise max_length, or take a model with a longer context"
            )
        return fitting, len(encoded) - len(fitting)

    def _step(self, step: int, batch: list[Sequence]) -> float:
        """Accumulate the gradient of one optimiser step: the mean over all its learnt tokens, however it is split."""
        targets = sum(sequence.targets for sequence in batch)
        total = 0.0
        for part in passes(batch, self.training.tokens_per_batch):
            with self._precision():
                loss = self._loss(part) / targets
            loss.backward()
            total += loss.item()
        if total != total or total == float("inf"):
            raise StudentError(
                f"the loss of the {self.role} is {total} at step {step}: lower learning_rate, or use dtype=float32"
            )
        self._read += sum(map(len, batch))
        self._learnt += targets
        return total

    def _precision(self) -> AbstractContextManager[object]:
        device = self.model.device.type
        return torch.autocast(device, dtype=self._autocast, enabled=self._autocast is not None)

    def _optimiser(self, total: int) -> Callable[[], None]:
        """Return what applies a gradient: clipped, AdamW, a rate that rises linearly and then falls to zero."""
        trained = [weight for weight in self.model.parameters() if weight.requires_grad]
        optimiser = torch.optim.AdamW(
            _groups(self.model, self.training.weight_decay), lr=self.training.learning_rate, fused=True
        )
        schedule = get_linear_schedule_with_warmup(optimiser, int(total * self.training.warmup), total)

        def update() -> None:
            clip_grad_norm_(trained, self.training.max_grad_norm)
            optimiser.step()
            schedule.step()
            optimiser.zero_grad(set_to_none=True)

        return update

    def _progress(self, step: int, total: int, seconds: float) -> Progress:
        return Progress(
            role=self.role, step=step, steps=total, loss=self._losses[-1], tokens=self._read, seconds=seconds
        )


def _groups(model: Module, decay: float) -> list[dict[str, object]]:
    """Return the weights in two groups: biases and norms are not drawn towards zero."""
    trained: list[Parameter] = [weight for weight in model.parameters() if weight.requires_grad]
    return [
        {"params": [weight for weight in trained if weight.ndim > 1], "weight_decay": decay},
        {"params": [weight for weight in trained if weight.ndim <= 1], "weight_decay": 0.0},
    ]
