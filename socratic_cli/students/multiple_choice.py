"""A reply that is one of several options: one forward pass over the prompt tells the probability of each.

Only the first token in which the options differ is asked about, so an option's share is the probability that the
reply begins as this option does, among all options.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from torch import Tensor

from socratic_cli.dialogue import Passage, Reply
from socratic_cli.records import Usage
from socratic_cli.settings import Decoding
from socratic_cli.students.language import Language
from socratic_cli.students.requests import Request
from socratic_cli.students.writing import Writing


class MultipleChoice(Writing):
    """A reply to be chosen: `ids` are the tokens of the prompt, and of what all options begin with; `firsts` are
    those by which the options differ."""

    def __init__(self, language: Language, request: Request, decoding: Decoding) -> None:
        """Begin to weigh a request's options.

        Raises:
            ValueError: two options begin with the same tokens, but not all of them.
        """
        super().__init__(language, request, decoding)
        options = [_tokens(language, request.prompt, option) for option in request.options]
        common = [same[0] for same in takewhile(lambda tokens: len(set(tokens)) == 1, zip(*options, strict=False))]
        self.firsts = [option[len(common)] for option in options]
        if len(set(self.firsts)) < len(options):
            raise ValueError(f"the options {request.options} are not told apart by one token")
        if len(common) < self._room:
            self.ids += common
        else:
            self.finish_reason = self.finish_reason or "context"

    def weigh(self, logits: Tensor) -> None:
        """Choose the likeliest option by the logits after the last token of `ids`."""
        self.choose(logits[self.firsts].double().softmax(dim=0).tolist())

    def choose(self, shares: Sequence[float]) -> None:
        """Choose the likeliest option by the probability of each, which add up to 1."""
        text = self.request.options[max(range(len(shares)), key=shares.__getitem__)]
        self.end(Reply(text, usage=Usage(prompt_tokens=self._prompt, completion_tokens=1), shares=tuple(shares)))


def _tokens(language: Language, prompt: str, option: str) -> list[int]:
    """Return the tokens of an option after a prompt, as they are in training; the end of the reply is one of them."""
    text = prompt + option
    sequence = language.tokens.passage(Passage("", text, ((len(prompt), len(text)),), eos=True))
    return [token for token, is_learnt in zip(sequence.ids, sequence.learnt, strict=True) if is_learnt]
