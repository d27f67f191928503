"""Linear layers in the layout that a CPU's matrix kernels want, for models that only reply.

oneDNN rearranges a weight whenever it is multiplied, unless it was packed before; PyTorch does so in compiled models
only. Packed, few rows are multiplied up to twice as fast, and a row comes to the same numbers whatever rows are beside
it, in float32 too; but for bfloat16 on processors with AMX, where the order of the sums, and so the last bits, depends
on the number of rows. The layers cannot be trained any more.

oneDNN compiles kernels for every number of rows it meets, half a megabyte each time, and gives none back. So rows are
filled up to one of few numbers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import pad
from transformers import PreTrainedModel
from transformers.pytorch_utils import Conv1D

_DTYPES = (torch.float32, torch.bfloat16)


class PackedLinear(nn.Module):
    """A linear layer from (..., in) to (..., out)."""

    def __init__(self, weight: Tensor, bias: Tensor | None, *, turned: bool = False) -> None:
        """Pack a weight of shape (out, in); the layer in whose place it comes may hold it turned, as (in, out)."""
        super().__init__()
        self._turned = turned
        # Neither is a buffer: a packed tensor can be neither moved nor saved.
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight.detach().contiguous(), None)
        self._bias = None if bias is None else bias.detach()

    @property
    def weight(self) -> Tensor:
        """The weight as it was before, in a copy: some architectures multiply by it themselves."""
        dense: Tensor = self._weight.to_dense()
        return dense.t() if self._turned else dense

    @property
    def bias(self) -> Tensor | None:
        """The bias."""
        return self._bias

    def forward(self, states: Tensor) -> Tensor:
        """Multiply."""
        rows = states.flatten(0, -2)
        count = len(rows)
        filled = pad(rows, (0, 0, 0, _filled(count) - count))
        found: Tensor = torch.ops.mkldnn._linear_pointwise(filled, self._weight, self._bias, "none", [], "")
        return found[:count].view(*states.shape[:-1], -1)


def _filled(count: int) -> int:
    """Return a number of rows that is not below `count`, and not far above.

    >>> [_filled(count) for count in (1, 9, 17, 63, 64, 65, 130, 1000)]
    [1, 9, 18, 64, 64, 72, 144, 1024]
    """
    grain = 1 << max(0, (count - 1).bit_length() - 4)
    return -(-count // grain) * grain


def pack(model: PreTrainedModel) -> None:
    """Pack the linear layers of a model on a CPU; leave it as it is where that cannot be done.

    Quantised layers stay, and adapters that are not merged: those are small.
    """
    if model.device.type != "cpu":
        return
    packed = [dtype for dtype in _DTYPES if is_able(dtype)]
    for name, layer in list(model.named_modules()):
        weight = _weight(layer)
        if weight is not None and weight.dtype in packed and "lora_" not in name:
            packed_layer = PackedLinear(weight, _bias(layer), turned=type(layer) is Conv1D)
            setattr(_parent(model, name), name.rpartition(".")[2], packed_layer)


def _weight(layer: nn.Module) -> Tensor | None:
    """Return a weight of shape (out, in); none of layers that are not linear, or quantised."""
    if type(layer) is nn.Linear:
        return layer.weight
    return layer.weight.t() if type(layer) is Conv1D else None


def _bias(layer: Any) -> Tensor | None:
    return layer.bias  # type: ignore[no-any-return]


def _parent(model: nn.Module, name: str) -> nn.Module:
    return model.get_submodule(name.rpartition(".")[0])


def is_able(dtype: torch.dtype) -> bool:
    """Say whether this PyTorch packs weights of a type, and this processor multiplies them.

    The operators are not part of PyTorch's public API, and in bfloat16 they refuse old processors.
    """
    states, weight = torch.randn(3, 16).to(dtype), torch.randn(8, 16).to(dtype)
    try:
        found = PackedLinear(weight, None)(states)
    except (AttributeError, RuntimeError, TypeError):  # NotImplementedError is a RuntimeError
        return False
    return torch.allclose(found.float(), states.float() @ weight.float().t(), rtol=0.05, atol=0.05)
