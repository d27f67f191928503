"""Replies of a batch of prompts, written by transformers' `generate`: for architectures that slots do not know."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from threading import Event
from typing import Any

import torch
from torch import Tensor
from transformers import (
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedModel,
    StoppingCriteria,
    StoppingCriteriaList,
)

from socratic_cli.settings import Decoding
from socratic_cli.students.language import Language, ends
from socratic_cli.students.requests import Request
from socratic_cli.students.sampling import draw
from socratic_cli.students.tokens import Tokens, padded
from socratic_cli.students.weights import context


@dataclass(frozen=True, slots=True)
class Voice:
    """A model that speaks for a role; `activate` makes it do so where several roles share it."""

    model: PreTrainedModel
    tokens: Tokens
    activate: Callable[[], None] = lambda: None

    @property
    def language(self) -> Language:
        """What writing a reply must know of the model."""
        weights: Any = self.model.get_input_embeddings()
        ended_by = ends(self.tokens, self.model.generation_config)
        return Language(self.tokens, ended_by, int(weights.num_embeddings), context(self.model.config))


def write(voice: Voice, requests: list[Request], decoding: Decoding, halt: Event) -> list[list[int]]:
    """Return the tokens that are written to a batch of requests, up to the end of the longest; `halt` ends them early.

    What comes after a reply's own end is for the caller to pass over.
    """
    voice.activate()
    prompts = [voice.tokens.prompt(request.prompt) for request in requests]
    written: dict[int, list[int]] = {}
    rooms = [decoding.room(request.role) for request in requests]
    for room, rows in _groups(prompts, context(voice.model.config), rooms):
        batch = _Batch(voice, [requests[row] for row in rows], [prompts[row] for row in rows], halt)
        written |= zip(rows, batch.write(room, decoding) if room else [[] for _ in rows], strict=True)
    return [written[row] for row in range(len(requests))]


def _groups(prompts: list[list[int]], limit: int | None, rooms: list[int]) -> list[tuple[int, list[int]]]:
    """Return the rows that can be written together, with the tokens there is room for.

    A prompt that nearly fills the context is written apart: it must not shorten the replies of its neighbours.
    """
    groups: dict[int, list[int]] = {}
    for row, (prompt, room) in enumerate(zip(prompts, rooms, strict=True)):
        left = room if limit is None else min(room, max(0, limit - len(prompt)))
        groups.setdefault(left, []).append(row)
    return list(groups.items())


class _Batch:
    def __init__(self, voice: Voice, requests: list[Request], prompts: list[list[int]], halt: Event) -> None:
        self._voice, self._requests, self._prompts, self._halt = voice, requests, prompts, halt

    @torch.inference_mode()
    def write(self, room: int, decoding: Decoding) -> list[list[int]]:
        tokens = self._voice.tokens
        model: Any = self._voice.model
        ids = torch.tensor(padded(self._prompts, tokens.pad, left=True), device=model.device)
        seen = torch.tensor(padded(([1] * len(row) for row in self._prompts), 0, left=True), device=model.device)
        marks = _Marks(tokens, self._requests, ids.shape[1], self._halt)
        sampled = [_Sample(decoding, [request.seed for request in self._requests])] if decoding.temperature else []
        written: Any = model.generate(
            input_ids=ids,
            attention_mask=seen,
            max_new_tokens=room,
            do_sample=False,
            eos_token_id=sorted(self._voice.language.ends),
            pad_token_id=tokens.pad,
            logits_processor=LogitsProcessorList(sampled),
            stopping_criteria=StoppingCriteriaList([marks]),
        )
        rows: list[list[int]] = written[:, ids.shape[1] :].tolist()
        return rows


class _Marks(StoppingCriteria):
    """Ends each row at the first of its marks.

    A mark of n bytes lies in the last n tokens when its last byte has just been written, so only they are decoded.
    """

    def __init__(self, tokens: Tokens, requests: list[Request], prompt: int, halt: Event) -> None:
        self._tokens, self._prompt, self._halt = tokens, prompt, halt
        self._marks = [request.marks for request in requests]
        self._reach = max((len(mark.encode()) for marks in self._marks for mark in marks), default=0) + 1
        self._done = [False] * len(requests)

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:  # noqa: ARG002
        if self._halt.is_set():
            return torch.ones(len(input_ids), dtype=torch.bool, device=input_ids.device)
        if self._reach > 1:
            new = input_ids[:, max(self._prompt, input_ids.shape[1] - self._reach) :].tolist()
            for row, marks in enumerate(self._marks):
                if marks and not self._done[row]:
                    text = self._tokens.text(new[row])
                    self._done[row] = any(mark in text for mark in marks)
        return torch.tensor(self._done, device=input_ids.device)


class _Sample(LogitsProcessor):
    """Leaves one sampled token a row."""

    def __init__(self, decoding: Decoding, seeds: list[int]) -> None:
        self._decoding = decoding
        self._dice = [random.Random(seed) for seed in seeds]  # noqa: S311 - samples are no secret

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:  # noqa: ARG002
        chosen = torch.tensor(draw(scores, self._dice, self._decoding), device=scores.device)
        return torch.full_like(scores, float("-inf")).scatter(1, chosen[:, None], 0.0)
