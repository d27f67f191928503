"""Turns of many dialogues, gathered and answered by a real model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from torch.profiler import ProfilerActivity, profile

from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import StudentError
from socratic_cli.parts import Student
from socratic_cli.plugins import load
from socratic_cli.records import Example, Problem
from socratic_cli.settings import Decoding
from socratic_cli.students import probing, requests
from socratic_cli.students.engine import Engine
from socratic_cli.students.generation import Voice
from socratic_cli.students.requests import Request
from socratic_cli.students.scheduler import Scheduler
from socratic_cli.students.slots import Piece, Slots, Unsupported
from socratic_cli.students.weights import Source, load_model
from socratic_cli.students.writing import Writing
from tests import tiny

Opened = Engine[Voice]
PROBLEM = Problem(id="a", question="?")
PROMPTS = ["Question: a", "Question: Natalia sold clips to 48 of her friends\nAnswer:", "1", "Weng earns $12 an hour"]


@pytest.fixture(scope="module", params=sorted(tiny.MAKERS))
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.MAKERS[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture
def opened(base: str) -> Iterator[Opened]:
    with opened_with(base, Decoding(max_new_tokens=12)) as found:
        yield found


def opened_with(base: str, decoding: Decoding) -> Any:
    return load(Student, f"huggingface:{base} dtype=float32").model(None, decoding)


def afresh(opened: Opened) -> Opened:
    """Return an engine of the same model that holds nothing yet."""
    return Engine(opened._speaker, Scheduler, opened._decoding)


def turn(prompt: str, *stop: str, role: str = "solver") -> Turn:
    return Turn(role, prompt, PROBLEM, stop=stop)


def ask(opened: Opened, *turns: Turn) -> list[Reply]:
    async def together() -> list[Reply]:
        return list(await asyncio.gather(*(opened.reply(one) for one in turns)))

    return asyncio.run(together())


def passes(monkeypatch: pytest.MonkeyPatch) -> list[list[Piece]]:
    """Return the list to which the pieces of every forward pass will be added."""
    seen: list[list[Piece]] = []
    forward = Slots.forward

    def noted(slots: Slots, pieces: list[Piece]) -> Any:
        seen.append(pieces)
        return forward(slots, pieces)

    monkeypatch.setattr(probing, "PROBE", ((1,) * 2,))
    monkeypatch.setattr(Slots, "forward", noted)
    return seen


def test_a_batch_replies_as_its_turns_do_one_by_one(opened: Opened) -> None:
    together = ask(opened, *map(turn, PROMPTS))
    assert together == [ask(opened, turn(prompt))[0] for prompt in PROMPTS]
    assert len({reply.text for reply in together}) > 1


def test_no_more_turns_are_written_together_than_asked_for(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = passes(monkeypatch)
    with opened_with(base, Decoding(max_new_tokens=3, batch_size=3)) as opened:
        ask(opened, *(turn(f"Question: {'a ' * at}") for at in range(5)))
    assert [len(pieces) for pieces in seen[2:]] == [3, 3, 3, 2, 2, 2]


def test_a_turn_joins_as_soon_as_another_ends(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    opened._decoding = Decoding(max_new_tokens=12, batch_size=2)
    mark = ask(opened, turn(PROMPTS[0]))[0].text[:2]
    alone = [ask(opened, turn(PROMPTS[0], mark)), ask(opened, turn(PROMPTS[1])), ask(opened, turn(PROMPTS[3]))]
    seen = passes(monkeypatch)
    assert ask(opened, turn(PROMPTS[0], mark), turn(PROMPTS[1]), turn(PROMPTS[3])) == [one for [one] in alone]
    assert len(seen) < 2 * 12


class TestWhatASlotHolds:
    """A turn of a dialogue that goes on costs its new tokens only."""

    def test_a_text_that_goes_on_is_not_read_again(self, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
        seen = passes(monkeypatch)
        ask(opened, turn(PROMPTS[1]))
        del seen[:]
        [second] = ask(opened, turn(f"{PROMPTS[1]} 24 clips"))
        assert len(seen[0][0].tokens) < 12 < seen[0][0].start
        with_nothing_held = afresh(opened)
        assert ask(with_nothing_held, turn(f"{PROMPTS[1]} 24 clips")) == [second]

    def test_a_beginning_that_all_share_is_read_once(self, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
        shown = PROMPTS[1] + " " + PROMPTS[3]
        alone = [ask(afresh(opened), turn(shown + end))[0] for end in (" a", " 1 1 1", " cb")]
        seen = passes(monkeypatch)
        ask(opened, turn(shown + " first"))
        del seen[:]
        assert ask(opened, *(turn(shown + end) for end in (" a", " 1 1 1", " cb"))) == alone
        assert all(len(piece.tokens) < 12 for piece in seen[0])

    def test_the_oldest_gives_way(self, base: str) -> None:
        prompts = [f"{at}{at} Question: {'b ' * at}" for at in range(12)]
        with opened_with(base, Decoding(max_new_tokens=6, batch_size=2)) as small:
            some = ask(small, *map(turn, prompts)) + ask(small, *map(turn, prompts))
        with opened_with(base, Decoding(max_new_tokens=6, batch_size=64)) as large:
            assert some == ask(large, *map(turn, prompts)) * 2


@pytest.mark.parametrize("count", [1, 7])
def test_what_slots_do_not_know_is_written_in_whole_batches(
    base: str, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    prompts = [turn(f"{prompt} {at}") for at in range(count) for prompt in PROMPTS]
    with opened_with(base, Decoding(max_new_tokens=9)) as opened:
        in_slots = ask(opened, *prompts)

    def unknown(*_: Any) -> Any:
        raise Unsupported("a window")

    monkeypatch.setattr(Slots, "forward", unknown)
    with opened_with(base, Decoding(max_new_tokens=9)) as opened:
        assert ask(opened, *prompts) == in_slots
    with (
        opened_with(base, Decoding(max_new_tokens=9, calculator="force")) as opened,
        pytest.raises(StudentError, match="no calculator can step in"),
    ):
        ask(opened, *prompts)


def test_a_reply_ends_with_its_mark_whoever_is_beside_it(opened: Opened) -> None:
    [whole] = ask(opened, turn(PROMPTS[0]))
    assert whole.finish_reason == "length"
    assert whole.usage.completion_tokens == 12
    mark = whole.text[4:6]
    beside, cut = ask(opened, turn(PROMPTS[0]), turn(PROMPTS[0], mark))
    assert beside == whole
    assert cut.text == whole.text[: whole.text.index(mark) + 2]
    assert cut.finish_reason == "stop"
    assert cut.usage.completion_tokens < 12


def test_a_prompt_beyond_the_context_has_an_empty_reply(opened: Opened) -> None:
    long, short, nearly = ask(opened, turn("1" * 200), turn(PROMPTS[0]), turn("1" * 120))
    assert (long.text, long.finish_reason, long.usage.completion_tokens) == ("", "context", 0)
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
    with opened_with(base, Decoding(max_new_tokens=8, temperature=2.0)) as opened:
        chains = [replace(turn(PROMPTS[1]), sample=number) for number in range(4)]
        assert len({reply.text for reply in ask(opened, *chains)}) > 1  # each chain of a vote has dice of its own


def test_each_role_has_a_limit_of_its_own(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    decoding = Decoding(max_new_tokens=9, max_new_tokens_of={"decomposer": 4})
    turns = [turn(PROMPTS[0]), turn(PROMPTS[0], role="decomposer"), turn(PROMPTS[1])]
    with opened_with(base, decoding) as opened:
        replies = ask(opened, *turns)
    assert [reply.usage.completion_tokens for reply in replies] == [9, 4, 9]
    assert replies[0].text.startswith(replies[1].text)

    def unknown(*_: Any) -> Any:
        raise Unsupported("a window")

    monkeypatch.setattr(Slots, "forward", unknown)
    with opened_with(base, decoding) as opened:
        assert ask(opened, *turns) == replies


def test_a_shown_model_stops_at_a_paragraph(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "PARAGRAPH", "q")
    with opened_with(base, Decoding(max_new_tokens=400)) as opened:
        shown = Turn("x", "a", PROBLEM, shots=(Example(role="x", prompt="a", completion="b"),))
        [reply] = ask(opened, shown)
    assert "q" not in reply.text


def test_one_engine_serves_one_event_loop_after_another(opened: Opened) -> None:
    async def abandoned() -> None:
        asyncio.ensure_future(opened.reply(turn(PROMPTS[1])))  # noqa: RUF006 - left waiting on purpose
        await asyncio.sleep(0)

    [first] = ask(opened, turn(PROMPTS[0]))
    asyncio.run(abandoned())
    assert ask(opened, turn(PROMPTS[0])) == [first]


def test_an_error_reaches_everyone_who_waits(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> list[Reply]:
        raise RuntimeError("out of memory")

    ask(opened, turn(PROMPTS[0]))  # slots are known to fit
    monkeypatch.setattr(Slots, "forward", broken)

    async def together() -> list[Any]:
        waiting = (opened.reply(turn(prompt)) for prompt in PROMPTS)
        return await asyncio.wait_for(asyncio.gather(*waiting, return_exceptions=True), timeout=10)

    assert [str(fault) for fault in asyncio.run(together())] == ["out of memory"] * len(PROMPTS)
    monkeypatch.undo()
    assert ask(opened, turn(PROMPTS[0]))  # and the engine goes on


def test_cancelled_turns_are_dropped(opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = passes(monkeypatch)

    async def run() -> Reply:
        gone = asyncio.ensure_future(opened.reply(turn("gone")))
        kept = asyncio.ensure_future(opened.reply(turn(PROMPTS[0])))
        await asyncio.sleep(0)
        gone.cancel()
        return await kept

    asyncio.run(run())
    assert all(len(pieces) == 1 for pieces in seen)


def test_a_cancelled_run_ends_at_once(tmp_path: Path) -> None:
    base = tiny.llama(tmp_path, context=100_000)
    with opened_with(base, Decoding(max_new_tokens=90_000)) as opened:

        async def run() -> None:
            await asyncio.wait_for(opened.reply(turn("Question:", "no such mark")), timeout=0.5)

        began = time.monotonic()
        with pytest.raises(TimeoutError):
            asyncio.run(run())
        assert time.monotonic() - began < 5


def test_attention_has_few_shapes_whatever_the_lengths_and_numbers_of_replies(base: str) -> None:
    """oneDNN keeps a kernel for each shape for as long as the process lives."""
    slots, held = Slots(load_model(Source(base))), [1 + 2 * at for at in range(24)]
    for slot, length in enumerate(held):
        slots.forward([Piece(slot, 0, (5 + slot,) * length)])
    with profile(activities=[ProfilerActivity.CPU], record_shapes=True) as seen:
        for step in range(48):
            writing = range(len(held) - 7 * step % len(held))
            slots.forward([Piece(slot, held[slot], (7,)) for slot in writing])
            for slot in writing:
                held[slot] += 1
    products = [one for one in seen.key_averages(group_by_input_shape=True) if one.key == "aten::bmm"]
    assert sum(one.count for one in products) >= 2 * 2 * 48
    # scores and values, each of 1 to 4, 8, 12 or 16 replies, which reach 32, 64 or 96 tokens
    assert len(products) <= 2 * 7 * 3


class TestRepetition:
    """A small model that has begun to repeat itself would go on to its limit."""

    @pytest.mark.parametrize("loop", ["ab", "How many? ", "Natalia sold 48/2 = 24 clips in May. "])
    def test_it_ends_a_reply_before_its_limit(self, opened: Opened, loop: str) -> None:
        writing = Writing(opened._speaker("solver").language, Request("Question: a"), Decoding(max_new_tokens=1000))
        for token in writing.language.tokens.piece(f"So it is. {loop * 60}"):
            if writing.finish_reason is None:
                writing.accept(token)
        assert writing.finish_reason == "repetition"
        assert writing.reply().usage.completion_tokens < 80 + 4 * len(loop)

    @pytest.mark.parametrize(
        "text",
        [
            "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36",
            "How many? How many? So Natalia sold 48 clips in April and then she sold half as many clips in May.",
        ],
    )
    def test_what_is_only_alike_goes_on(self, opened: Opened, text: str) -> None:
        writing = Writing(opened._speaker("solver").language, Request("Question: a"), Decoding(max_new_tokens=1000))
        for token in writing.language.tokens.piece(text):
            writing.accept(token)
        assert writing.finish_reason is None


class TestTheCalculator:
    """After <<48/2= comes 24>>, and after 48/2 = comes 24, whatever the student would have written."""

    @pytest.fixture
    def writing(self, opened: Opened) -> Callable[..., Writing]:
        def begun(calculator: str, room: int = 40) -> Writing:
            decoding = Decoding(max_new_tokens=room, calculator=calculator)
            return Writing(opened._speaker("solver").language, Request("Question: a\nAnswer:\n"), decoding)

        return begun

    @staticmethod
    def dictate(writing: Writing, text: str) -> Reply:
        """Let a student want to write a text: what the calculator wrote already is not wanted again."""
        tokens = writing.language.tokens
        while writing.finish_reason is None:
            so_far = writing.reply().text
            rest = tokens.piece(text[len(so_far) :]) if text.startswith(so_far) else []
            writing.accept(rest[0] if rest else tokens.end)
        return writing.reply()

    def test_it_writes_the_result(self, writing: Callable[..., Writing]) -> None:
        reply = self.dictate(writing("force"), "So 48/2 = <<48/2=23>>23")
        assert reply.text == "So 48/2 = <<48/2=24>>"
        assert reply.calculator == ("48/2=24",)

    def test_a_student_that_is_right_goes_on_undisturbed(self, writing: Callable[..., Writing]) -> None:
        text = "So 48/2 = <<48/2=24>>24 and <<24+1.5=25.5>>25.5"
        reply = self.dictate(writing("force"), text)
        assert (reply.text, reply.finish_reason) == (text, "stop")
        assert reply.calculator == ("48/2=24", "24+1.5=25.5")

    @pytest.mark.parametrize(
        ("wanted", "reply", "told"),
        [
            ("So 67 - 4 = 6 hens", "So 67 - 4 = 63", "67-4=63"),
            ("So 67-4=70 hens", "So 67-4=63", "67-4=63"),
            ("It costs $5 + $6.50 = $12", "It costs $5 + $6.50 = $11.5", "5+6.50=11.5"),
            ("First 3*4 = 12 + 5 = 18", "First 3*4 = 12 + 5 = 17", "12+5=17"),
            ("So (3 x 4 = 11)", "So (3 x 4 = 12", "3*4=12"),
            ("He has 1 - 4 = 3", "He has 1 - 4 = -3", "1-4=-3"),
        ],
    )
    def test_it_writes_a_result_where_no_mark_is_set(
        self, writing: Callable[..., Writing], wanted: str, reply: str, told: str
    ) -> None:
        found = self.dictate(writing("force"), wanted)
        assert found.text == reply
        assert found.calculator[-1] == told

    @pytest.mark.parametrize(
        "text",
        [
            "She has 67 - 4 = 63 hens, and 63 / 2 = 31.5 (each).",
            "48/2 = <<48/2=24>>24 and 24 * 2 = 48",
            "$5 + $6.50 = $11.5, 10 - 2 = 8 * 2 = 16.",
            "3 hens + 2 - 1 = 4 hens, 2:30 + 1 = 3:30, 2x + 3 = 11.",
        ],
    )
    def test_a_student_that_is_right_without_marks_goes_on(self, writing: Callable[..., Writing], text: str) -> None:
        assert self.dictate(writing("force", room=100), text).text == text

    def test_a_number_that_goes_on_after_its_result_ends_all_the_same(self, writing: Callable[..., Writing]) -> None:
        reply = writing("force")
        for piece in ("2+2 = 5", "0", "0"):
            for token in reply.language.tokens.piece(piece):
                reply.accept(token)
        assert reply.reply().text == "2+2 = 400"

    def test_a_calculation_that_may_have_begun_earlier_is_left_alone(self, writing: Callable[..., Writing]) -> None:
        text = "+".join(map(str, range(1, 32))) + "=7"
        assert self.dictate(writing("force", room=200), text).text == text

    @pytest.mark.parametrize("text", ["<<a/2=23>>", "half of 48/2 = 23", "<<1/0=7>>", "x = 3", "8 = 3", "1 - 2 = -2"])
    def test_what_it_cannot_calculate_is_left_alone(self, writing: Callable[..., Writing], text: str) -> None:
        assert self.dictate(writing("force"), text) == self.dictate(writing("off"), text)

    def test_it_can_check_only(self, writing: Callable[..., Writing]) -> None:
        reply = self.dictate(writing("check"), "So <<48/2=23>>23 and <<1+1=2>>2")
        assert reply.text == "So <<48/2=23>>23 and <<1+1=2>>2"
        assert reply.calculator == ("48/2=23 (24)",)

    def test_it_keeps_to_the_room_there_is(self, writing: Callable[..., Writing]) -> None:
        reply = self.dictate(writing("force", room=12), "So <<1000000*1000000=" + "1" * 20)
        assert reply.finish_reason == "length"
        assert reply.usage.completion_tokens <= 12 + len("1000000000000>>")

    def test_a_real_model_goes_on_after_it(self, base: str) -> None:
        """What is forced is read by the model like its own words: alone and beside others, the text is the same."""
        prompts = [turn(f"{prompt} <<48/2") for prompt in PROMPTS]
        with opened_with(base, Decoding(max_new_tokens=30, calculator="force")) as opened:
            together = ask(opened, *prompts)
            assert together == [ask(afresh(opened), one)[0] for one in prompts]
