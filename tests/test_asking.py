"""Asking a service: how many at once, how often, again when, for how much, and each reply once."""

from __future__ import annotations

import asyncio
import json
import re
import resource
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import PrivateAttr

from socratic_cli.asking.budget import Budget
from socratic_cli.asking.client import Client
from socratic_cli.asking.limits import Gate, Pace
from socratic_cli.asking.replies import Replies, key_of
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import (
    BudgetReached,
    InputError,
    NotStored,
    OutputError,
    TeacherBusy,
    TeacherError,
    TeacherUnusable,
    UsageError,
)
from socratic_cli.parts import Price, Teacher
from socratic_cli.records import Problem, Usage
from socratic_cli.settings import Asking


def turn(text: str = "How many?", sample: int = 0) -> Turn:
    return Turn("teacher", text, Problem(id=text, question=text), sample=sample)


class Told(Teacher):
    """A paid teacher that does what it is told, and counts how it was asked."""

    paid: ClassVar[bool] = True

    _does: Callable[[Turn, int], Awaitable[Reply] | Reply | Exception] = PrivateAttr()
    _price: Price | None = PrivateAttr(None)
    _asked: list[str] = PrivateAttr(default_factory=list)

    async def reply(self, turn: Turn) -> Reply:
        self._asked.append(turn.prompt)
        said = self._does(turn, len(self._asked))
        if isinstance(said, Exception):
            raise said
        return said if isinstance(said, Reply) else await said

    @property
    def longest(self) -> int:
        return 100

    @property
    def price(self) -> Price | None:
        return self._price

    def asked(self) -> list[str]:
        return self._asked


def told(does: Callable[[Turn, int], Any], price: Price | None = None) -> Told:
    teacher = Told()
    teacher._does, teacher._price = does, price
    return teacher


def ask(client: Client, *turns: Turn) -> list[Reply | BaseException]:
    async def all_() -> list[Reply | BaseException]:
        return await asyncio.gather(*map(client.reply, turns), return_exceptions=True)

    return asyncio.run(all_())


QUICK: dict[str, Any] = {"backoff": 0.001, "attempts": 3}


class TestTheGate:
    """Adaptive concurrency."""

    @staticmethod
    async def through(gate: Gate, count: int, seconds: float = 0.001) -> int:
        most = now = 0

        async def one() -> None:
            nonlocal most, now
            async with gate.slot():
                now += 1
                most = max(most, now)
                await asyncio.sleep(seconds)
                now -= 1
                gate.replied()

        await asyncio.gather(*(one() for _ in range(count)))
        return most

    def test_it_grows_to_its_ceiling_and_no_further(self) -> None:
        gate = Gate(20)
        assert asyncio.run(self.through(gate, 400)) == 20
        assert gate.in_flight == 0

    def test_a_ceiling_below_the_beginning_holds_at_once(self) -> None:
        assert asyncio.run(self.through(Gate(1), 20)) == 1

    def test_a_complaint_halves_it_once_for_all_that_was_sent_before(self) -> None:
        gate = Gate(64)
        gate.limit = 64.0
        sent = time.monotonic()
        for _ in range(10):
            gate.overloaded(sent)
        assert gate.limit == 32.0
        for _ in range(10):
            gate.overloaded(time.monotonic())
        assert gate.limit == 1.0

    def test_after_a_complaint_it_grows_by_one_a_round(self) -> None:
        gate = Gate(64)
        gate.limit = 16.0
        gate.overloaded(time.monotonic())
        gate.in_flight = 8
        for _ in range(8):
            gate.replied()
        assert 8.9 < gate.limit <= 9.0

    def test_it_does_not_grow_while_fewer_are_in_flight_than_may_be(self) -> None:
        gate = Gate(64)
        gate.in_flight = 2
        gate.replied()
        assert gate.limit == 8.0

    def test_when_the_service_wants_to_be_left_alone_nobody_asks(self) -> None:
        async def run() -> float:
            gate = Gate(4)
            gate.overloaded(time.monotonic(), pause=0.1)
            began = time.monotonic()
            await self.through(gate, 8)
            return time.monotonic() - began

        assert asyncio.run(run()) >= 0.1

    @given(st.lists(st.sampled_from(["reply", "complain", "cancel"]), max_size=60), st.integers(1, 6))
    def test_whatever_happens_no_slot_is_lost(self, events: list[str], ceiling: int) -> None:
        async def run() -> int:
            gate = Gate(ceiling)

            async def one(event: str) -> None:
                async with gate.slot() as sent:
                    await asyncio.sleep(0)
                    gate.replied() if event == "reply" else gate.overloaded(sent)

            tasks = [asyncio.create_task(one(event)) for event in events]
            for task, event in zip(tasks, events, strict=True):
                if event == "cancel":
                    await asyncio.sleep(0)
                    task.cancel()
            await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
            await asyncio.wait_for(self.through(gate, 10, 0), 5)
            return gate.in_flight

        assert asyncio.run(run()) == 0


