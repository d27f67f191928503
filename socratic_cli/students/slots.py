"""The keys and values of many sequences, each in a slot of its own, and attention over them without padding.

A forward pass gets the new tokens of all sequences in one row, whatever their number: one of each that is being
written, many of each that has a prompt to be read. So the linear layers, which cost most, meet no padding, and what a
slot holds is never computed again. vLLM and transformers' continuous batching do the same, with kernels of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

from socratic_cli.students.pages import Layer, Pages

ATTENTION = "socratic-slots"
_TOGETHER = 16
"""Sequences that a CPU attends together: few enough for their keys to stay in its cache, and of like lengths."""
_FEW = 4
"""oneDNN keeps a kernel for every shape it meets, and gives none back: so groups of more than a few are filled up by
their last sequence, and read whole pages, of which the tokens beyond a sequence's end are hidden."""


class Unsupported(Exception):
    """The model's attention is more than slots can do: soft caps, sinks, or layers of another kind."""


class Piece(NamedTuple):
    """New tokens of one slot: `tokens` follow the first `start` that it holds."""

    slot: int
    start: int
    tokens: tuple[int, ...]

    @property
    def end(self) -> int:
        """How many tokens the slot holds afterwards."""
        return self.start + len(self.tokens)


class How(NamedTuple):
    """How a layer attends: by which factor scores are scaled, and to how many of the last tokens."""

    scale: float
    window: int | None


class Slots:
    """Sequences by their numbers, and the keys and values of each."""

    def __init__(self, model: PreTrainedModel) -> None:
        """Keep the keys and values of a model."""
        self._model: Any = model
        self._pages = Pages()
        self._plan: _Plan | None = None
        self.windows: set[int | None] = set()
        """The windows of all layers that attended so far."""

    @torch.inference_mode()
    def forward(self, pieces: list[Piece]) -> Tensor:
        """Read new tokens into their slots; return the logits after the last of each, as (pieces, vocabulary).

        Raises:
            Unsupported: the model's attention cannot be done here.
        """
        for piece in pieces:
            self._pages.hold(piece.slot, piece.start, piece.end)
        self._plan = plan = _Plan(pieces, self._pages, self._model.device)
        with _attending(self._model):
            output = self._model(
                input_ids=plan.ids,
                position_ids=plan.positions,
                use_cache=False,
                logits_to_keep=plan.last,
                slots=self,
            )
        return output.logits[0].float()  # type: ignore[no-any-return]

    def copy(self, source: int, target: int, tokens: int) -> None:
        """Let a slot begin with as many tokens of another one."""
        self._pages.share(source, target, tokens)

    @property
    def layers(self) -> int:
        """How many layers of the model attended so far."""
        return self._pages.layers

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, how: How) -> Tensor:
        """Return the attention of new tokens over their slots, as (1, tokens, heads, head size)."""
        plan = self._plan
        assert plan is not None
        self.windows.add(how.window)
        known = self._pages.layer(layer, key)
        known.write(plan.places, key[0], value[0])
        found = query.new_empty(query.shape[2], query.shape[1], query.shape[3])
        for group in plan.groups:
            found[group.rows] = group.attend(query, key, value, known, how)
        return found[None]


