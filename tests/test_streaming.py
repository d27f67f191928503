"""An engine with requests of its own goes on after what the reply holds, and not after what it said itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from threading import Event

import pytest

from socratic_cli.dialogue import Reply
from socratic_cli.parts import Student
from socratic_cli.plugins import load
from socratic_cli.settings import Decoding
from socratic_cli.students.language import Language
from socratic_cli.students.requests import Request
from socratic_cli.students.streaming import Stream, Streaming, Written
from socratic_cli.students.writing import Writing
from tests import tiny

PROMPT = "Question: a\nAnswer:\n"
WRONG, RIGHT = "He has 9 - 4 = 7 hens, 7 are left", "He has 9 - 4 = 5 hens, 5 are left"


@pytest.fixture(scope="module")
def language(tmp_path_factory: pytest.TempPathFactory) -> Language:
    base = tiny.llama(tmp_path_factory.mktemp("base"), context=1024)
    with load(Student, f"huggingface:{base} dtype=float32").model(None, Decoding()) as opened:
        return opened._speaker("solver").language  # type: ignore[attr-defined, no-any-return]


class Dictated(Stream):
    """Wants to say the wrong text, but for what it has read: it knows what it was begun with and what it said."""

    def __init__(self, language: Language) -> None:
        super().__init__(language)
        self.known: dict[str, list[int]] = {}
        self.begun: list[str] = []

    def begin(self, name: str, writing: Writing) -> None:
        self.known[name] = list(writing.ids)
        self.begun.append(name)

    def read(self) -> Iterator[Written]:
        for name in list(self.known):
            token = self._next(self.known[name])
            self.known[name].append(token)
            yield Written(name, [token])

    def give_up(self, names: Sequence[str]) -> None:
        for name in names:
            del self.known[name]

    def _next(self, ids: list[int]) -> int:
        tokens = self.language.tokens
        said = tokens.text(ids[len(tokens.prompt(PROMPT)) :])
        wanted = next(text for text in (WRONG, RIGHT) if text.startswith(said))
        return tokens.piece(wanted[len(said) :])[0] if said != wanted else tokens.end


def said(language: Language, calculator: str) -> tuple[Reply, Dictated]:
    """Return the reply that is dictated, and who dictated it."""
    stream, decoding = Dictated(language), Decoding(max_new_tokens=60, calculator=calculator)
    replies = Streaming(stream, decoding, Event())
    replies.add(Writing(language, Request(PROMPT), decoding))
    while not (ended := replies.step()):
        pass
    return ended[0].reply(), stream


def test_a_request_is_begun_anew_where_the_calculator_replaced_a_token_by_one_of_the_same_length(
    language: Language,
) -> None:
    assert len(language.tokens.piece("7")) == len(language.tokens.piece("5")) == 1
    reply, stream = said(language, "force")
    assert (reply.text, reply.calculator) == (RIGHT, ("9-4=5",))
    assert len(stream.begun) == 2
    assert not stream.known


def test_without_a_calculator_one_request_says_it_all(language: Language) -> None:
    reply, stream = said(language, "off")
    assert (reply.text, len(stream.begun)) == (WRONG, 1)