class TestThePace:
    @staticmethod
    async def passing(pace: Pace, amounts: list[float]) -> float:
        began = time.monotonic()
        await asyncio.gather(*(pace.wait(amount) for amount in amounts))
        return time.monotonic() - began

    def test_without_a_limit_nothing_waits(self) -> None:
        assert asyncio.run(self.passing(Pace(None), [1.0] * 1000)) < 1

    def test_requests_are_spread_over_the_minute(self) -> None:
        assert 0.19 < asyncio.run(self.passing(Pace(3000), [1.0] * 11)) < 1

    def test_what_was_thought_too_much_is_given_back(self) -> None:
        async def run() -> float:
            pace = Pace(60_000)
            await pace.wait(1_000)  # one second's worth
            pace.correct(-900)
            return await self.passing(pace, [1.0])

        assert 0.05 < asyncio.run(run()) < 0.9


class TestTheBudget:
    """What is reserved, paid and lost."""

    def test_what_is_in_flight_cannot_overshoot_together(self) -> None:
        price = Price(0.0, 0.01)  # a reply costs a dollar at most

        async def half(turn: Turn, _: int) -> Reply:
            await asyncio.sleep(0.002)
            return Reply(turn.prompt, usage=Usage(completion_tokens=50, cost=0.5))

        teacher = told(half, price)
        client = Client(teacher, Asking(max_cost=10.0, **QUICK))
        said = ask(client, *(turn(str(number)) for number in range(100)))
        assert client.budget.spent <= 10.0
        assert client.budget.spent > 9.0
        assert all(isinstance(one, Reply | BudgetReached) for one in said)
        assert sum(isinstance(one, Reply) for one in said) == len(teacher.asked()) == 2 * client.budget.spent

    def test_what_was_spent_before_counts(self) -> None:
        budget = Budget(1.0, spent=0.9)
        with pytest.raises(BudgetReached, match=r"\$1 is reached: \$0\.9000 are spent.* higher --max-cost"):
            asyncio.run(budget.reserve(0.2))

    def test_a_reply_that_was_lost_on_the_way_counts_as_dear_as_it_can_be(self) -> None:
        teacher = told(lambda *_: TeacherBusy("cut", billed=True), Price(0.0, 0.01))
        client = Client(teacher, Asking(max_cost=2.0, **QUICK))
        (said,) = ask(client, turn())
        assert isinstance(said, BudgetReached)
        assert len(teacher.asked()) == 2
        assert "up to $2.0000 for replies that were lost" in str(said)

    def test_a_refused_request_costs_nothing(self) -> None:
        client = Client(told(lambda *_: TeacherError("no"), Price(0.0, 0.01)), Asking(max_cost=2.0, **QUICK))
        ask(client, *(turn(str(number)) for number in range(10)))
        assert (client.budget.spent, client.budget.lost) == (0.0, 0.0)

    def test_an_unknown_price_with_a_budget_is_an_error(self) -> None:
        with pytest.raises(UsageError, match="input_price"):
            Client(told(lambda *_: Reply("")), Asking(max_cost=1.0))


