"""Options of a turn are weighed by one forward pass: the model's own probabilities, whoever is asked beside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor

from socratic_cli.dialogue import Passage, Reply, Turn, play
from socratic_cli.parts import Student
from socratic_cli.plugins import load
from socratic_cli.records import Problem
from socratic_cli.settings import Decoding
from socratic_cli.students.engine import Engine
from socratic_cli.students.generation import Voice
from socratic_cli.students.scheduler import Scheduler
from socratic_cli.students.slots import Piece, Slots, Unsupported
from socratic_cli.students.tokens import Tokens
from socratic_cli.students.weights import Source, load_model, load_tokenizer
from tests import tiny

Opened = Engine[Voice]
PROBLEM = Problem(id="a", question="?")
YES_NO = (" yes", " no")
PROMPTS = ["Question: a\nRight:", "Question: Natalia sold clips to 48 of her friends\nAnswer:\n24\nRight:", "1:"]


@pytest.fixture(scope="module", params=sorted(tiny.MAKERS))
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.MAKERS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture
def opened(base: str) -> Iterator[Opened]:
    with opened_with(base) as found:
        yield found


def opened_with(base: str, **decoding: Any) -> Any:
    return load(Student, f"huggingface:{base} dtype=float32").model(None, Decoding(**{"max_new_tokens": 6, **decoding}))


def weigh(prompt: str, *options: str) -> Turn:
    return Turn("verifier", prompt, PROBLEM, options=options or YES_NO)


def ask(opened: Opened, *turns: Turn) -> list[Reply]:
    async def together() -> list[Reply]:
        return list(await asyncio.gather(*(opened.reply(one) for one in turns)))

    return asyncio.run(together())


def expected(base: str, prompt: str, options: tuple[str, ...]) -> list[float]:
    """Return the model's own probabilities: of every option's first token that the others do not share, as a share."""
    tokens, model = Tokens(load_tokenizer(base)), load_model(Source(base))
    whole = [
        list(tokens.passage(Passage("", prompt + one, ((len(prompt), len(prompt + one)),), eos=True)).ids)
        for one in options
    ]
    seam = next(at for at, ids in enumerate(zip(*whole, strict=False)) if len(set(ids)) > 1)
    with torch.inference_mode():
        logits: Tensor = model(input_ids=torch.tensor([whole[0][:seam]])).logits[0, -1]
    shares = logits.softmax(dim=-1)[[ids[seam] for ids in whole]]
    return (shares / shares.sum()).tolist()


@pytest.mark.parametrize("options", [YES_NO, (" 1", " 2", " 3"), (" one", " one more"), ("a", "b")])
def test_shares_are_the_models_own_softmax(options: tuple[str, ...], base: str, opened: Opened) -> None:
    for prompt in PROMPTS:
        (reply,) = ask(opened, weigh(prompt, *options))
        assert reply.shares == pytest.approx(expected(base, prompt, options), rel=1e-3)
        assert sum(reply.shares) == pytest.approx(1)
        assert reply.text == options[reply.shares.index(max(reply.shares))]
        assert (reply.finish_reason, reply.usage.completion_tokens) == ("stop", 1)


def test_neighbours_change_nothing(opened: Opened) -> None:
    """Not others that are weighed, nor replies that are being written before, beside and after."""
    alone = [ask(opened, weigh(prompt))[0] for prompt in PROMPTS]
    written = [Turn("solver", f"Question: {'clips ' * at}", PROBLEM) for at in range(5)]
    texts = [reply.text for reply in ask(opened, *written)]
    mixed = ask(opened, *written[:2], *map(weigh, PROMPTS), *written[2:])
    assert [reply.text for reply in (*mixed[:2], *mixed[5:])] == texts
    for found, wanted in zip(mixed[2:5], alone, strict=True):
        assert found.shares == pytest.approx(wanted.shares, rel=1e-4)
        assert found.text == wanted.text


def test_a_dialogue_gets_the_shares_and_the_trace_keeps_them(opened: Opened) -> None:
    def dialogue() -> Any:
        reply = yield weigh(PROMPTS[0])
        assert reply.shares
        return None

    (exchange,) = asyncio.run(play(dialogue(), opened)).exchanges
    assert sum(exchange.shares) == pytest.approx(1)


@pytest.mark.parametrize("temperature", [0.0, 5.0])
def test_shares_are_neither_sampled_nor_sharpened(temperature: float, base: str) -> None:
    with opened_with(base, temperature=temperature, seed=3) as opened:
        (reply,) = ask(opened, weigh(PROMPTS[1]))
    assert reply.shares == pytest.approx(expected(base, PROMPTS[1], YES_NO), rel=1e-3)


def test_one_forward_pass_is_enough(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[Piece]] = []
    forward = Slots.forward

    def noted(slots: Slots, pieces: list[Piece]) -> Tensor:
        seen.append(pieces)
        return forward(slots, pieces)

    ask(opened, weigh("1"))  # what a scheduler tries when it begins
    monkeypatch.setattr(Slots, "forward", noted)
    ask(opened, *map(weigh, PROMPTS))
    assert [len(pieces) for pieces in seen] == [3]


def test_a_model_that_slots_do_not_know_weighs_the_same(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> Tensor:
        raise Unsupported("a window")

    with opened_with(base) as opened:
        known = ask(opened, *map(weigh, PROMPTS))
    monkeypatch.setattr(Slots, "forward", refused)
    with opened_with(base, calculator="check") as opened:
        found = ask(opened, Turn("solver", "Question:", PROBLEM), *map(weigh, PROMPTS))
    assert found[0].text
    for one, other in zip(found[1:], known, strict=True):
        assert one.shares == pytest.approx(other.shares, rel=1e-3)


def test_a_prompt_that_fills_the_context_is_truncated_and_nobody_else_notices(opened: Opened) -> None:
    short, long = ask(opened, weigh(PROMPTS[0]), weigh("Question: " + "1" * 200 + "\nRight:"))
    assert short.shares
    assert (long.finish_reason, long.shares, long.text) == ("context", (), "")


def test_options_that_one_token_cannot_tell_apart_are_a_fault_of_the_scheme(opened: Opened) -> None:
    with pytest.raises(ValueError, match="not told apart by one token"):
        ask(opened, weigh("Question:", " 12", " 13", " 2"))


def test_a_scheduler_keeps_the_prompt_for_what_comes_next(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two solutions of one question share what their prompts begin with."""
    read: list[int] = []
    piece = Scheduler._piece

    def noted(self: Scheduler, slot: int, writing: Any) -> Piece:
        read.append(len((found := piece(self, slot, writing)).tokens))
        return found

    monkeypatch.setattr(Scheduler, "_piece", noted)
    with opened_with(base) as opened:
        for answer in ("24", "25"):
            ask(opened, weigh(f"{PROMPTS[1].removesuffix(':')} {answer}:"))
    assert read[1] < read[0] / 3