class _Singles:
    """Sequences of like lengths with one new token each, attended together.

    Their keys and values are read in one piece first: what other slots hold, and what is longer, costs nothing then.
    """

    def __init__(self, pieces: list[Piece], rows: list[int], pages: Pages, device: torch.device) -> None:
        self.rows = torch.tensor(rows, device=device)
        self._table = pages.table([piece.slot for piece in pieces], max(piece.end for piece in pieces), device)
        self._ends = torch.tensor([piece.end for piece in pieces], device=device)[:, None, None, None]
        self._hidden: dict[int | None, Tensor] = {}

    def attend(self, query: Tensor, _key: Tensor, _value: Tensor, known: Layer, how: How) -> Tensor:
        keys, values = known.read(self._table)
        _, heads, _, size = query.shape
        groups = keys.shape[1]
        asked = query[0, :, self.rows].transpose(0, 1).reshape(-1, groups, heads // groups, size)
        scores = asked @ keys.transpose(-1, -2) * how.scale
        shares = scores.masked_fill_(self._beyond(how.window), torch.finfo(scores.dtype).min).softmax(dim=-1)
        return (shares @ values).reshape(-1, heads, size)

    def _beyond(self, window: int | None) -> Tensor:
        """Return which tokens are not attended to: those after a sequence's end, and before the window."""
        if window not in self._hidden:
            at = torch.arange(self._table.tokens, device=self._ends.device)
            beyond = at >= self._ends
            self._hidden[window] = beyond if window is None else beyond | (at < self._ends - window)
        return self._hidden[window]


class _Longer:
    """Many new tokens of one sequence."""

    def __init__(self, piece: Piece, first: int, pages: Pages, device: torch.device) -> None:
        self.rows = slice(first, first + len(piece.tokens))
        self._piece, self._device = piece, device
        self._table = pages.table([piece.slot], piece.end, device) if piece.start else None
        self._masks: dict[int | None, Tensor] = {}

    def attend(self, query: Tensor, key: Tensor, value: Tensor, known: Layer, how: How) -> Tensor:
        new, mask = (slice(None), slice(None), self.rows), self._mask(how.window)
        keys, values = key[new], value[new]
        if self._table is not None:
            keys, values = (memory[:, :, : self._piece.end] for memory in known.read(self._table))
        seen = scaled_dot_product_attention(
            query[new], keys, values, attn_mask=mask, is_causal=mask is None, scale=how.scale, enable_gqa=True
        )
        return seen[0].transpose(0, 1)

    def _mask(self, window: int | None) -> Tensor | None:
        """Return what each new token may see; None is everything before it, where all is new."""
        start, end = self._piece.start, self._piece.end
        if window is not None and window >= end:
            window = None
        if not start and window is None:
            return None
        if window not in self._masks:
            seen = torch.ones((end - start, end), dtype=torch.bool, device=self._device).tril(diagonal=start)
            self._masks[window] = seen if window is None else seen.triu(diagonal=start + 1 - window)
        return self._masks[window]


def _singles(pieces: list[Piece], rows: list[int], pages: Pages, device: torch.device) -> list[_Singles]:
    """Return sequences in groups of like lengths; a GPU would rather have one large one."""
    if device.type != "cpu":
        return [_Singles(pieces, rows, pages, device)] if pieces else []
    by_length = sorted(zip(pieces, rows, strict=True), key=lambda pair: pair[0].end)
    groups = [by_length[at : at + _TOGETHER] for at in range(0, len(by_length), _TOGETHER)]
    if groups and len(groups[-1]) > _FEW:
        groups[-1] += groups[-1][-1:] * (-len(groups[-1]) % _FEW)
    return [_Singles([piece for piece, _ in group], [row for _, row in group], pages, device) for group in groups]


class _Plan:
    """What one forward pass reads: where every token goes, and how it is attended."""

    def __init__(self, pieces: list[Piece], pages: Pages, device: torch.device) -> None:
        ends = list(accumulate(len(piece.tokens) for piece in pieces))
        self.ids = torch.tensor([[token for piece in pieces for token in piece.tokens]], device=device)
        self.positions = torch.tensor([[at for one in pieces for at in range(one.start, one.end)]], device=device)
        places = [place for one in pieces for place in pages.places(one.slot, one.start, one.end)]
        self.places = torch.tensor(places, device=device).T
        self.last = torch.tensor(ends, device=device) - 1
        single = [(piece, end - 1) for piece, end in zip(pieces, ends, strict=True) if len(piece.tokens) == 1]
        singles = _singles([piece for piece, _ in single], [at for _, at in single], pages, device)
        longer = [
            _Longer(piece, end - len(piece.tokens), pages, device)
            for piece, end in zip(pieces, ends, strict=True)
            if len(piece.tokens) > 1
        ]
        self.groups: list[_Singles | _Longer] = [*singles, *longer]


def _attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, _mask: Tensor | None, **more: Any
) -> tuple[Tensor, None]:
    """Attend as transformers asks for it; what slots cannot do is refused, since it would be wrong in silence."""
    slots = more.get("slots")
    unknown = [name for name in ("softcap", "s_aux") if more.get(name) is not None]
    if not isinstance(slots, Slots) or unknown or not hasattr(module, "layer_idx") or key.shape != value.shape:
        raise Unsupported(f"{type(module).__name__} {' '.join(unknown)}".strip())
    scale = more.get("scaling")
    how = How(query.shape[-1] ** -0.5 if scale is None else scale, more.get("sliding_window"))
    return slots.attend(module.layer_idx, query, key, value, how), None


AttentionInterface.register(ATTENTION, _attend)


@contextmanager
def _attending(model: Any) -> Iterator[None]:
    """Let a model attend over slots for one pass."""
    config = model.config.get_text_config()
    before = config._attn_implementation
    config._attn_implementation = ATTENTION
    try:
        yield
    finally:
        config._attn_implementation = before
