"""Passage -> tokens: the text once, with the tokens that are learnt marked.

What a student reads in training must be what it reads when it is asked. There the prompt is tokenised alone, so a
token must never straddle the seam between a prompt and its completion.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from transformers import PreTrainedTokenizerBase

from socratic_cli.dialogue import Passage


@dataclass(frozen=True, slots=True)
class Sequence:
    """The tokens of a passage, which of them are learnt, and the weight of each of these in the loss."""

    ids: tuple[int, ...]
    learnt: tuple[bool, ...]
    weight: float = 1.0

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def targets(self) -> int:
        """How many tokens are learnt; nothing comes before the first, so it cannot be."""
        return sum(self.learnt[1:])

    @property
    def mass(self) -> float:
        """The weight of all that is learnt: what a mean loss is divided by."""
        return self.weight * self.targets


class Tokens:
    """A tokenizer as prompts and passages need it."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        """Find out what the tokenizer puts before a text: a beginning-of-sequence token, or nothing."""
        self.tokenizer = tokenizer
        self.end: int = tokenizer.eos_token_id
        self.pad: int = tokenizer.eos_token_id if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        plain, whole = self.piece("a"), list(tokenizer("a").input_ids)
        start = next((at for at in range(len(whole)) if whole[at : at + len(plain)] == plain), 0)
        self._head: list[int] = whole[:start]

    def prompt(self, text: str) -> list[int]:
        """Return the ids of a prompt."""
        return self._head + self.piece(text)

    def text(self, ids: list[int]) -> str:
        """Return the text of generated ids, letter by letter."""
        return str(self.tokenizer.decode(ids, skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def passage(self, passage: Passage) -> Sequence:
        """Return the tokens of a passage; the first prompt's are those of the prompt alone."""
        ids, learnt = self._whole(passage) or self._pieces(passage)
        if passage.eos:
            ids, learnt = [*ids, self.end], [*learnt, True]
        return Sequence((*self._head, *ids), (*[False] * len(self._head), *learnt))

    def piece(self, text: str) -> list[int]:
        """Return the ids of a part of a text."""
        # A text that spells a special token (`<|im_end|>` in a question) is text.
        return list(self.tokenizer(text, add_special_tokens=False, split_special_tokens=True).input_ids)

    def further(self, text: str) -> list[int]:
        """Return the ids of a text that goes on with another one.

        Some tokenizers (SentencePiece's) put a blank before what begins, which nothing that goes on has.
        """
        line, whole = self.piece("\n"), self.piece("\n" + text)
        return whole[len(line) :] if whole[: len(line)] == line else self.piece(text)

    def _whole(self, passage: Passage) -> tuple[list[int], list[bool]] | None:
        """Tokenise the whole text once, or return None where a token straddles a seam."""
        if not self.tokenizer.is_fast:
            return None
        coded = self.tokenizer(
            passage.text, add_special_tokens=False, split_special_tokens=True, return_offsets_mapping=True
        )
        ids, offsets = list(coded.input_ids), list(coded["offset_mapping"])
        seams = {seam for span in passage.spans for seam in span}
        if any(start < seam < end for seam in seams for start, end in offsets):
            return None
        first = self.piece(passage.text[: passage.spans[0][0]])
        if ids[: len(first)] != first:
            return None
        return ids, [any(start <= at < end for start, end in passage.spans) for at, _ in offsets]

    def _pieces(self, passage: Passage) -> tuple[list[int], list[bool]]:
        """Tokenise prompt and completion parts one by one."""
        ids: list[int] = []
        learnt: list[bool] = []
        for text, is_learnt in _parts(passage):
            piece = self.piece(text)
            ids += piece
            learnt += [is_learnt] * len(piece)
        return ids, learnt


def _parts(passage: Passage) -> Iterator[tuple[str, bool]]:
    at = 0
    for start, end in passage.spans:
        yield passage.text[at:start], False
        yield passage.text[start:end], True
        at = end


def padded(rows: Iterable[Iterable[int]], value: int, *, left: bool = False) -> list[list[int]]:
    """Return rows filled up with `value` to the length of the longest."""
    lists = [list(row) for row in rows]
    width = max(map(len, lists))
    return [[value] * (width - len(row)) + row if left else row + [value] * (width - len(row)) for row in lists]
