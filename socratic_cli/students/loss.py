"""The loss on the tokens that are learnt, with logits computed for them alone."""

# mypy: allow-untyped-calls
# (parts of transformers are not annotated)
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.utils.checkpoint import checkpoint
from transformers import PreTrainedModel

from socratic_cli.students.tokens import Sequence, padded

log = logging.getLogger(__name__)
_CHUNK = 1024
"""Positions whose logits are held at one time: 50,000 numbers each, several times over in the backward pass."""
_SHORT = 512
"""Sequences up to so many tokens are attended faster on a CPU by matrix products than by the fused kernel."""


class Loss:
    """Sum of the negative log likelihoods of learnt tokens, each with the weight of its sequence.

    A vocabulary of 50,000 makes logits the largest tensor of a forward pass, and most positions are prompt: so the
    transformer runs first, and the output layer on the positions that count. Architectures that do more to their
    logits than one matrix product (Gemma's soft cap, Cohere's scale) are found out on the first batch.
    """

    def __init__(self, model: PreTrainedModel, pad: int, smoothing: float = 0.0) -> None:
        """Take the loss of `model`, with sequences padded by the id `pad`.

        With `smoothing`, that share of each target's probability is spread evenly over the vocabulary (label
        smoothing, Szegedy et al., 2016).
        """
        self._model = model
        self._pad = pad
        self._smoothing = smoothing
        self._short: bool | None = None

    def __call__(self, batch: list[Sequence]) -> Tensor:
        """Return the summed loss of a batch."""
        ids, learnt = self._tensors(batch)
        if self._short is None:
            self._short = self._agrees(ids[:1, :64])
        predicts = torch.zeros_like(learnt)
        predicts[:, :-1] = learnt[:, 1:]
        # predicts is learnt moved by one, row by row, so both masks pick in the same order
        targets = ids[:, 1:][learnt[:, 1:]]
        weights = self._weights(batch)
        with _attending(self._model, ids):
            if not self._short:
                return self._nll(self._logits(ids)[predicts], targets, weights)
            return self._of_hidden(self._hidden(ids)[predicts], targets, weights)

    def _weights(self, batch: list[Sequence]) -> Tensor:
        counts = torch.tensor([row.targets for row in batch])
        weights = torch.tensor([row.weight for row in batch]).repeat_interleave(counts)
        return weights.to(self._model.device)

    def _of_hidden(self, hidden: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        """Return the loss of hidden states (positions, size); their logits are computed once more in the backward."""
        if len(targets) <= _CHUNK:
            return self._from_head(hidden, targets, weights)
        parts = zip(hidden.split(_CHUNK), targets.split(_CHUNK), weights.split(_CHUNK), strict=True)
        return torch.stack([checkpoint(self._from_head, *part, use_reentrant=False) for part in parts]).sum()

    def _from_head(self, hidden: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        return self._nll(self._head(hidden), targets, weights)

    def _nll(self, logits: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
        each = cross_entropy(logits.float(), targets, reduction="none", label_smoothing=self._smoothing)
        return torch.dot(each, weights)

    def _tensors(self, batch: list[Sequence]) -> tuple[Tensor, Tensor]:
        ids = torch.tensor(padded((row.ids for row in batch), self._pad), device=self._model.device)
        learnt = torch.tensor(padded((row.learnt for row in batch), 0), device=self._model.device)
        return ids, learnt.bool()

    def _hidden(self, ids: Tensor) -> Tensor:
        # No mask: padding is at the right, where nothing that counts looks.
        output = self._model.get_decoder()(input_ids=ids, use_cache=False)
        return output.last_hidden_state  # type: ignore[no-any-return]

    def _head(self, hidden: Tensor) -> Tensor:
        return self._model.get_output_embeddings()(hidden)  # type: ignore[no-any-return]

    def _logits(self, ids: Tensor) -> Tensor:
        return self._model(input_ids=ids, use_cache=False).logits  # type: ignore[no-any-return]

    @torch.no_grad()
    def _agrees(self, ids: Tensor) -> bool:
        """Say whether the output layer alone gives the model's own logits."""
        training = self._model.training
        # Dropout would make them differ; but on a CPU, bitsandbytes repacks 4-bit weights that are evaluated, and the
        # gradients after it are wrong.
        self._model.train(training and getattr(self._model, "is_loaded_in_4bit", False))
        try:
            whole = self._logits(ids)[0].float()
            short = self._head(self._hidden(ids)[0]).float()
            same = whole.shape == short.shape and bool((whole - short).abs().max() <= 1e-3 * whole.abs().max())
        except (AttributeError, TypeError):
            same = False
        finally:
            self._model.train(training)
            torch.clear_autocast_cache()  # some releases of torch would reuse copies made without gradient
        if not same:
            log.info("the logits of %s are more than its output layer: computing all of them", type(self._model))
        return same


@contextmanager
def _attending(model: PreTrainedModel, ids: Tensor) -> Iterator[None]:
    """Let a model attend in the way that is fastest where it is: fused, or on a CPU to short sequences in the open.

    What is computed again in the backward pass is computed as the model is set then, so checkpointing stays as it is.
    """
    config = model.config.get_text_config()
    before = config._attn_implementation
    is_short = model.device.type == "cpu" and ids.shape[1] <= _SHORT
    if is_short and before == "sdpa" and not _checkpoints(model):
        config._attn_implementation = "eager"
    try:
        yield
    finally:
        config._attn_implementation = before


def _checkpoints(model: PreTrainedModel) -> bool:
    # the name that transformers 6 keeps, and the one that 5.0 has
    name = (
        "is_activation_checkpointing" if hasattr(model, "is_activation_checkpointing") else "is_gradient_checkpointing"
    )
    return bool(getattr(model, name))
