"""A role's weights as one model, whether it was fine-tuned in full or is an adapter on a base."""

from __future__ import annotations

import torch
from transformers import PreTrainedModel

from socratic_cli.backends import Weights
from socratic_cli.students import adapters
from socratic_cli.students.weights import Source, load_model


def merged(weights: Weights, role: str | None, dtype: torch.dtype) -> PreTrainedModel:
    """Return the model that plays a saved role, or the untrained base, an adapter merged into it.

    The product of an adapter's factors is computed in float32, and added in `dtype`.

    Raises:
        StudentError: it cannot be loaded.
    """
    name, revision = weights.model_of(role)
    model = load_model(Source(name, revision, dtype, weights.bits))
    if weights.folder and role and weights.adapted:
        return adapters.attach(model, weights.folder, (role,)).merge_and_unload()  # type: ignore[no-any-return]
    return model
