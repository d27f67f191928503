"""The faulty server is as faulty as it says: what the proofs about annotation stand on."""

from __future__ import annotations

import asyncio
import email.utils
import json
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import pytest

from tests.faulty import EMPTY, FAULTS, LOST, PAID, REFUSED, Options, Server, Stats, every, faulty
from tests.server import as_recorded, recorded

KEY = "sk-nobody"


def request(number: int = 17) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": f"Question: How many hens? [= {number}]"}]}


def ask(server: Server, number: int = 17, timeout: float = 5.0) -> httpx.Response:
    return httpx.post(server.chat, json=request(number), timeout=timeout, verify=False)


@contextmanager
def only(fault: str, **options: Any) -> Iterator[Server]:
    """A server that meets every request with one fault."""
    with faulty(faults={fault: 1.0}, slow=0.2, retry_after=1.2, **options) as server:
        yield server


async def outcomes(server: Server, numbers: list[int], width: int = 32) -> list[str]:
    """Ask all, and return what came of each: the text, the status, or the name of the exception."""
    gate = asyncio.Semaphore(width)

    async def one(number: int) -> str:
        try:
            async with gate, session.post(server.chat, json=request(number)) as response:
                if response.status != 200:
                    return str(response.status)
                reply = await response.json()
                return str(reply["choices"][0]["message"]["content"])
        except Exception as fault:
            return type(fault).__name__

    timeout = aiohttp.ClientTimeout(total=0.5)
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
        return list(await asyncio.gather(*map(one, numbers)))


class TestReplies:
    def test_a_question_that_gives_its_answer_away_gets_it(self) -> None:
        with faulty() as server:
            reply = ask(server).json()
        assert reply["choices"][0]["message"]["content"].endswith("\n#### 17")
        assert (server.stats().requests, server.stats().paid, server.stats().paid_bodies) == (1, 1, 1)
        assert server.stats().completion_tokens == reply["usage"]["completion_tokens"] > 0
        assert server.paid() == {"How many hens? [= 17]": 1}

    def test_a_recorded_question_gets_what_was_recorded(self, data_dir: Path) -> None:
        question, sample = next(iter(recorded(data_dir).items()))
        asked = {"model": "m", "messages": [{"role": "user", "content": f"Question: {question}"}]}
        with faulty(recorded=data_dir) as server:
            reply = httpx.post(server.chat, json=asked, verify=False).json()
        assert reply["choices"][0]["message"]["content"] == as_recorded(sample)

    def test_what_is_paid_twice_is_counted(self) -> None:
        with faulty() as server:
            for number in (1, 1, 1, 2):
                ask(server, number)
        stats = server.stats()
        assert (stats.requests, stats.paid, stats.paid_bodies, stats.paid_twice) == (4, 4, 2, 1)

    def test_a_reply_takes_its_time_and_those_in_flight_are_counted(self) -> None:
        with faulty(latency=0.2, jitter=0.1) as server:
            began = time.monotonic()
            asyncio.run(outcomes(server, list(range(10)), width=5))
            assert 0.4 <= time.monotonic() - began < 2
        assert server.stats().in_flight_max == 5

    def test_a_reply_that_nobody_waits_for_is_not_paid(self) -> None:
        with faulty(latency=0.3) as server:
            with pytest.raises(httpx.ReadTimeout):
                ask(server, timeout=0.1)
            time.sleep(0.4)
        assert (server.stats().paid, server.stats().gone) == (0, 1)


class TestRefusals:
    @pytest.mark.parametrize(
        ("fault", "status", "header", "value"),
        [
            ("429-seconds", 429, "retry-after", "2"),
            ("429-fraction", 429, "retry-after", "1.200"),
            ("429-ms", 429, "retry-after-ms", "1200"),
            ("429-bare", 429, "retry-after", None),
            ("500", 500, "retry-after", None),
            ("503", 503, "retry-after", None),
            ("529", 529, "retry-after", None),
        ],
    )
    def test_status_and_header(self, fault: str, status: int, header: str, value: str | None) -> None:
        with only(fault) as server:
            response = ask(server)
        assert (response.status_code, response.headers.get(header)) == (status, value)
        assert str(status) in response.json()["error"]["message"]
        assert (server.stats().paid, server.stats().faults) == (0, {fault: 1})

    def test_a_date(self) -> None:
        with only("429-date") as server:
            until = email.utils.parsedate_to_datetime(ask(server).headers["retry-after"])
        assert 0.5 < until.timestamp() - time.time() < 3

    def test_an_attempt_before_the_time_is_counted(self) -> None:
        with faulty(faults={"429-fraction": 1.0}, retry_after=0.2) as server:
            ask(server)
            ask(server)
            time.sleep(0.25)
            ask(server)
        assert server.stats().too_soon == 1

    def test_over_its_capacity(self) -> None:
        with faulty(capacity=3, latency=0.2) as server:
            found = Counter(asyncio.run(outcomes(server, list(range(10)))))
        assert (found["429"], server.stats().paid, server.stats().faults["capacity"]) == (7, 3, 7)

    def test_an_outage_of_some_requests(self) -> None:
        with faulty(outage=(1, 3)) as server:
            assert [ask(server).status_code for _ in range(4)] == [200, 503, 503, 200]

    def test_a_page_of_a_gateway(self) -> None:
        with only("502-html") as server:
            response = ask(server)
        assert (response.status_code, response.headers["content-type"]) == (502, "text/html")


