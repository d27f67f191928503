"""Replies in whole batches, for architectures that slots do not know: `generate` writes each batch to its end."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice, takewhile
from threading import Event
from typing import Any

import torch

from socratic_cli.errors import StudentError
from socratic_cli.settings import Decoding
from socratic_cli.students.generation import Voice, write
from socratic_cli.students.multiple_choice import MultipleChoice
from socratic_cli.students.writing import Writing


def batch(waiting: Iterable[Writing], width: int) -> list[Writing]:
    """Return the first ones of those that wait, as many as are written together; who weighs options is alone."""
    first, *more = islice(waiting, width)
    if isinstance(first, MultipleChoice):
        return [first]
    return [first, *takewhile(lambda one: not isinstance(one, MultipleChoice), more)]


def finish(voice: Voice, writings: Sequence[Writing], decoding: Decoding, halt: Event) -> None:
    """Write a batch to its end; `halt` ends it early.

    Raises:
        StudentError: a calculator was to step in.
    """
    if decoding.calculator == "force":
        raise StudentError(
            f"{type(voice.model).__name__} replies in whole batches, where no calculator can step in:"
            " --calculator check or off"
        )
    written = list[Writing]()
    for one in writings:
        if isinstance(one, MultipleChoice):
            _weigh(voice, one)
        else:
            written.append(one)
    rows = write(voice, [one.request for one in written], decoding, halt)
    for one, tokens in zip(written, rows, strict=True):
        _accept(one, tokens)


def _accept(writing: Writing, tokens: Iterable[int]) -> None:
    """Let a reply take its tokens as if they came one by one, so that it ends where it would have ended alone."""
    for token in tokens:
        if writing.finish_reason is not None:
            return
        writing.accept(token)
    writing.finish_reason = writing.finish_reason or "length"


@torch.inference_mode()
def _weigh(voice: Voice, writing: MultipleChoice) -> None:
    """Weigh options by a forward pass of their own."""
    voice.activate()
    model: Any = voice.model
    writing.weigh(model(input_ids=torch.tensor([writing.ids], device=model.device)).logits[0, -1].float())