class TestRetries:
    """Which faults are tried again, how long, and when all is over."""

    def test_a_busy_service_is_asked_again(self) -> None:
        teacher = told(lambda _, number: TeacherBusy("later") if number < 3 else Reply("now"))
        client = Client(teacher, Asking(**QUICK))
        assert ask(client, turn()) == [Reply("now")]
        assert client.retried == 2

    def test_it_is_left_alone_as_long_as_it_asks_for(self) -> None:
        busy = TeacherBusy("later", retry_after=0.15, overloaded=True)
        began = time.monotonic()
        teacher = told(lambda _, number: busy if number == 1 else Reply("now"))
        assert ask(Client(teacher, Asking(**QUICK)), turn()) == [Reply("now")]
        assert time.monotonic() - began >= 0.15

    def test_being_told_to_wait_is_no_failed_attempt(self) -> None:
        busy = TeacherBusy("later", overloaded=True)
        teacher = told(lambda _, number: busy if number < 20 else Reply("now"))
        assert ask(Client(teacher, Asking(backoff=0.0, attempts=3)), turn()) == [Reply("now")]

    def test_a_request_that_fails_while_others_are_answered_is_given_up(self) -> None:
        # asked again so late that others are answered in between, however busy the machine that tests
        broken = TeacherBusy("broken", retry_after=0.2)
        teacher = told(lambda turn, _: broken if turn.prompt == "bad" else Reply("good"))

        async def run() -> tuple[Any, Any]:
            client = Client(teacher, Asking(backoff=0.01, attempts=3))
            bad = asyncio.ensure_future(client.reply(turn("bad")))
            for number in range(30):
                await client.reply(turn(str(number)))
                await asyncio.sleep(0.002)
            return await asyncio.gather(bad, return_exceptions=True), client

        (fault,), client = asyncio.run(run())
        assert type(fault) is TeacherError
        assert str(fault) == "broken (after 3 attempts)"
        assert client.breaker.broken is None

    def test_a_service_that_never_answers_ends_the_run_for_all(self) -> None:
        teacher = told(lambda *_: TeacherBusy("nobody there"))
        client = Client(teacher, Asking(concurrency=4, **QUICK))
        said = ask(client, *(turn(str(number)) for number in range(1000)))
        assert all(isinstance(one, TeacherUnusable) for one in said)
        assert str(said[0]) == "nobody there (every attempt failed)"
        assert len(teacher.asked()) <= 4 + 3

    def test_a_service_that_dies_is_waited_for_as_long_as_one_has_patience(self) -> None:
        teacher = told(lambda _, number: Reply("well") if number == 1 else TeacherBusy("gone"))
        client = Client(teacher, Asking(backoff=0.01, attempts=2, patience=0.2))

        async def run() -> float:
            await client.reply(turn("first"))
            began = time.monotonic()
            with pytest.raises(TeacherUnusable, match="gone"):
                await client.reply(turn("second"))
            return time.monotonic() - began

        assert 0.05 < asyncio.run(run()) < 2
        assert len(teacher.asked()) > 3

    def test_a_service_that_wants_to_be_left_alone_for_longer_than_patience_ends_the_run(self) -> None:
        teacher = told(lambda *_: TeacherBusy("tomorrow", retry_after=86_400, overloaded=True))
        (said,) = ask(Client(teacher, Asking(**QUICK)), turn())
        assert isinstance(said, TeacherUnusable)
        assert len(teacher.asked()) == 1

    def test_what_is_hopeless_for_all_stops_all_at_once(self) -> None:
        teacher = told(lambda *_: TeacherUnusable("no key"))
        said = ask(Client(teacher, Asking(concurrency=2)), *(turn(str(number)) for number in range(100)))
        assert {str(one) for one in said} == {"no key"}
        assert len(teacher.asked()) <= 2


