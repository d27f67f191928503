"""The training loop of one role."""

# mypy: allow-untyped-calls
# (parts of transformers are not annotated)
from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from itertools import islice
from pathlib import Path

import torch
from torch import Tensor
from transformers import PreTrainedModel

from socratic_cli import processes
from socratic_cli.errors import StudentError
from socratic_cli.parts import Progress, Trained
from socratic_cli.settings import Training
from socratic_cli.students.batches import batches, room, steps
from socratic_cli.students.checkpoints import Checkpoints, State
from socratic_cli.students.choosing import Choosing, Exam, Takes
from socratic_cli.students.counts import Counts
from socratic_cli.students.fitting import Fitting
from socratic_cli.students.loss import Loss
from socratic_cli.students.memory import is_exhausted
from socratic_cli.students.metrics import Metrics
from socratic_cli.students.optimiser import Optimiser
from socratic_cli.students.randomness import part_ways, random_states, set_random_states
from socratic_cli.students.shards import part, shard, whole
from socratic_cli.students.sharing import interrupted, own_passes
from socratic_cli.students.tokens import Sequence, Tokens

log = logging.getLogger(__name__)
_WEIGHT = "weight."


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
        loss = Loss(model, tokens.pad, training.label_smoothing)
        shortest = [min(fitting.sequences, key=len)]
        self._loss: Takes = shard(model, loss, shortest) if processes.sharded() else loss
        self._counts = Counts()

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
        first = total if self._choosing.over else done  # what was over when it was interrupted has no further step
        metrics = Metrics(folder, self.role, self.training, after=done)
        self.model.train()
        try:
            began = time.monotonic() - self._counts.seconds
            for step, batch in islice(zip(range(1, total + 1), batches(sequences, self.training)), first, None):  # noqa: B905
                self._step(step, batch)
                norm, rate = optimiser.step()
                self._counts.seconds = time.monotonic() - began
                measured = self._measured(step) if self._choosing.due(step) else {}
                metrics.note(step, **self._counts.noted(norm, rate), **measured)
                keep = partial(checkpoints.keep, partial(self._state, step, optimiser))
                kept = checkpoints.due(step) and step < total
                if kept and keep():
                    self._choosing.settle()
                if fault := interrupted(report, self._counts.progress(self.role, step, total)):
                    if not kept:
                        keep()
                    processes.meet()  # else a launcher would end the first one while it writes
                    raise fault
                if self._choosing.over:
                    break
        finally:
            metrics.close()
        self.model.eval()
        self._set(self._choosing.chosen())
        computed = str(self._autocast or torch.float32).removeprefix("torch.")
        return self._counts.trained(self._fitting, self._choosing.best, computed)

    def _weights(self) -> dict[str, Tensor]:
        return {name: whole(weight.detach()) for name, weight in self.model.named_parameters() if weight.requires_grad}

    def _set(self, weights: dict[str, Tensor]) -> None:
        with torch.no_grad():
            for name, weight in self.model.named_parameters():
                if name in weights:
                    weight.copy_(part(weights[name], like=weight))

    def _measured(self, step: int) -> dict[str, float]:
        """Measure the role on what was held out; neither dropout nor the random state is touched by it."""
        self.model.eval()
        with self._precision():
            numbers = self._choosing.measure(step, self._loss, self._weights)
        self.model.train()
        return numbers

    def _resumed(self, state: State | None, optimiser: Optimiser) -> int:
        """Take up the state of a checkpoint; return the steps that are done."""
        if state is None:
            part_ways(self.training.seed)
            return 0
        self._set({name.removeprefix(_WEIGHT): one for name, one in state.tensors.items() if name.startswith(_WEIGHT)})
        self._choosing.best, self._choosing.worse = state.numbers["best"], state.numbers["worse"]
        optimiser.load(state)
        set_random_states(state.tensors, self.training.seed, state.step)
        self._counts.load(state.numbers)
        log.info("the %s goes on after step %d", self.role, state.step)
        return state.step

    def _state(self, step: int, optimiser: Optimiser) -> State:
        weights = {f"{_WEIGHT}{name}": weight for name, weight in self._weights().items()}
        chosen = {"best": self._choosing.best, "worse": self._choosing.worse}
        return State(
            step,
            {**self._counts.numbers(), **chosen, **optimiser.numbers()},
            {**weights, **optimiser.tensors(), **random_states()},
        )

    def _step(self, step: int, batch: list[Sequence]) -> None:
        """Accumulate the gradient of one optimiser step: the mean over all its learnt tokens, however it is split.

        Sharded weights average their gradients over the processes, where a sum is due.
        """
        mass = sum(sequence.mass for sequence in batch)
        scale = processes.count() if processes.sharded() else 1
        own, padded = 0.0, 0
        for one in own_passes(batch, room(self.training, self.model.device.type)):
            with self._roomy(step, one.sequences), self._precision():
                loss = self._loss(one.sequences) * one.counts / mass
            with self._roomy(step, one.sequences):
                (loss * scale).backward()
            own += loss.item()
            padded += one.padded
        total, all_padded = processes.totals([own, padded])
        if not math.isfinite(total):
            raise StudentError(self._explained(total, step, batch))
        self._counts.step(batch, total, int(all_padded))

    @contextmanager
    def _roomy(self, step: int, sequences: list[Sequence]) -> Iterator[None]:
        """Say what would take less memory, where there is none left; the last checkpoint stays."""
        try:
            yield
        except (MemoryError, RuntimeError) as fault:
            if not is_exhausted(fault):
                raise
            tokens = len(sequences) * max(map(len, sequences))
            raise StudentError(
                f"there is not enough memory for step {step} of the {self.role}, with {tokens:,} tokens in a pass:"
                " lower --tokens-per-batch or --max-length, train with gradient_checkpointing=true, or adapters with"
                " --load-in-8bit. Where memory was short for a while, the same command goes on from the last checkpoint"
            ) from fault

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
