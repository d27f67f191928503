"""Turns of many dialogues, gathered and answered by a real model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from socratic_cli.dialogue import Reply, Turn
from socratic_cli.parts import Student
from socratic_cli.plugins import load
from socratic_cli.records import Example, Problem
from socratic_cli.settings import Decoding
from socratic_cli.students import engine, generation
from socratic_cli.students.engine import Engine
from tests import tiny

PROBLEM = Problem(id="a", question="?")
PROMPTS = ["Question: a", "Question: Natalia sold clips to 48 of her friends\nAnswer:", "1", "Weng earns $12 an hour"]


@pytest.fixture(scope="module", params=sorted(tiny.MAKERS))
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.MAKERS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture
def opened(base: str) -> Iterator[Engine]:
    with opened_with(base, Decoding(max_new_tokens=12)) as found:
        yield found


def opened_with(base: str, decoding: Decoding) -> Any:
    return load(Student, f"huggingface:{base} dtype=float32").model(None, decoding)


def turn(prompt: str, *stop: str, role: str = "solver") -> Turn:
    return Turn(role, prompt, PROBLEM, stop=stop)


def ask(opened: Engine, *turns: Turn) -> list[Reply]:
    async def together() -> list[Reply]:
        return list(await asyncio.gather(*(opened.reply(one) for one in turns)))

    return asyncio.run(together())


def batches(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Return the list to which the prompts of every batch will be added."""
    seen: list[list[str]] = []
    write = generation.write

    def noted(voice: Any, requests: Any, decoding: Any, halt: Any) -> Any:
        seen.append([request.prompt for request in requests])
        return write(voice, requests, decoding, halt)

    monkeypatch.setattr(engine, "write", noted)
    return seen


def test_a_batch_replies_as_its_turns_do_one_by_one(opened: Engine) -> None:
    together = ask(opened, *map(turn, PROMPTS))
    assert together == [ask(opened, turn(prompt))[0] for prompt in PROMPTS]
    assert len({reply.text for reply in together}) > 1


def test_turns_of_one_role_share_a_batch_of_the_size_asked_for(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = batches(monkeypatch)
    with opened_with(base, Decoding(max_new_tokens=2, batch_size=3)) as opened:
        ask(opened, *(turn(f"Question: {'a ' * at}", role="solver") for at in range(4)), turn("b", role="decomposer"))
    assert [len(batch) for batch in seen] == [3, 1, 1]
    assert {len(set(batch) & {"b"}) for batch in seen} == {0, 1}
    assert [len(prompt) for prompt in seen[0]] == sorted(len(prompt) for prompt in seen[0])


def test_a_reply_ends_with_its_mark_whoever_is_beside_it(opened: Engine) -> None:
    [whole] = ask(opened, turn(PROMPTS[0]))
    assert whole.finish_reason == "length"
    assert whole.usage.completion_tokens == 12
    mark = whole.text[4:6]
    beside, cut = ask(opened, turn(PROMPTS[0]), turn(PROMPTS[0], mark))
    assert beside == whole
    assert cut.text == whole.text[: whole.text.index(mark) + 2]
    assert cut.finish_reason == "stop"
    assert cut.usage.completion_tokens < 12


def test_a_prompt_beyond_the_context_has_an_empty_reply(opened: Engine) -> None:
    long, short, nearly = ask(opened, turn("1" * 200), turn(PROMPTS[0]), turn("1" * 120))
    assert (long.text, long.finish_reason, long.usage.completion_tokens) == ("", "length", 0)
    assert [short] == ask(opened, turn(PROMPTS[0]))
    assert nearly.finish_reason == "length"
    assert 0 < nearly.usage.completion_tokens <= 8


def test_samples_depend_on_the_seed_and_not_on_the_batch(base: str) -> None:
    def sampled(seed: int, *prompts: str) -> list[str]:
        with opened_with(base, Decoding(max_new_tokens=8, temperature=2.0, top_p=0.9, seed=seed)) as opened:
            return [reply.text for reply in ask(opened, *map(turn, prompts))]

    alone = sampled(1, PROMPTS[1])
    assert sampled(1, *PROMPTS)[1:2] == alone
    assert sampled(2, PROMPTS[1]) != alone
    assert len(set(sampled(1, *[PROMPTS[1]] * 4))) > 1  # asked again, a model votes anew


def test_a_shown_model_stops_at_a_paragraph(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "PARAGRAPH", "q")
    with opened_with(base, Decoding(max_new_tokens=400)) as opened:
        shown = Turn("x", "a", PROBLEM, shots=(Example(role="x", prompt="a", completion="b"),))
        [reply] = ask(opened, shown)
    assert "q" not in reply.text


def test_one_engine_serves_one_event_loop_after_another(opened: Engine) -> None:
    async def abandoned() -> None:
        asyncio.ensure_future(opened.reply(turn(PROMPTS[1])))  # noqa: RUF006 - left waiting on purpose
        await asyncio.sleep(0)

    [first] = ask(opened, turn(PROMPTS[0]))
    asyncio.run(abandoned())
    assert ask(opened, turn(PROMPTS[0])) == [first]


def test_an_error_reaches_everyone_who_waits(opened: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> list[Reply]:
        raise RuntimeError("out of memory")

    monkeypatch.setattr(engine, "write", broken)

    async def together() -> list[Any]:
        waiting = (opened.reply(turn(prompt)) for prompt in PROMPTS)
        return await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), timeout=10)

    assert [str(fault) for fault in asyncio.run(together())] == ["out of memory"] * len(PROMPTS)
    monkeypatch.undo()
    assert ask(opened, turn(PROMPTS[0]))  # and the engine goes on


def test_cancelled_turns_are_dropped(opened: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = batches(monkeypatch)

    async def run() -> Reply:
        gone = asyncio.ensure_future(opened.reply(turn("gone")))
        kept = asyncio.ensure_future(opened.reply(turn(PROMPTS[0])))
        await asyncio.sleep(0)
        gone.cancel()
        return await kept

    asyncio.run(run())
    assert seen == [[PROMPTS[0]]]


def test_a_cancelled_run_ends_at_once(tmp_path: Path) -> None:
    base = tiny.llama(tmp_path, context=100_000)
    with opened_with(base, Decoding(max_new_tokens=90_000)) as opened:

        async def run() -> None:
            await asyncio.wait_for(opened.reply(turn("Question:", "no such mark")), timeout=0.5)

        began = time.monotonic()
        with pytest.raises(TimeoutError):
            asyncio.run(run())
        assert time.monotonic() - began < 5