class TestRepliesThatAreNone:
    def test_a_page_that_says_all_is_well(self) -> None:
        with only("html") as server:
            response = ask(server)
        assert (response.status_code, response.text[:6]) == (200, "<html>")
        assert server.stats().paid == 0

    @pytest.mark.parametrize(("fault", "choices"), [("no-choices", []), ("null-choices", None)])
    def test_no_choices(self, fault: str, choices: list[Any] | None) -> None:
        with only(fault) as server:
            assert ask(server).json()["choices"] == choices
        assert server.stats().paid == 0

    def test_json_cut_off_in_a_whole_message(self) -> None:
        with only("truncated") as server:
            response = ask(server)
        assert int(response.headers["content-length"]) == len(response.content)
        with pytest.raises(json.JSONDecodeError):
            response.json()
        assert (server.stats().paid, server.stats().lost) == (0, 1)

    @pytest.mark.parametrize(
        ("fault", "sentence"),
        [("cut-before", "reset|disconnected"), ("cut-within", "complete message body"), ("stall", "timed out")],
    )
    def test_a_connection_that_breaks(self, fault: str, sentence: str) -> None:
        with only(fault) as server:
            began = time.monotonic()
            with pytest.raises(httpx.TransportError, match=sentence):
                ask(server, timeout=0.3)
            assert (time.monotonic() - began > 0.25) == (fault == "stall")
        assert (server.stats().paid, server.stats().lost) == (0, 1)

    def test_a_stalled_body_has_headers_and_its_first_half(self) -> None:
        with only("stall") as server, httpx.stream("POST", server.chat, json=request(), timeout=0.3) as response:
            assert response.status_code == 200
            parts = response.iter_raw()
            came = next(parts)
            with pytest.raises(httpx.ReadTimeout):
                next(parts)
        assert len(came) == int(response.headers["content-length"]) // 2


