"""Weights of which each process holds a part (FSDP2), for students that do not fit one GPU with gradients and AdamW."""

# mypy: allow-untyped-calls
# (parts of accelerate and transformers are not annotated)
from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from socratic_cli import processes
from socratic_cli.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from transformers import PreTrainedModel

    from socratic_cli.students.loss import Loss
    from socratic_cli.students.tokens import Sequence


def shard(model: PreTrainedModel, loss: Loss, sample: list[Sequence]) -> Callable[[list[Sequence]], Tensor]:
    """Leave a part of the weights in each process, as the launcher's configuration says; return what takes the loss.

    Weights are fetched when the model is called; the loss calls its pieces, so it is registered as another way to call
    the model. The sample lets it look at the model before.

    Raises:
        UsageError: the configuration asks for what is not supported.
    """
    from accelerate import Accelerator
    from accelerate.utils import fsdp2_prepare_model
    from torch.distributed.fsdp import register_fsdp_forward_method

    plugin = configured()
    with torch.no_grad():
        loss(sample)
    accelerator = Accelerator(cpu=not torch.cuda.is_available(), fsdp_plugin=plugin, mixed_precision="no")
    accelerator.state.fsdp_plugin = plugin  # on CPUs it is not taken up
    fsdp2_prepare_model(accelerator, model)
    named: Any = model
    named.summed_loss = partial(_call, loss)
    register_fsdp_forward_method(named, "summed_loss")
    return lambda batch: named.summed_loss(batch)


def configured() -> Any:
    """Return what `accelerate launch` put into the environment.

    Raises:
        UsageError: it asks for what is not supported.
    """
    from accelerate.utils import FullyShardedDataParallelPlugin
    from torch.distributed.fsdp import CPUOffloadPolicy

    plugin = FullyShardedDataParallelPlugin()
    refused = {
        "fsdp_version: 2": plugin.fsdp_version != 2,
        "fsdp_cpu_ram_efficient_loading: false": plugin.cpu_ram_efficient_loading,
        "fsdp_offload_params: false": isinstance(plugin.cpu_offload, CPUOffloadPolicy) or plugin.cpu_offload is True,
        "fsdp_activation_checkpointing: false": plugin.activation_checkpointing,  # the student's own option does it
    }
    if wrong := [setting for setting, asked in refused.items() if asked]:
        raise UsageError(
            f"this FSDP configuration is not supported: set {', '.join(wrong)}, as recipes/launch/fsdp.yaml does"
        )
    return plugin


def _call(loss: Loss, batch: list[Sequence]) -> Tensor:
    return loss(batch)


def whole(tensor: Tensor) -> Tensor:
    """Return all of a tensor to the first process, and nothing to the others; an unsharded one as it is.

    Every process must ask, for each has a part.
    """
    from torch.distributed.tensor import DTensor

    if not isinstance(tensor, DTensor):
        return tensor
    full = tensor.full_tensor()
    return full.cpu() if processes.first() else torch.empty(0)


def part(tensor: Tensor, like: Tensor) -> Tensor:
    """Return this process's part of a whole tensor, split as another one is."""
    from torch.distributed.tensor import DTensor, distribute_tensor

    if not isinstance(like, DTensor):
        return tensor
    return distribute_tensor(tensor.to(like.device, like.dtype), like.device_mesh, like.placements)