class TestPatience:
    """Whoever would have to wait for longer is given up at once, and told what the service asked for."""

    LATER = TeacherBusy("slow down", retry_after=40.0, overloaded=True)

    def test_who_waits_at_the_gate_does_not_sleep_out_the_pause(self) -> None:
        teacher = told(lambda *_: self.LATER)
        client = Client(teacher, Asking(concurrency=2, patience=5.0, **QUICK))
        began = time.monotonic()
        said = ask(client, *(turn(str(number)) for number in range(20)))
        assert time.monotonic() - began < 2
        assert len(teacher.asked()) <= 2
        assert all(isinstance(one, TeacherUnusable) for one in said)
        assert re.search(
            r"slow down \(it asks to be left alone for 40\.0 s, and \d\.\d s are left of --patience 5\)", str(said[0])
        )

    def test_while_others_are_answered_one_request_is_given_up(self) -> None:
        async def late(turn: Turn, _: int) -> Reply:
            await asyncio.sleep(0.05 if turn.prompt == "bad" else 0.0)
            if turn.prompt == "bad":
                raise self.LATER
            return Reply("well")

        async def run() -> Any:
            client = Client(told(late), Asking(patience=5.0, **QUICK))
            return await asyncio.gather(client.reply(turn("bad")), client.reply(turn("good")), return_exceptions=True)

        fault, good = asyncio.run(run())
        assert type(fault) is TeacherError
        assert "left alone for 40.0 s" in str(fault)
        assert good == Reply("well")

    def test_a_pause_that_is_made_longer_meanwhile_ends_who_sleeps_it_out(self) -> None:
        async def run() -> float:
            client = Client(told(lambda *_: Reply("well")), Asking(patience=1.0, **QUICK))
            client.gate.overloaded(time.monotonic(), pause=0.9)
            waiting = asyncio.ensure_future(client.reply(turn()))
            await asyncio.sleep(0.01)
            client.breaker.complaint = self.LATER
            client.gate.overloaded(time.monotonic(), pause=40.0)
            began = time.monotonic()
            with pytest.raises(TeacherUnusable, match="slow down"):
                await waiting
            return time.monotonic() - began

        assert asyncio.run(run()) < 0.6

    def test_a_pause_within_patience_is_slept_out(self) -> None:
        busy = TeacherBusy("later", retry_after=0.3, overloaded=True)
        teacher = told(lambda _, number: busy if number == 1 else Reply("now"))
        said = ask(Client(teacher, Asking(concurrency=1, patience=20.0, **QUICK)), *map(turn, "abcd"))
        assert said == [Reply("now")] * 4

    def test_to_wait_for_a_slot_takes_no_patience(self) -> None:
        async def slow(_turn: Turn, number: int) -> Reply:
            await asyncio.sleep(0.15)
            if number == 5:
                raise TeacherBusy("a moment", retry_after=0.05, overloaded=True)
            return Reply("well")

        said = ask(Client(told(slow), Asking(concurrency=1, patience=0.6, **QUICK)), *map(turn, "abcdefgh"))
        assert said == [Reply("well")] * 8

    def test_who_queues_with_less_patience_than_the_pause_is_sent_away_and_no_slot_is_lost(self) -> None:
        class Hurried(Exception):
            pass

        def hurried(until: float) -> None:
            if until > time.monotonic() + 1:
                raise Hurried

        async def run() -> None:
            gate = Gate(1)
            async with gate.slot() as sent:
                waiting = asyncio.ensure_future(gate.slot(hurried).__aenter__())
                await asyncio.sleep(0)
                gate.overloaded(sent, pause=1.5)
                with pytest.raises(Hurried):
                    await asyncio.wait_for(waiting, 0.5)
            assert gate.in_flight == 0

        asyncio.run(run())


class TestStopping:
    """After Ctrl-C nothing more is sent."""

    def test_no_further_attempt_is_made(self) -> None:
        stop = asyncio.Event()

        def throttled(_turn: Turn, number: int) -> TeacherBusy:
            if number == 3:
                stop.set()
            return TeacherBusy("later", retry_after=0.01, overloaded=True)

        teacher = told(throttled)
        client = Client(teacher, Asking(concurrency=1, **QUICK), stopped=stop.is_set)
        began = time.monotonic()
        said = ask(client, *map(turn, "abc"))
        assert time.monotonic() - began < 5
        assert all(isinstance(one, NotStored) for one in said)
        assert len(teacher.asked()) == 3

    @pytest.mark.parametrize(
        "asking",
        [Asking(concurrency=1, **QUICK), Asking(requests_per_minute=2.0, **QUICK), Asking(backoff=100.0)],
        ids=["pause", "pace", "backoff"],
    )
    def test_nobody_sleeps_on(self, asking: Asking) -> None:
        stop = asyncio.Event()
        paused = asking.requests_per_minute is None and asking.backoff < 1
        busy = TeacherBusy("later", retry_after=30.0 if paused else None, overloaded=True)
        teacher = told(lambda *_: Reply("well") if asking.requests_per_minute else busy)

        async def run() -> list[Any]:
            client = Client(teacher, asking, stopped=stop.is_set)
            all_ = asyncio.gather(*(client.reply(turn(one)) for one in "ab"), return_exceptions=True)
            await asyncio.sleep(0.1)
            stop.set()
            return await asyncio.wait_for(all_, 2)

        assert isinstance(asyncio.run(run())[-1], NotStored)
        assert len(teacher.asked()) <= 2

    def test_what_is_in_flight_is_waited_for_and_what_is_stored_is_told(self, tmp_path: Path) -> None:
        stop = asyncio.Event()

        async def slow(_turn: Turn, _number: int) -> Reply:
            stop.set()
            await asyncio.sleep(0.05)
            return Reply("paid")

        with Replies(tmp_path / "r.jsonl") as replies:
            client = Client(told(slow), Asking(concurrency=1), replies, stopped=stop.is_set)

            async def run() -> list[Any]:
                both = await asyncio.gather(client.reply(turn("a")), client.reply(turn("b")), return_exceptions=True)
                return [*both, await client.reply(turn("a"))]

            first, second, again = asyncio.run(run())
        assert first == again == Reply("paid")
        assert isinstance(second, NotStored)


