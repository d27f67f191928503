"""The loss on the tokens that are learnt, with logits computed for them alone."""

# mypy: allow-untyped-calls
# (parts of transformers are not annotated)
from __future__ import annotations

import logging

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import PreTrainedModel

from socratic_cli.students.tokens import Sequence, padded

log = logging.getLogger(__name__)


class Loss:
    """Sum of the negative log likelihoods of learnt tokens.

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
        logits = self._head(self._hidden(ids)[predicts]) if self._short else self._logits(ids)[predicts]
        # predicts is learnt moved by one, row by row, so both masks pick in the same order
        targets = ids[:, 1:][learnt[:, 1:]]
        return cross_entropy(logits.float(), targets, reduction="sum", label_smoothing=self._smoothing)

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
        self._model.eval()  # dropout would make them differ
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
