"""HTTP as bytes on a connection, where every byte can be held back, doubled or left out."""

from __future__ import annotations

import asyncio
import email.utils
import json
import math
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

LATE = 0.02
_HTML = b"<html><head><title>Bad gateway</title></head><body><h1>Bad gateway</h1><p>cloud-edge</p></body></html>"


@dataclass(frozen=True)
class Request:
    """A request, read whole."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict[str, Any]:
        """The body as an object."""
        value: dict[str, Any] = json.loads(self.body)
        return value


@dataclass(frozen=True)
class Response:
    """A response that is yet to be spoiled."""

    body: bytes
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"

    @property
    def head(self) -> bytes:
        """Status line and headers."""
        phrase = HTTPStatus(self.status).phrase if self.status in set(HTTPStatus) else "Overloaded"
        fixed = {"Content-Type": self.content_type, "Content-Length": str(len(self.body))}
        lines = [f"{name}: {value}" for name, value in {**fixed, **self.headers}.items()]
        return "\r\n".join([f"HTTP/1.1 {self.status} {phrase}", *lines, "", ""]).encode()


def of_json(value: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a response that holds a value."""
    return Response(json.dumps(value).encode(), status, headers or {})


def error(status: int, message: str, headers: dict[str, str] | None = None) -> Response:
    """Return an error as OpenAI words it."""
    fault = {"message": message, "type": "server_error", "param": None, "code": None}
    return of_json({"error": fault}, status, headers)


def refusal(fault: str, retry_after: float) -> tuple[Response, float]:
    """Return the response of a fault of REFUSED, and the seconds that it asks for."""
    if fault == "502-html":
        return html(502), 0.0
    status, _, way = fault.partition("-")
    value, seconds = _retry_after(way, retry_after)
    headers = {"retry-after-ms" if way == "ms" else "Retry-After": value} if value else {}
    return error(int(status), f"the server says {status}", headers), seconds


def html(status: int) -> Response:
    """Return the page of a gateway that knows nothing of JSON."""
    return Response(_HTML, status, content_type="text/html")


def _retry_after(way: str, seconds: float) -> tuple[str, float]:
    """Return the value of the header, and the seconds that it means."""
    if way == "seconds":
        return str(math.ceil(seconds)), float(math.ceil(seconds))
    if way == "fraction":
        return f"{seconds:.3f}", seconds
    if way == "ms":
        return str(round(seconds * 1000)), seconds
    if way == "date":
        until = math.ceil(time.time() + seconds)
        return email.utils.formatdate(until, usegmt=True), until - time.time()
    return "", 0.0


class Line:
    """One connection of a client."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.open = True

    @property
    def gone(self) -> bool:
        """Whether the client hung up."""
        left = self._reader.at_eof() or self._reader.exception() is not None
        return left or self._writer.transport.is_closing()

    async def read(self) -> Request | None:
        """Read a request; None when there is none any more."""
        try:
            head = await self._reader.readuntil(b"\r\n\r\n")
        except (asyncio.IncompleteReadError, ConnectionError):
            return None
        first, *lines = head[:-4].decode("latin-1").split("\r\n")
        method, path, _ = first.split(" ")
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        return Request(method, urlsplit(path).path, headers, await self._body(headers))

    async def _body(self, headers: dict[str, str]) -> bytes:
        if "chunked" not in headers.get("transfer-encoding", ""):
            return await self._reader.readexactly(int(headers.get("content-length", 0)))
        parts = []
        while size := int((await self._reader.readuntil(b"\r\n")).partition(b";")[0], 16):
            parts.append((await self._reader.readexactly(size + 2))[:-2])
        await self._reader.readuntil(b"\r\n")
        return b"".join(parts)

    async def deliver(self, response: Response, fault: str | None, slow: float) -> bool:
        """Send a response with what the fault does to it; says whether it went out whole to somebody who listens."""
        if fault == "slow":
            await asyncio.sleep(slow)
        if fault == "truncated":
            response = Response(response.body[: len(response.body) // 2])
        if fault == "html":
            response = html(200)
        if self.gone:
            self.open = False
            return False
        if fault in ("stall", "cut-before", "cut-within"):
            await self._break_off(response, fault)
            return False
        return await self._send((response.head + response.body) * (2 if fault == "duplicate" else 1))

    async def _break_off(self, response: Response, fault: str) -> None:
        self.open = False
        if fault == "cut-before":
            self._writer.transport.abort()
            return
        await self._send(response.head + response.body[: len(response.body) // 2])
        if fault == "stall":
            await self._reader.read()

    async def again(self, response: Response) -> None:
        """Send a response that was sent before, when the client already does something else."""
        await asyncio.sleep(LATE)
        await self._send(response.head + response.body)

    async def _send(self, data: bytes) -> bool:
        try:
            self._writer.write(data)
            await self._writer.drain()
        except ConnectionError:
            self.open = False
        return self.open

    async def close(self) -> None:
        """Hang up."""
        try:
            self._writer.close()
            await self._writer.wait_closed()
        except ConnectionError:
            pass
