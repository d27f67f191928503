"""The server itself: who is answered what, and with which fault."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Any

from tests.faulty import answers, wire
from tests.faulty.batches import Batches
from tests.faulty.ledger import Ledger
from tests.faulty.plan import EMPTY, LOST, REFUSED, Options, chance, drawn, identity
from tests.faulty.wire import Line, Request, Response


class Service:
    """Answers requests until its process is ended."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._ledger = Ledger()
        self._model = answers.model(options.recorded)
        self._batches = Batches(options, self._ledger, self._model)
        self._in_flight = 0
        self._not_before: dict[str, float] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer what comes over a connection, one after another."""
        line = Line(reader, writer)
        try:
            while line.open and (request := await line.read()) is not None:
                await self._answer(line, request)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            await line.close()

    async def _answer(self, line: Line, request: Request) -> None:
        if (request.method, request.path) == ("POST", "/v1/chat/completions"):
            await self._chat(line, request.json)
        elif request.path == "/stats":
            await line.deliver(wire.of_json(self._ledger.read()), None, 0)
        elif request.path == "/paid":
            await line.deliver(wire.of_json(self._ledger.questions), None, 0)
        else:
            await self._about_batches(line, request)

    async def _chat(self, line: Line, request: dict[str, Any]) -> None:
        stats = self._ledger.stats
        stats.requests += 1
        self._in_flight += 1
        stats.in_flight_max = max(stats.in_flight_max, self._in_flight)
        try:
            response, fault = await self._complete(line, request)
        finally:
            self._in_flight -= 1
        if fault == "duplicate-late":
            await line.again(response)

    async def _complete(self, line: Line, request: dict[str, Any]) -> tuple[Response, str | None]:
        """Answer a request for a completion; returns what was sent, and the fault."""
        body, stats = identity(request), self._ledger.stats
        stats.too_soon += monotonic() < self._not_before.pop(body, 0.0)
        attempt = self._ledger.attempt(body)
        fault = self._fault(body, attempt)
        if fault:
            stats.faults[fault] += 1
        refused = {"capacity": "429-bare", "outage": "503"}.get(fault or "", fault)
        if refused in REFUSED:
            return await self._refuse(line, refused, body), fault
        await self._think(body, attempt)
        reply = answers.completion(request, self._model(request), f"{body}-{attempt}", fault)
        response = wire.of_json(reply)
        stats.lost += fault in LOST
        whole = await line.deliver(response, fault, self._options.slow)
        if not whole:
            stats.gone += fault not in LOST
        elif fault not in (*EMPTY, *LOST):
            self._ledger.pay(body, request, reply)
        return response, fault

    def _fault(self, body: str, attempt: int) -> str | None:
        options, number = self._options, self._ledger.stats.requests - 1
        if options.outage and options.outage[0] <= number < options.outage[1]:
            return "outage"
        if options.capacity is not None and self._in_flight > options.capacity:
            return "capacity"
        if options.faulty_attempts is not None and attempt >= options.faulty_attempts:
            return None
        return drawn(options.faults, chance(options.seed, body, attempt))

    async def _refuse(self, line: Line, fault: str, body: str) -> Response:
        response, seconds = wire.refusal(fault, self._options.retry_after)
        if seconds:
            self._not_before[body] = monotonic() + seconds
        await line.deliver(response, None, 0)
        return response

    async def _think(self, body: str, attempt: int) -> None:
        seconds = self._options.latency + self._options.jitter * chance(self._options.seed, "jitter", body, attempt)
        if seconds:
            await asyncio.sleep(seconds)

    async def _about_batches(self, line: Line, request: Request) -> None:
        """Do what is asked, but for refusals, and then lose the answer where the fault says so."""
        # Not the body: that of an upload has a boundary drawn by its client.
        what = f"{request.method} {request.path}"
        place = chance(self._options.seed, what, self._ledger.attempt(what))
        fault = drawn(self._options.batch_faults, place)
        if fault:
            self._ledger.stats.batch_faults[fault] += 1
        if fault in REFUSED:
            await line.deliver(wire.refusal(fault, self._options.retry_after)[0], None, 0)
            return
        response = self._batches.answer(request)
        await line.deliver(response, fault, self._options.slow)
        if fault == "duplicate-late":
            await line.again(response)
