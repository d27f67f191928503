"""What applies a gradient: clipped, AdamW, a rate that rises linearly and then falls to zero.

The schedule is transformers' `get_linear_schedule_with_warmup`. It is not imported: with it come peft, bitsandbytes and
torch's compiler, seconds that a student without adapters need not wait.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.nn import Module, Parameter
from torch.nn.utils import clip_grad_norm_
from torch.optim.lr_scheduler import LambdaLR

from socratic_cli import processes
from socratic_cli.settings import Training
from socratic_cli.students.checkpoints import State
from socratic_cli.students.shards import part, whole

_PREFIX = "optimiser."


class Optimiser:
    """AdamW with its schedule, which can be kept in a checkpoint."""

    def __init__(self, model: Module, training: Training, total: int) -> None:
        """Train every parameter that takes a gradient, for `total` steps."""
        self._trained = [weight for weight in model.parameters() if weight.requires_grad]
        self._max_norm = training.max_grad_norm
        groups = _groups(self._trained, training.weight_decay)
        self._adamw = torch.optim.AdamW(groups, lr=training.learning_rate, fused=True)
        self._schedule = LambdaLR(self._adamw, partial(_share, warmup=int(total * training.warmup), total=total))

    def step(self) -> tuple[float, float]:
        """Apply the gradient; return its norm before it was clipped, and the learning rate it was applied at.

        The gradient is the sum of what all processes found; sharded weights sum theirs on the way back.
        """
        rate = float(self._adamw.param_groups[0]["lr"])
        if not processes.sharded():
            processes.add(self._gradients())
        norm = clip_grad_norm_(self._trained, self._max_norm)
        norm = norm.full_tensor() if isinstance(norm, DTensor) else norm
        self._adamw.step()
        self._schedule.step()
        self._adamw.zero_grad(set_to_none=True)
        return float(norm), rate

    def _gradients(self) -> list[Tensor]:
        """Return all gradients; where a process had no sequence for a weight, others may have had one."""
        if processes.count() > 1:
            for weight in self._trained:
                weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad
        return [weight.grad for weight in self._trained if weight.grad is not None]

    def tensors(self) -> dict[str, Tensor]:
        """Return AdamW's moments and steps, by the number of their parameter."""
        state: dict[int, dict[str, Tensor]] = self._adamw.state_dict()["state"]
        return {f"{_PREFIX}{at}.{name}": whole(one) for at, moments in state.items() for name, one in moments.items()}

    def numbers(self) -> dict[str, Any]:
        """Return where the schedule stands."""
        return {
            "schedule": {name: value for name, value in self._schedule.state_dict().items() if name != "lr_lambdas"},
            "rates": [group["lr"] for group in self._adamw.param_groups],
        }

    def load(self, state: State) -> None:
        """Go on from a checkpoint."""
        weights = [weight for group in self._adamw.param_groups for weight in group["params"]]
        moments: dict[int, dict[str, Tensor]] = {}
        for name, tensor in state.tensors.items():
            if name.startswith(_PREFIX):
                at, _, moment = name.removeprefix(_PREFIX).partition(".")
                kept = part(tensor, like=weights[int(at)]) if tensor.ndim else tensor  # steps are numbers
                moments.setdefault(int(at), {})[moment] = kept
        self._adamw.load_state_dict({**self._adamw.state_dict(), "state": moments})
        self._schedule.load_state_dict({**self._schedule.state_dict(), **state.numbers["schedule"]})
        for group, rate in zip(self._adamw.param_groups, state.numbers["rates"], strict=True):
            group["lr"] = rate


def _share(step: int, warmup: int, total: int) -> float:
    """Return the share of the peak rate at a step: from 0 to 1 in `warmup` steps, then back to 0 at `total`."""
    if step < warmup:
        return step / warmup
    return max(0.0, (total - step) / max(1, total - warmup))


def _groups(trained: list[Parameter], decay: float) -> list[dict[str, object]]:
    """Return the weights in two groups: biases and norms are not drawn towards zero."""
    groups = [
        {"params": [weight for weight in trained if weight.ndim > 1], "weight_decay": decay},
        {"params": [weight for weight in trained if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]
