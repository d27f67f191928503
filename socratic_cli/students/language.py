"""What writing a reply must know of a model; it can be read without its weights."""

from __future__ import annotations

from dataclasses import dataclass

from transformers import GenerationConfig

from socratic_cli.students.tokens import Tokens
from socratic_cli.students.weights import context, load_config, load_tokenizer


@dataclass(frozen=True, slots=True)
class Language:
    """A model's tokens.

    Attributes:
        tokens: its tokenizer.
        ends: the tokens that end a reply: the tokenizer's, and those the model was made with.
        size: how many tokens it has weights for; its tokenizer may have been given more.
        context: the tokens of the longest sequence that it can read, or None where there is no limit.
    """

    tokens: Tokens
    ends: frozenset[int]
    size: int
    context: int | None = None


def ends(tokens: Tokens, made: GenerationConfig) -> frozenset[int]:
    """Return the tokens that end a reply."""
    known = made.eos_token_id
    return frozenset({tokens.end, *([known] if isinstance(known, int) else known or [])})


def load_language(model: str, revision: str | None = None) -> Language:
    """Load all but the weights of a model, for a backend that has them elsewhere.

    Raises:
        StudentError: there is no such model, or no tokenizer.
    """
    config, tokens = load_config(model, revision), Tokens(load_tokenizer(model, revision))
    try:
        made = GenerationConfig.from_pretrained(model, revision=revision or "main")
    except OSError:  # older models tell it in their config
        made = GenerationConfig.from_model_config(config)
    return Language(tokens, ends(tokens, made), int(config.get_text_config().vocab_size), context(config))