class TestTheStore:
    """Replies on the disk."""

    def test_a_reply_is_bought_once_even_by_two_at_the_same_time(self, tmp_path: Path) -> None:
        async def slow(turn: Turn, _: int) -> Reply:
            await asyncio.sleep(0.01)
            return Reply(f"to {turn.prompt}", usage=Usage(prompt_tokens=1, cost=0.25), thinking="hm")

        teacher = told(slow)
        for _ in range(2):
            with Replies(tmp_path / "r.jsonl") as replies:
                said = ask(Client(teacher, Asking(), replies), turn("a"), turn("a"), turn("b"), turn("a", sample=1))
                assert [one.text for one in said if isinstance(one, Reply)] == ["to a", "to a", "to b", "to a"]
                assert replies.spent == 0.75
                assert replies.count == 3
        assert sorted(teacher.asked()) == ["a", "a", "b"]

    @given(st.text(), st.sampled_from(["stop", "length"]), st.text(), st.integers(0, 9))
    def test_what_was_stored_comes_back(self, text: str, finish: str, thinking: str, tokens: int) -> None:
        reply = Reply(text, finish, Usage(prompt_tokens=tokens, completion_tokens=2), thinking)

        async def run(folder: Path) -> Reply | None:
            with Replies(folder / "r.jsonl") as replies:
                await replies.put("k", turn(), reply)
            with Replies(folder / "r.jsonl") as replies:
                return replies.get("k")

        with TemporaryDirectory() as folder:
            assert asyncio.run(run(Path(folder))) == reply

    @pytest.mark.parametrize("cut", [1, 10, 60])
    def test_a_torn_line_is_taken_off(self, tmp_path: Path, cut: int) -> None:
        path = tmp_path / "r.jsonl"

        async def store(*keys: str) -> None:
            with Replies(path) as replies:
                await asyncio.gather(*(replies.put(key, turn(), Reply(key)) for key in keys))

        asyncio.run(store("a", "b", "c"))
        whole = path.read_bytes()
        path.write_bytes(whole[:-cut])
        asyncio.run(store("d"))
        assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == ["a", "b", "d"]

    def test_a_line_that_is_none_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "r.jsonl").write_text('{"key": "a", "usage": {}}\n{oops\n')
        with pytest.raises(InputError, match=r"r\.jsonl:2: .* Move the file aside"):
            Replies(tmp_path / "r.jsonl")

    def test_a_second_run_on_the_same_file_is_refused(self, tmp_path: Path) -> None:
        with Replies(tmp_path / "r.jsonl"), pytest.raises(OutputError, match="being written by another run"):
            Replies(tmp_path / "r.jsonl")
        Replies(tmp_path / "r.jsonl").close()

    def test_offline_nobody_is_asked(self, tmp_path: Path) -> None:
        teacher = told(lambda *_: Reply("bought"))
        with Replies(tmp_path / "r.jsonl") as replies:
            ask(Client(teacher, Asking(), replies), turn("a"))
            said = ask(Client(teacher, Asking(), replies, offline=True), turn("a"), turn("b"))
        assert said[0] == Reply("bought")
        assert isinstance(said[1], NotStored)
        assert teacher.asked() == ["a"]

    def test_a_full_disk_is_told_and_leaves_whole_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "r.jsonl"

        async def run() -> None:
            with Replies(path) as replies:
                await replies.put("k", turn(), Reply("short"))
                await replies.put("l", turn(), Reply("long" * 1000))

        # The nearest thing to a full disk that a test may have: no file may grow beyond this.
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
        try:
            with pytest.raises(OutputError, match=r"r\.jsonl cannot be written: File too large"):
                asyncio.run(run())
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert [json.loads(line)["key"] for line in path.read_text().splitlines()] == ["k"]

    def test_the_key_depends_on_all_that_a_reply_depends_on(self) -> None:
        base: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "q"}], "temperature": 0.5}
        others = [
            {**base, "model": "n"},
            {**base, "api_base": "http://localhost/v1"},
            {**base, "temperature": 0.6},
            {**base, "seed": 1},
            {**base, "messages": [{"role": "user", "content": "p"}]},
        ]
        keys = {key_of("litellm", request, 0) for request in (base, *others)}
        assert len(keys | {key_of("litellm", base, 1), key_of("other", base, 0)}) == 8
        assert key_of("litellm", dict(reversed(base.items())), 0) == key_of("litellm", base, 0)
