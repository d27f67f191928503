"""Whether slots can do a model's attention: not every architecture attends in a way they know."""

from __future__ import annotations

import logging
from typing import Any

import torch
from torch import Tensor
from transformers import PreTrainedModel

from socratic_cli.students.memory import is_exhausted
from socratic_cli.students.slots import Piece, Slots, Unsupported

log = logging.getLogger(__name__)
PROBE = tuple(
    tuple(20 + (37 * at + 11 * place * place) % 220 for place in range(length))
    for at, length in enumerate((5, 3, 7, 4, 6))
)
"""Token ids of sequences that mean nothing, below the smallest vocabulary and above what is special in most."""
_EXACT, _ROUNDED = 1e-3, 0.1
"""By how much logits may differ, of the largest, in float32 and where numbers are rounded more."""


def fits(model: PreTrainedModel) -> bool:
    """Say whether slots give the logits that the model itself gives."""
    try:
        found, expected = _in_slots(model), _alone(model)
    except Unsupported as fault:
        log.info("%s replies in whole batches: %s", type(model).__name__, fault)
        return False
    except Exception as fault:  # an architecture that is not known fails in its own way; it may be a fault of ours
        if is_exhausted(fault):
            raise
        log.warning("%s replies in whole batches: %s: %s", type(model).__name__, type(fault).__name__, fault)
        return False
    is_exact = next(model.parameters()).dtype == torch.float32 and not getattr(model, "is_quantized", False)
    apart = (found - expected).abs().amax(dim=1)
    # Rounding can carry a sequence without sense anywhere; an attention that is not this one changes most of them.
    far = float(apart.max() if is_exact else apart.median())
    if far <= (_EXACT if is_exact else _ROUNDED) * float(expected.abs().max()):
        return True
    log.warning("%s replies in whole batches: its logits differ by %.3g in slots", type(model).__name__, far)
    return False


def _in_slots(model: PreTrainedModel) -> Tensor:
    """Return the logits after each sequence, its last token read apart.

    Raises:
        Unsupported: some layers do not attend in slots; what they do (recurrences, convolutions) would mix sequences.
    """
    slots = Slots(model)
    slots.forward([Piece(at, 0, ids[:-1]) for at, ids in enumerate(PROBE)])
    found = slots.forward([Piece(at, len(ids) - 1, ids[-1:]) for at, ids in enumerate(PROBE)])
    layers = model.config.get_text_config().num_hidden_layers
    if slots.layers != layers:
        raise Unsupported(f"{slots.layers} of its {layers} layers attend")
    if hidden := _windows(model.config.get_text_config()) - slots.windows:
        raise Unsupported(f"a window of {min(hidden)} tokens stands in its mask alone, which slots do not see")
    return found


def _windows(config: Any) -> set[int]:
    """Return the windows that a model's configuration names for some of its layers.

    The probe is shorter than any of them, so it could not tell a window that no layer tells.
    """
    kinds = getattr(config, "layer_types", None)
    named = {"sliding_attention": "sliding_window", "chunked_attention": "attention_chunk_size"}
    used = [field for kind, field in named.items() if kinds is None or kind in kinds]
    found = (getattr(config, field, None) for field in used)
    return {window for window in found if window is not None}


@torch.inference_mode()
def _alone(model: PreTrainedModel) -> Tensor:
    """Return the logits after each sequence, each read by the model itself."""
    read = (model(input_ids=torch.tensor([ids], device=model.device)) for ids in PROBE)
    return torch.stack([output.logits[0, -1].float() for output in read])
