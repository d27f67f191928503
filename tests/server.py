"""A real HTTP server that speaks OpenAI's dialect, on a free port: what teachers are tested against.

    with serving(lambda messages: "It is 5.\n#### 5") as server:
        LiteLLM(model="openai/m", api_base=server.url)

What is replied is a function of the messages: a text, a `Said`, or the number of an HTTP error.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

Messages = list[dict[str, str]]


@dataclass(frozen=True)
class Said:
    """A reply with what stands around it; `error` is the sentence of an HTTP error, `raw` a body of its own.

    `first_token` are likely ones with their log-probabilities, told to whoever asks.
    """

    text: str | None = ""
    finish_reason: str = "stop"
    refusal: str | None = None
    status: int = 200
    error: str = "the server has a headache"
    code: str | None = None
    raw: bytes | None = None
    choices: int = 1
    delay: float = 0.0
    headers: tuple[tuple[str, str], ...] = ()
    thinking: str | None = None
    reasoning_tokens: int = 0
    first_token: tuple[tuple[str, float], ...] = ()


Answer = Callable[[Messages], str | int | Said]


@dataclass
class Server:
    """The address of a running server, and every request it got."""

    url: str
    requests: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    @property
    def prompts(self) -> list[str]:
        """The last message of every request."""
        return [_messages(request)[-1]["content"] for request in self.requests]


@contextmanager
def serving(answer: Answer) -> Iterator[Server]:
    """Serve `/v1/chat/completions`, and `/v1/completions`, in threads of their own until the block ends."""
    http = _HTTP(("127.0.0.1", 0), _Handler)
    http.answer = answer
    http.server = Server(f"http://127.0.0.1:{http.server_address[1]}/v1")
    thread = threading.Thread(target=http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield http.server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


class _HTTP(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    answer: Answer
    server: Server


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # One packet a response: two of them wait for each other's acknowledgement, 40 ms long.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        http = cast(_HTTP, self.server)
        request = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        http.server.requests.append(request)
        http.server.headers.append({name.lower(): value for name, value in self.headers.items()})
        said = http.answer(_messages(request))
        if isinstance(said, str):
            said = Said(said)
        elif isinstance(said, int):
            said = Said(status=said)
        time.sleep(said.delay)
        body = said.raw if said.raw is not None else json.dumps(_body(request, said)).encode()
        self.send_response(said.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        for name, value in said.headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _body(request: dict[str, Any], said: Said) -> dict[str, Any]:
    if said.status != 200:
        return {"error": {"message": said.error, "type": "invalid_request_error", "param": None, "code": said.code}}
    read = sum(len(message["content"].split()) for message in _messages(request))
    wrote = len((said.text or "").split()) + said.reasoning_tokens
    usage: dict[str, Any] = {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}
    if said.reasoning_tokens:
        usage["completion_tokens_details"] = {"reasoning_tokens": said.reasoning_tokens}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion" if "messages" in request else "text_completion",
        "created": 1,
        "model": request["model"],
        "choices": [_choice(request, said)] * said.choices,
        "usage": usage,
    }


def _choice(request: dict[str, Any], said: Said) -> dict[str, Any]:
    choice: dict[str, Any] = {"index": 0, "finish_reason": said.finish_reason}
    if "messages" not in request:
        return {**choice, "text": said.text}
    message = {"role": "assistant", "content": said.text, "refusal": said.refusal}
    if said.first_token and request.get("logprobs"):
        top = [{"token": token, "logprob": likely, "bytes": None} for token, likely in said.first_token]
        choice |= {"logprobs": {"content": [{**top[0], "top_logprobs": top}], "refusal": None}}
    return {**choice, "message": {**message, **({"reasoning_content": said.thinking} if said.thinking else {})}}


def _messages(request: dict[str, Any]) -> Messages:
    """Return the chat of a request, or its one text as a chat of one message."""
    messages: Messages = request.get("messages") or [{"role": "user", "content": request["prompt"]}]
    return messages


def asked(messages: Messages) -> str:
    """Return the question in the last message: in a fence, or after its heading."""
    text = messages[-1]["content"]
    if "<problem>\n" in text:
        return text.rpartition("<problem>\n")[2].partition("\n</problem>")[0].replace("&lt;", "<")
    return text.removeprefix("Question: ").partition("\n")[0]


def recorded(data_dir: Path, name: str = "svamp") -> dict[str, dict[str, Any]]:
    """Return the replies of text-davinci-002 to a data set, by question."""
    text = (data_dir / "recorded" / "davinci002" / f"{name}.json").read_text(encoding="utf-8")
    samples = [samples[0] for samples in json.loads(text)["data"].values()]
    return {sample["question"]: sample for sample in samples}


def replay(samples: dict[str, dict[str, Any]]) -> Answer:
    """Return an answer that says again what was recorded for the question."""

    def answer(messages: Messages) -> Said:
        sample = samples[asked(messages)]
        return Said(as_recorded(sample), finish_reason=sample["reasoning_finish_reason"])

    return answer


def as_recorded(sample: dict[str, Any]) -> str:
    """Return the reasoning and the answer of a recorded sample as the one text they were written as."""
    return f"{sample['reasoning_completion']}\nTherefore, the answer is{sample['completion']}"