class TestRepliesThatArePaid:
    @pytest.mark.parametrize(("fault", "reason"), [("length", "length"), ("filtered", "content_filter")])
    def test_the_finish_reason(self, fault: str, reason: str) -> None:
        with only(fault) as server:
            choice = ask(server).json()["choices"][0]
        assert choice["finish_reason"] == reason
        assert "####" not in choice["message"]["content"]
        assert server.stats().paid == 1

    def test_a_slow_first_byte(self) -> None:
        with only("slow") as server:
            began = time.monotonic()
            assert ask(server).status_code == 200
            assert time.monotonic() - began > 0.2
        assert server.stats().paid == 1

    @pytest.mark.parametrize("fault", ["duplicate", "duplicate-late"])
    def test_a_reply_that_comes_twice_on_a_connection_that_stays(self, fault: str) -> None:
        with only(fault) as server:
            came = asyncio.run(_raw(server))
        assert came.count(b"HTTP/1.1 200 OK") == 2
        assert came[: len(came) // 2] == came[len(came) // 2 :]
        assert (server.stats().paid, server.stats().faults) == (1, {fault: 1})


async def _raw(server: Server) -> bytes:
    """Return all that a connection brings in reply to one request."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    body = json.dumps(request()).encode()
    writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    came = b""
    try:
        async with asyncio.timeout(0.2):
            while part := await reader.read(65536):
                came += part
    except TimeoutError:
        pass
    writer.close()
    return came


class TestTheSeed:
    def faults(self, seed: int, numbers: list[int]) -> tuple[dict[int, str], Stats]:
        options = {"faults": every(0.8, (*REFUSED, *EMPTY, "cut-before", "truncated")), "retry_after": 0.1}
        with faulty(seed=seed, **options) as server:
            found = asyncio.run(outcomes(server, numbers))
        return dict(zip(numbers, found, strict=True)), server.stats()

    def test_it_decides_in_whatever_order_requests_come(self) -> None:
        numbers = list(range(120))
        one, stats = self.faults(1, numbers)
        again, same = self.faults(1, numbers[::-1])
        assert again == one
        assert same.faults == stats.faults
        assert len(stats.faults) > 8
        assert 0.6 < stats.faults.total() / stats.requests < 0.95
        assert self.faults(2, numbers)[0] != one

    def test_another_attempt_meets_another_fate(self) -> None:
        with faulty(seed=3, faults={"500": 0.5}) as server:
            found = [ask(server).status_code for _ in range(20)]
        assert set(found) == {200, 500}

    def test_faults_end_after_some_attempts(self) -> None:
        with faulty(faults={"500": 1.0}, faulty_attempts=2) as server:
            assert [ask(server).status_code for _ in range(4)] == [500, 500, 200, 200]


def test_every_fault_has_one_consequence() -> None:
    assert len(set(FAULTS)) == len(FAULTS) == len(REFUSED) + len(LOST) + len(EMPTY) + len(PAID)
    assert sum(every(0.3).values()) == pytest.approx(0.3)


@pytest.mark.parametrize("faults", [{"nonsense": 0.1}, {"500": 0.6, "503": 0.6}])
def test_what_cannot_be_is_told(faults: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="faults"):
        Options(faults=faults)


class TestBatches:
    """Through litellm, which is how they are asked."""

    def test_a_batch_is_done_some_polls_later_in_another_order(self) -> None:
        with faulty(polls=2) as server:
            statuses, batch, good, bad = asyncio.run(self.run(server, 20))
        assert statuses == ["in_progress", "in_progress", "completed"]
        assert sorted(good) == sorted(f"r{n}" for n in range(20))
        assert list(good) != sorted(good, key=lambda name: int(name[1:]))
        assert not bad
        assert batch.error_file_id is None
        text = good["r7"]["response"]["body"]["choices"][0]["message"]["content"]
        assert text.endswith("\n#### 7")
        stats = server.stats()
        assert (stats.batches, stats.batch_lines, stats.paid, stats.requests) == (1, 20, 20, 0)

    def test_some_requests_fail(self) -> None:
        with faulty(batch_failed=0.4) as server:
            _, batch, good, bad = asyncio.run(self.run(server, 20))
        assert good.keys() | bad.keys() == {f"r{n}" for n in range(20)}
        assert {line["response"]["status_code"] for line in bad.values()} == {500}
        assert batch.request_counts.failed == len(bad) > 0
        assert server.stats().paid == len(good) > 0

    def test_a_batch_may_expire_with_a_part_of_it_done(self) -> None:
        with faulty(batch_done=0.5) as server:
            statuses, _, good, bad = asyncio.run(self.run(server, 20))
        assert statuses[-1] == "expired"
        assert (len(good), len(bad)) == (10, 10)
        assert {line["error"]["code"] for line in bad.values()} == {"batch_expired"}

    def test_a_batch_is_cancelled_and_what_was_done_is_kept(self) -> None:
        with faulty(polls=9) as server:
            statuses, _, good, bad = asyncio.run(self.run(server, 20, cancel=True))
        assert statuses == ["in_progress", "cancelling", "cancelled"]
        assert (len(good), len(bad), server.stats().paid) == (10, 10, 10)

    def test_a_batch_is_made_even_if_its_client_never_hears_of_it(self) -> None:
        with faulty(batch_faults={"cut-before": 1.0}) as server:
            file = httpx.URL(f"{server.url}/files")
            with pytest.raises(httpx.TransportError):
                httpx.post(file, files={"file": b"{}"}, data={"purpose": "batch"})
        assert server.stats().batch_faults == {"cut-before": 1}

    async def run(
        self, server: Server, count: int, *, cancel: bool = False
    ) -> tuple[list[str], Any, dict[str, Any], dict[str, Any]]:
        """Send a batch, poll until it ends, and read both its files."""
        import litellm

        at: dict[str, Any] = {"custom_llm_provider": "openai", "api_base": server.url, "api_key": KEY}
        lines = [
            {"custom_id": f"r{n}", "method": "POST", "url": "/v1/chat/completions", "body": request(n)}
            for n in range(count)
        ]
        content = "".join(json.dumps(line) + "\n" for line in lines).encode()
        file = await litellm.acreate_file(file=("batch.jsonl", content), purpose="batch", **at)
        batch = await litellm.acreate_batch(
            completion_window="24h",
            endpoint="/v1/chat/completions",
            input_file_id=file.id,
            metadata={"run": "1"},
            **at,
        )
        assert (batch.status, batch.metadata) == ("validating", {"run": "1"})
        statuses: list[str] = []
        while batch.status in ("validating", "in_progress", "cancelling"):
            if cancel and statuses:
                await litellm.acancel_batch(batch_id=batch.id, **at)
                statuses.append("cancelling")
            batch = await litellm.aretrieve_batch(batch_id=batch.id, **at)
            statuses.append(batch.status)
        listed = await litellm.alist_batches(**at)
        assert [one.id for one in listed.data] == [batch.id]
        return statuses, batch, await self.lines(batch.output_file_id, at), await self.lines(batch.error_file_id, at)

    async def lines(self, file: str | None, at: dict[str, Any]) -> dict[str, Any]:
        import litellm

        if file is None:
            return {}
        content = await litellm.afile_content(file_id=file, **at)
        return {line["custom_id"]: line for line in map(json.loads, content.text.splitlines())}
