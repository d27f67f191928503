"""The keys and values of many sequences, each in a slot of its own, and attention over them without padding.

A forward pass gets the new tokens of all sequences in one row, whatever their number: one of each that is being
written, many of each that has a prompt to be read. So the linear layers, which cost most, meet no padding, and what a
slot holds is never computed again. The same idea serves vLLM and transformers' continuous batching in pages; slots in
one piece need no kernel of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel

ATTENTION = "socratic-slots"
_SLOTS, _TOKENS = 16, 128
"""Memory grows by so many slots and tokens, so that it grows rarely; a multiple of what a group reaches."""
_TOGETHER = 16
"""Sequences that a CPU attends together: few enough for their keys to stay in its cache, and of like lengths."""
_FEW, _REACH = 4, 32
"""oneDNN keeps a kernel for every shape it meets, and gives none back: so groups of more than a few are filled up by
their last sequence, and reach a multiple of so many tokens, of which those beyond a sequence's end are hidden."""


class Unsupported(Exception):
    """The model's attention is more than slots can do: windows, soft caps, sinks."""


class Piece(NamedTuple):
    """New tokens of one slot: `tokens` follow the first `start` that it holds."""

    slot: int
    start: int
    tokens: tuple[int, ...]

    @property
    def end(self) -> int:
        """How many tokens the slot holds afterwards."""
        return self.start + len(self.tokens)


