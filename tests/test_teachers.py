"""The litellm teacher alone: its options, what it sends, and what it makes of strange responses."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import subprocess
import sys
import time
from email.utils import formatdate
from typing import Any

import pytest

from socratic_cli import plugins
from socratic_cli.asking.budget import require_price
from socratic_cli.asking.client import Client
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import BudgetReached, TeacherBusy, TeacherError, TeacherUnusable, UsageError
from socratic_cli.parts import Teacher
from socratic_cli.records import Example, Problem, Usage
from socratic_cli.settings import Asking
from tests.faulty import faulty
from tests.server import Answer, Said, Server, serving

PROBLEM = Problem(id="a", question="Why?")
TURN = Turn("teacher", "Question: Why?\nAnswer:\n", PROBLEM)
SHOT = Example(role="teacher", prompt="Question: Who?\nAnswer:\n", completion="Ann.\n#### Ann")


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")


def ask(teacher: Teacher, *turns: Turn) -> list[Reply]:
    async def asked() -> list[Reply]:
        try:
            return [await teacher.reply(turn) for turn in turns]
        finally:
            await teacher.close()

    return asyncio.run(asked())


def asked(answer: Answer, *turns: Turn, **options: Any) -> tuple[Server, list[Reply]]:
    with serving(answer) as server:
        return server, ask(plugins.load(Teacher, "litellm:openai/m", api_base=server.url, **options), *turns)


class TestWhatIsSent:
    def test_a_turn_is_a_chat(self) -> None:
        turn = Turn("teacher", TURN.prompt, PROBLEM, stop=("\n",), instruction="Be brief.", shots=(SHOT,))
        server, _ = asked(lambda _: "So.", turn)
        assert server.requests[0]["messages"] == [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": SHOT.prompt},
            {"role": "assistant", "content": SHOT.completion},
            {"role": "user", "content": TURN.prompt},
        ]
        assert "stop" not in server.requests[0]

    def test_without_an_instruction_there_is_no_system_message(self) -> None:
        server, _ = asked(lambda _: "So.", TURN)
        assert [message["role"] for message in server.requests[0]["messages"]] == ["user"]

    def test_options_that_were_not_given_are_not_sent(self) -> None:
        server, _ = asked(lambda _: "So.", TURN)
        sent = {key: value for key, value in server.requests[0].items() if key != "messages"}
        assert sent == {"model": "m", "temperature": 0, "max_tokens": 512}

    def test_options_that_were_given_are(self) -> None:
        server, _ = asked(lambda _: "So.", TURN, temperature=0.7, top_p=0.9, max_tokens=64, seed=5)
        sent = {key: value for key, value in server.requests[0].items() if key != "messages"}
        assert sent == {"model": "m", "temperature": 0.7, "top_p": 0.9, "max_tokens": 64, "seed": 5}

    def test_a_model_that_knows_no_chat_gets_one_text_and_stops_before_the_next_problem(self) -> None:
        turn = Turn("teacher", TURN.prompt, PROBLEM, instruction="Be brief.", shots=(SHOT,))
        going_on = " So it is.\n#### 5\n\n<problem>\nAnd who?\n</problem>"
        server, (reply,) = asked(lambda _: going_on, turn, mode="completion")
        (sent,) = server.requests
        assert sent["prompt"] == f"Be brief.\n\n{SHOT.prompt}{SHOT.completion}\n\n{TURN.prompt}"
        assert (sent["stop"], "messages" in sent) == (["\n<problem>"], False)
        assert reply.text.strip().startswith("So it is.\n#### 5")
        assert "And who?" not in reply.text

    @pytest.mark.parametrize(
        ("options", "fault"),
        [
            ("temperature=-1", "temperature: "),
            ("top_p=0", "top_p: "),
            ("max_tokens=0", "max_tokens: "),
            ("timeout=0", "timeout: "),
            ("api_key=sk-secret", "unknown option 'api_key'"),
            ("api_base=localhost:8000", "api_base: an address such as"),
            ("api_base=https://me:secret@host/v1", "keys belong in the environment"),
            ("api_base=https://host/v1?key=secret", "keys belong in the environment"),
        ],
    )
    def test_options_are_checked_before_anything_is_sent(self, options: str, fault: str) -> None:
        with pytest.raises(UsageError, match=fault):
            plugins.load(Teacher, f"litellm:m {options}")


class TestWhatComesBack:
    def test_text_reason_and_tokens(self) -> None:
        _, (reply,) = asked(lambda _: Said("So it is.", finish_reason="length"), TURN)
        assert reply == Reply("So it is.", "length", Usage(prompt_tokens=3, completion_tokens=3))

    @pytest.mark.parametrize(
        ("said", "text", "thinking"),
        [
            (Said("<think>\nHm, #### 7?\n</think>\n\nSo.\n#### 5"), "So.\n#### 5", "Hm, #### 7?"),
            (Said("Hm, #### 7?\n</think>\n\nSo.\n#### 5"), "So.\n#### 5", "Hm, #### 7?"),
            (Said("<thinking>Hm.</thinking>So."), "So.", "Hm."),
            (Said("So.\n#### 5", thinking="Hm."), "So.\n#### 5", "Hm."),
            (Said("<think>Hm, and then", finish_reason="length"), "", "<think>Hm, and then"),
            (Said("I think: 5 < 7."), "I think: 5 < 7.", ""),
        ],
        ids=["both marks", "the end alone", "long marks", "apart", "cut", "none"],
    )
    def test_what_was_thought_aloud_is_kept_apart(self, said: Said, text: str, thinking: str) -> None:
        _, (reply,) = asked(lambda _: said, TURN)
        assert (reply.text, reply.thinking) == (text, thinking)

    def test_what_was_thought_is_paid_for(self) -> None:
        said = Said("So.", thinking="Hm.", reasoning_tokens=30)
        _, (reply,) = asked(lambda _: said, TURN, input_price=1, output_price=10)
        assert (reply.usage.completion_tokens, reply.usage.reasoning_tokens) == (31, 30)
        assert reply.usage.cost == pytest.approx((3 * 1 + 31 * 10) / 1e6)

    def test_half_a_character_does_no_harm(self) -> None:
        body = (
            b'{"id": "1", "object": "chat.completion", "created": 1, "model": "m", "choices": [{"index": 0,'
            b' "finish_reason": "stop", "message": {"role": "assistant", "content": "So \\ud83d and \\ud83d\\ude00"}}]}'
        )
        _, (reply,) = asked(lambda _: Said(raw=body), TURN)
        assert reply.text == "So \ufffd and \U0001f600"

    def test_no_text_is_an_empty_text(self) -> None:
        _, (reply,) = asked(lambda _: Said(None), TURN)
        assert (reply.text, reply.finish_reason) == ("", "stop")

    @pytest.mark.parametrize(
        ("said", "sentence"),
        [
            (Said(choices=0), "holds no reply"),
            (Said(raw=b"<html>Bad gateway</html>"), "litellm:openai/m: "),
            (Said(status=429, error="Slow down."), "Slow down."),
            (Said(status=400, error="This is too long for me."), "This is too long for me."),
            (Said(status=503, error="Busy,\n\n  come back."), "Busy, come back."),
        ],
        ids=["no choices", "no json", "429", "400", "503"],
    )
    def test_a_request_that_failed_concerns_one_problem(self, said: Said, sentence: str) -> None:
        with pytest.raises(TeacherError) as raised:
            asked(lambda _: said, TURN)
        assert not isinstance(raised.value, TeacherUnusable)
        assert sentence in str(raised.value)
        assert "\n" not in str(raised.value)

    def test_a_page_of_an_error_is_told_in_part(self) -> None:
        with pytest.raises(TeacherError) as raised:
            asked(lambda _: Said(status=500, error="no " * 10_000), TURN)
        assert len(str(raised.value)) < 600

    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            (("Retry-After", "7"), 7.0),
            (("Retry-After", "0.25"), 0.25),
            (("Retry-After-Ms", "1500"), 1.5),
            (("Retry-After", "Sun, 06 Nov 1994 08:49:37 GMT"), 0.0),
            (("Retry-After", "soon"), None),
            (("X-Other", "7"), None),
        ],
        ids=["seconds", "fraction", "milliseconds", "past", "nonsense", "none"],
    )
    @pytest.mark.parametrize("status", [429, 503])
    def test_how_long_a_service_wants_to_be_left_alone(
        self, status: int, header: tuple[str, str], seconds: float | None
    ) -> None:
        with pytest.raises(TeacherBusy) as raised:
            asked(lambda _: Said(status=status, headers=(header,)), TURN)
        assert raised.value.overloaded
        assert raised.value.retry_after == (seconds if seconds is None else pytest.approx(seconds))

    def test_it_may_name_the_end_as_a_date(self) -> None:
        ends = time.time() + 30
        with pytest.raises(TeacherBusy) as raised:
            asked(lambda _: Said(status=429, headers=(("Retry-After", formatdate(ends, usegmt=True)),)), TURN)
        assert raised.value.retry_after == pytest.approx(ends - time.time(), abs=2)

    def test_an_account_without_money_concerns_the_run(self) -> None:
        said = Said(status=429, code="insufficient_quota", error="You exceeded your current quota.")
        with pytest.raises(TeacherUnusable, match="exceeded your current quota"):
            asked(lambda _: said, TURN)

    def test_a_slow_reply_is_given_up_and_the_run_goes_on(self) -> None:
        with pytest.raises(TeacherError, match=r"no reply in 0\.1 s") as raised:
            asked(lambda _: Said("late", delay=0.5), TURN, timeout=0.1)
        assert not isinstance(raised.value, TeacherUnusable)

    def test_an_option_the_model_refuses_concerns_the_run(self) -> None:
        with pytest.raises(TeacherUnusable, match="temperature"):
            ask(plugins.load(Teacher, "litellm:openai/gpt-5"), TURN)

    def test_a_server_that_dies_later_concerns_one_problem(self) -> None:
        with serving(lambda _: "So.") as server:
            teacher = plugins.load(Teacher, "litellm:openai/m", api_base=server.url)
            ask(teacher, TURN)
        with pytest.raises(TeacherError, match=server.url) as raised:
            ask(teacher, TURN)
        assert not isinstance(raised.value, TeacherUnusable)

    def test_it_can_be_used_again_after_it_was_closed(self) -> None:
        with serving(lambda _: "So.") as server:
            teacher = plugins.load(Teacher, "litellm:openai/m", api_base=server.url)
            assert [ask(teacher, TURN)[0].text for _ in range(3)] == ["So."] * 3


PRICED: dict[str, Any] = {"input_price": 10.0, "output_price": 20.0, "max_tokens": 100}
SHOWN = Turn("teacher", TURN.prompt, PROBLEM, instruction="Be brief.", shots=(SHOT,))


def telling(usage: object, choice: dict[str, Any] | None = None) -> Said:
    """Reply with a usage of its own; None tells none."""
    said = choice or {"message": {"role": "assistant", "content": "So it is, and it is so."}}
    body = {"id": "1", "object": "chat.completion", "created": 1, "model": "m"}
    choices = [{"index": 0, "finish_reason": "stop", **said}]
    return Said(raw=json.dumps({**body, "choices": choices, **({"usage": usage} if usage else {})}).encode())


class TestTokensThatAreNotTold:
    """They are counted where they have a price, so that a budget holds."""

    @pytest.mark.parametrize(
        "usage",
        [
            None,
            {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0},
            {"prompt_tokens": -5, "completion_tokens": -7, "total_tokens": -12},
        ],
        ids=["none", "nothing", "negative"],
    )
    def test_they_are_counted_as_for_an_estimate(self, usage: dict[str, int] | None) -> None:
        _, (reply,) = asked(lambda _: telling(usage), SHOWN, **PRICED)
        teacher = plugins.load(Teacher, "litellm:openai/m")
        read = sum(teacher.count(text) + 4 for text in ("Be brief.", SHOT.prompt, SHOT.completion, TURN.prompt))
        wrote = teacher.count("So it is, and it is so.")
        assert (reply.usage.prompt_tokens, reply.usage.completion_tokens) == (read, wrote)
        assert reply.usage.cost == pytest.approx((read * 10 + wrote * 20) / 1e6)

    def test_one_that_is_told_is_taken(self) -> None:
        usage = {"prompt_tokens": 1000, "completion_tokens": -1, "total_tokens": 999}
        _, (reply,) = asked(lambda _: telling(usage), TURN, **PRICED)
        assert reply.usage.prompt_tokens == 1000
        assert 0 < reply.usage.completion_tokens < 20

    def test_what_was_thought_aloud_counts(self) -> None:
        message = {"role": "assistant", "content": "So.", "reasoning_content": "Hm, hm, and hm again."}
        _, (short, long) = asked(lambda _: telling(None, {"message": message}), TURN, SHOWN, **PRICED)
        assert short.usage.completion_tokens == long.usage.completion_tokens > 6

    def test_a_completion_is_counted_too(self) -> None:
        said = telling(None, {"text": "So it is."})
        _, (reply,) = asked(lambda _: said, TURN, mode="completion", **PRICED)
        assert reply.usage.completion_tokens > 2
        assert reply.usage.cost > 0

    def test_litellms_own_price_is_never_negative(self) -> None:
        usage = {"prompt_tokens": -500, "completion_tokens": -7, "total_tokens": -507}
        with serving(lambda _: telling(usage)) as server:
            (reply,) = ask(plugins.load(Teacher, "litellm:openai/gpt-4.1-mini", api_base=server.url), TURN)
        assert reply.usage.cost > 0

    def test_without_a_price_nothing_is_made_up_and_nothing_is_negative(self) -> None:
        usage = {"prompt_tokens": -5, "completion_tokens": 7, "total_tokens": 2}
        _, (reply,) = asked(lambda _: telling(usage), TURN)
        assert reply.usage == Usage(prompt_tokens=0, completion_tokens=7)

    def test_a_budget_ends_a_run_whose_service_tells_none(self) -> None:
        turns = [Turn("teacher", f"Question: Why {number}?\nAnswer:\n", PROBLEM) for number in range(60)]

        async def run(teacher: Teacher) -> tuple[list[Reply | BaseException], float]:
            client = Client(teacher, Asking(max_cost=0.01))
            try:
                return await asyncio.gather(*map(client.reply, turns), return_exceptions=True), client.budget.spent
            finally:
                await teacher.close()

        with serving(lambda _: telling(None)) as server:
            said, spent = asyncio.run(run(plugins.load(Teacher, "litellm:openai/m", api_base=server.url, **PRICED)))
        assert 0.005 < spent <= 0.01
        assert 0 < len(server.requests) < 60
        assert any(isinstance(one, BudgetReached) for one in said)

    def test_a_batch_that_tells_none_costs_something(self) -> None:
        from socratic_cli.teachers.litellm_batches import OpenAIBatches

        teacher = plugins.load(Teacher, "litellm:openai/m api_base=http://127.0.0.1:9/v1", **PRICED)
        batches = teacher.batches
        assert isinstance(batches, OpenAIBatches)
        batches.line("k", TURN)
        lines = [
            {"custom_id": key, "response": {"status_code": 200, "body": json.loads(telling(None).raw or b"")}}
            for key in ("k", "of another run")
        ]
        known, unknown = (batches._result(line) for line in lines)
        assert isinstance(known, Reply)
        assert isinstance(unknown, Reply)
        assert known.usage.cost > unknown.usage.cost > 0


class TestRepliesThatWereLost:
    """What reached the service may have been billed; what did not, was not."""

    @staticmethod
    def fault(url: str, **options: Any) -> TeacherBusy:
        with pytest.raises(TeacherBusy) as raised:
            ask(plugins.load(Teacher, "litellm:openai/m", api_base=url, **options), TURN)
        return raised.value

    @pytest.mark.parametrize("fault", ["cut-before", "cut-within", "truncated", "html", "no-choices", "null-choices"])
    def test_a_reply_that_broke_off_may_have_been_billed(self, fault: str) -> None:
        with faulty(faults={fault: 1.0}) as server:
            assert self.fault(server.url).billed

    @pytest.mark.parametrize("body", [b"[]", b"null", b'"So."', b"", b"{", b'{"choices": [1]}', b'{"a": "\xff'])
    @pytest.mark.parametrize("mode", ["chat", "completion"])
    def test_a_body_that_is_no_reply_may_have_been_billed(self, body: bytes, mode: str) -> None:
        with serving(lambda _: Said(raw=body)) as server:
            assert self.fault(server.url, mode=mode).billed

    @pytest.mark.parametrize("status", [408, 409, 429, 500, 502, 503, 504, 529])
    def test_what_the_service_refused_was_not(self, status: int) -> None:
        with serving(lambda _: status) as server:
            assert not self.fault(server.url).billed

    def test_nor_was_what_was_never_sent(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        assert not self.fault(f"http://127.0.0.1:{port}/v1").billed
        assert not self.fault("http://nobody.invalid/v1").billed
        with serving(lambda _: "So.") as server:
            assert not self.fault(server.url.replace("http:", "https:")).billed


def test_nothing_heavy_is_imported_to_make_a_teacher() -> None:
    code = (
        "import sys; from socratic_cli import plugins; from socratic_cli.parts import Teacher;"
        "print(plugins.load(Teacher, 'litellm:openai/m').label, 'litellm' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["litellm:openai/m", "False"]


@pytest.mark.parametrize("model", ["openai/gpt-9-mini", "gpt-9-mini", "azure/gpt-9", "openai/any"])
def test_a_price_that_nobody_knows_is_never_nothing(model: str) -> None:
    teacher = plugins.load(Teacher, f"litellm:{model}")
    assert teacher.price is None
    with pytest.raises(UsageError, match="is not known, so a budget cannot be kept"):
        require_price(teacher, 1.0)


def test_a_known_price_is_litellms_and_a_local_model_costs_nothing() -> None:
    priced, local = (
        plugins.load(Teacher, f"litellm:{model}").price for model in ("openai/gpt-4.1-mini", "ollama/llama3")
    )
    assert priced is not None
    assert priced.prompt > 0
    assert local == (0.0, 0.0)


def test_no_prices_are_fetched_and_no_word_is_said() -> None:
    code = (
        "import asyncio; from socratic_cli import plugins; from socratic_cli.parts import Teacher;"
        "from socratic_cli.dialogue import Turn; from socratic_cli.records import Problem;"
        "from socratic_cli.errors import TeacherUnusable\n"
        "turn = Turn('teacher', 'Why?', Problem(id='a', question='Why?'))\n"
        "try: asyncio.run(plugins.load(Teacher, 'litellm:nonsense').reply(turn))\n"
        "except TeacherUnusable: print('unusable')"
    )
    environment = {key: value for key, value in os.environ.items() if not key.startswith("LITELLM")}
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert (ran.stdout, ran.stderr) == ("unusable\n", "")