class Slots:
    """Memory of `count` sequences. Shapes: keys and values of a layer are (slots, heads, tokens, head size)."""

    def __init__(self, model: PreTrainedModel, count: int) -> None:
        """Keep the keys and values of a model."""
        self._model: Any = model
        self._count = count
        self._keys: dict[int, Tensor] = {}
        self._values: dict[int, Tensor] = {}
        self._plan: _Plan | None = None

    @torch.inference_mode()
    def forward(self, pieces: list[Piece]) -> Tensor:
        """Read new tokens into their slots; return the logits after the last of each, as (pieces, vocabulary).

        Raises:
            Unsupported: the model's attention cannot be done here.
        """
        self._plan = plan = _Plan(pieces, self._model.device)
        with _attending(self._model):
            output = self._model(
                input_ids=plan.ids,
                position_ids=plan.positions[None],
                use_cache=False,
                logits_to_keep=plan.last,
                slots=self,
            )
        return output.logits[0].float()  # type: ignore[no-any-return]

    @torch.inference_mode()
    def copy(self, source: int, target: int, tokens: int) -> None:
        """Let a slot begin as another does."""
        for memory in (self._keys, self._values):
            for number, layer in memory.items():
                grown = self._grown(memory, number, layer, target + 1, tokens)
                grown[target, :, :tokens] = grown[source, :, :tokens]

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Return the attention of new tokens over their slots, as (1, tokens, heads, head size)."""
        plan = self._plan
        assert plan is not None
        keys = self._grown(self._keys, layer, key, plan.slots_needed, plan.tokens_needed)
        values = self._grown(self._values, layer, value, plan.slots_needed, plan.tokens_needed)
        keys[plan.slots, :, plan.positions] = key[0].transpose(0, 1)
        values[plan.slots, :, plan.positions] = value[0].transpose(0, 1)
        found = query.new_empty(query.shape[2], query.shape[1], query.shape[3])
        for singles in plan.singles:
            found[singles.rows] = singles.attend(query, keys, values, scale)
        for piece, at in plan.longer:
            new = query[:, :, at : at + len(piece.tokens)]
            known = slice(piece.slot, piece.slot + 1), slice(None), slice(0, piece.end)
            mask = plan.mask(piece)
            seen = scaled_dot_product_attention(
                new, keys[known], values[known], attn_mask=mask, is_causal=mask is None, scale=scale, enable_gqa=True
            )
            found[at : at + len(piece.tokens)] = seen[0].transpose(0, 1)
        return found[None]

    def _grown(self, memory: dict[int, Tensor], layer: int, like: Tensor, slots: int, tokens: int) -> Tensor:
        """Return the memory of a layer, with room for so many slots and tokens."""
        old = memory.get(layer)
        if old is None or old.shape[0] < slots or old.shape[2] < tokens:
            had_slots, had_tokens = old.shape[0::2] if old is not None else (0, 0)
            slots = min(self._count, max(had_slots, _grained(slots, _SLOTS)))
            # zeros: what was never written is masked, but must be a number
            new = like.new_zeros(slots, like.shape[1], max(had_tokens, _grained(tokens, _TOKENS)), like.shape[3])
            if old is not None:
                new[:had_slots, :, :had_tokens] = old
            memory[layer] = new
        return memory[layer]


def _grained(count: int, grain: int) -> int:
    return -(-count // grain) * grain


class _Singles:
    """Sequences of like lengths with one new token each, attended together.

    Their keys and values are gathered first: what other slots hold, and what is longer, costs nothing then.
    """

    def __init__(self, pieces: list[Piece], rows: list[int], device: torch.device) -> None:
        self.rows = torch.tensor(rows, device=device)
        self._slots = torch.tensor([piece.slot for piece in pieces], device=device)
        self._reach = _grained(max(piece.end for piece in pieces), _REACH)
        ends = torch.tensor([piece.end for piece in pieces], device=device)
        self._hidden = torch.arange(self._reach, device=device)[None, None, None] >= ends[:, None, None, None]

    def attend(self, query: Tensor, keys: Tensor, values: Tensor, scale: float) -> Tensor:
        _, heads, _, size = query.shape
        groups = keys.shape[1]
        asked = query[0, :, self.rows].transpose(0, 1).reshape(-1, groups, heads // groups, size)
        scores = asked @ self._gathered(keys).transpose(-1, -2) * scale
        shares = scores.masked_fill_(self._hidden, torch.finfo(scores.dtype).min).softmax(dim=-1)
        return (shares @ self._gathered(values)).reshape(-1, heads, size)

    def _gathered(self, memory: Tensor) -> Tensor:
        wide = _widest(memory)
        return memory.view(wide)[self._slots, :, : self._reach].view(memory.dtype)


def _widest(memory: Tensor) -> torch.dtype:
    """Return the type in which memory is copied with the fewest numbers: they are gathered one by one."""
    size = memory.shape[-1] * memory.element_size()
    return next((wide for wide in (torch.complex128, torch.int64) if size % wide.itemsize == 0), memory.dtype)


def _singles(pieces: list[Piece], rows: list[int], device: torch.device) -> list[_Singles]:
    """Return sequences in groups of like lengths; a GPU would rather have one large one."""
    if device.type != "cpu":
        return [_Singles(pieces, rows, device)] if pieces else []
    by_length = sorted(zip(pieces, rows, strict=True), key=lambda pair: pair[0].end)
    groups = [by_length[at : at + _TOGETHER] for at in range(0, len(by_length), _TOGETHER)]
    if groups and len(groups[-1]) > _FEW:
        groups[-1] += groups[-1][-1:] * (-len(groups[-1]) % _FEW)
    return [_Singles([piece for piece, _ in group], [row for _, row in group], device) for group in groups]


class _Plan:
    """What one forward pass reads: where every token goes, and how it is attended."""

    def __init__(self, pieces: list[Piece], device: torch.device) -> None:
        ids = [token for piece in pieces for token in piece.tokens]
        ends = list(_ends(pieces))
        self.ids = torch.tensor([ids], device=device)
        self.last = torch.tensor(ends, device=device) - 1
        self.slots = torch.tensor([piece.slot for piece in pieces for _ in piece.tokens], device=device)
        self.positions = torch.tensor([at for piece in pieces for at in range(piece.start, piece.end)], device=device)
        self.slots_needed = max(piece.slot for piece in pieces) + 1
        self.tokens_needed = max(piece.end for piece in pieces)
        self._device = device
        self._masks: dict[tuple[int, int], Tensor] = {}
        single = [(piece, end - 1) for piece, end in zip(pieces, ends, strict=True) if len(piece.tokens) == 1]
        self.singles = _singles([piece for piece, _ in single], [at for _, at in single], device)
        self.longer = [
            (piece, end - len(piece.tokens)) for piece, end in zip(pieces, ends, strict=True) if len(piece.tokens) > 1
        ]

    def mask(self, piece: Piece) -> Tensor | None:
        """Return what the tokens of a piece may see; None is everything before them in their own piece."""
        if not piece.start:
            return None
        shape = (len(piece.tokens), piece.end)
        if shape not in self._masks:
            ones = torch.ones(shape, dtype=torch.bool, device=self._device)
            self._masks[shape] = ones.tril(diagonal=piece.start)
        return self._masks[shape]


def _ends(pieces: list[Piece]) -> Iterator[int]:
    at = 0
    for piece in pieces:
        at += len(piece.tokens)
        yield at


def _attend(
    module: Any, query: Tensor, key: Tensor, value: Tensor, _mask: Tensor | None, **more: Any
) -> tuple[Tensor, None]:
    """Attend as transformers asks for it; what slots cannot do is refused, since it would be wrong in silence."""
    slots = more.get("slots")
    unknown = [name for name in ("sliding_window", "softcap", "s_aux") if more.get(name) is not None]
    if not isinstance(slots, Slots) or unknown or not hasattr(module, "layer_idx"):
        raise Unsupported(f"{type(module).__name__} {' '.join(unknown)}".strip())
    scale = more.get("scaling")
    return slots.attend(module.layer_idx, query, key, value, query.shape[-1] ** -0.5 if scale is None else scale), None


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
