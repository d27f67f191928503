"""OpenAI's batches: a file of requests goes up, and some time later a file of replies and one of errors come down."""

from __future__ import annotations

import json
import random
import re
import time
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.faulty import answers, wire
from tests.faulty.answers import Model
from tests.faulty.ledger import Ledger
from tests.faulty.plan import Options, chance, identity
from tests.faulty.wire import Request, Response

_EXPIRED = "This request could not be executed before the completion window expired."
_CANCELLED = "This request was not executed, since the batch was cancelled."
_ENDED = ("completed", "expired", "cancelled", "failed")


@dataclass
class Batch:
    """A batch as it is shown."""

    id: str
    input_file_id: str
    endpoint: str
    completion_window: str
    metadata: dict[str, str] | None
    created_at: int
    object: str = "batch"
    status: str = "validating"
    output_file_id: str | None = None
    error_file_id: str | None = None
    errors: dict[str, Any] | None = None
    completed_at: int | None = None
    expired_at: int | None = None
    cancelled_at: int | None = None
    failed_at: int | None = None
    request_counts: dict[str, int] = field(default_factory=lambda: {"total": 0, "completed": 0, "failed": 0})


class Files:
    """What was uploaded, and what batches made."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes] = {}
        self._shown: dict[str, dict[str, Any]] = {}

    def add(self, content: bytes, purpose: str) -> dict[str, Any]:
        """Keep a file."""
        name = f"file-{len(self._contents) + 1}"
        self._contents[name] = content
        self._shown[name] = {
            "id": name,
            "object": "file",
            "bytes": len(content),
            "created_at": int(time.time()),
            "filename": f"{name}.jsonl",
            "purpose": purpose,
            "status": "processed",
        }
        return self._shown[name]

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of a file."""
        return [json.loads(line) for line in self._contents[name].splitlines() if line.strip()]

    def answer(self, request: Request, name: str, of: str) -> Response:
        """Answer a request about a file, or about all of them where there is no name."""
        if request.method == "POST":
            fields = _multipart(request)
            return wire.of_json(self.add(fields["file"], fields["purpose"].decode()))
        if not name:
            return _listed(list(self._shown.values()))
        if name not in self._shown:
            return wire.error(404, f"No such File object: {name}")
        if request.method == "DELETE":
            del self._shown[name]
            return wire.of_json({"id": name, "object": "file", "deleted": True})
        if of == "content":
            return Response(self._contents[name], content_type="application/octet-stream")
        return wire.of_json(self._shown[name])


class Batches:
    """The batches of a server, and its files."""

    def __init__(self, options: Options, ledger: Ledger, model: Model) -> None:
        self._options = options
        self._ledger = ledger
        self._model = model
        self._files = Files()
        self._batches: dict[str, Batch] = {}
        self._polls: dict[str, int] = {}

    def answer(self, request: Request) -> Response:
        """Answer a request about files or batches."""
        kind, name, of, *_ = [*request.path.removeprefix("/v1/").split("/"), "", ""]
        if kind == "files":
            return self._files.answer(request, name, of)
        if kind != "batches":
            return wire.error(404, f"Invalid URL ({request.method} {request.path})")
        if not name and request.method == "POST":
            return wire.of_json(asdict(self._created(request.json)))
        if not name:
            return _listed([asdict(batch) for batch in self._batches.values()])
        if name not in self._batches:
            return wire.error(404, f"No batch found with id '{name}'.")
        if of == "cancel":
            return wire.of_json(asdict(self._cancelling(self._batches[name])))
        return wire.of_json(asdict(self._polled(self._batches[name])))

    def _created(self, asked: dict[str, Any]) -> Batch:
        batch = Batch(
            id=f"batch_{len(self._batches) + 1}",
            input_file_id=asked["input_file_id"],
            endpoint=asked["endpoint"],
            completion_window=asked["completion_window"],
            metadata=asked.get("metadata"),
            created_at=int(time.time()),
        )
        self._batches[batch.id] = batch
        self._polls[batch.id] = self._options.polls
        lines = self._files.lines(batch.input_file_id)
        batch.request_counts["total"] = len(lines)
        self._ledger.stats.batches += 1
        self._ledger.stats.batch_lines += len(lines)
        return batch

    def _polled(self, batch: Batch) -> Batch:
        if batch.status in _ENDED:
            return batch
        lines = self._files.lines(batch.input_file_id)
        if len({line["custom_id"] for line in lines}) < len(lines):
            return _refused(batch)
        if batch.status == "cancelling":
            return self._ended(batch, lines, min(0.5, self._options.batch_done), "cancelled")
        batch.status = "in_progress"
        if self._polls[batch.id]:
            self._polls[batch.id] -= 1
            return batch
        done = self._options.batch_done
        return self._ended(batch, lines, done, "completed" if done >= 1 else "expired")

    def _cancelling(self, batch: Batch) -> Batch:
        if batch.status not in _ENDED:
            batch.status = "cancelling"
        return batch

    def _ended(self, batch: Batch, lines: list[dict[str, Any]], share: float, status: str) -> Batch:
        """End a batch with a share of its requests done, in an order of its own."""
        random.Random(f"{self._options.seed} {batch.id}").shuffle(lines)
        count = round(share * len(lines))
        found = [self._line(line) for line in lines[:count]]
        good = [line for line in found if line["response"]["status_code"] == 200]
        bad = [line for line in found if line["response"]["status_code"] != 200]
        code, why = ("batch_cancelled", _CANCELLED) if status == "cancelled" else ("batch_expired", _EXPIRED)
        undone = [_result(line, None, {"code": code, "message": why}) for line in lines[count:]]
        batch.output_file_id = self._file(good)
        batch.error_file_id = self._file(bad + undone)
        batch.request_counts.update(completed=len(good), failed=len(bad + undone))
        batch.status = status
        setattr(batch, f"{status}_at", int(time.time()))
        return batch

    def _line(self, line: dict[str, Any]) -> dict[str, Any]:
        body = identity(line["body"])
        attempt = self._ledger.attempt(body)
        if chance(self._options.seed, "batch", body, attempt) < self._options.batch_failed:
            fault = {"message": "the server had an error while processing the request", "type": "server_error"}
            return _result(line, {"status_code": 500, "request_id": body, "body": {"error": fault}})
        reply = answers.completion(line["body"], self._model(line["body"]), f"{body}-{attempt}")
        self._ledger.pay(body, line["body"], reply)
        return _result(line, {"status_code": 200, "request_id": body, "body": reply})

    def _file(self, lines: list[dict[str, Any]]) -> str | None:
        if not lines:
            return None
        content = "".join(json.dumps(line) + "\n" for line in lines)
        return str(self._files.add(content.encode(), "batch_output")["id"])


def _refused(batch: Batch) -> Batch:
    batch.status, batch.failed_at = "failed", int(time.time())
    fault = {"code": "duplicate_custom_id", "line": None, "message": "A custom_id is used twice.", "param": None}
    batch.errors = {"object": "list", "data": [fault]}
    return batch


def _result(
    line: dict[str, Any], response: dict[str, Any] | None, error: dict[str, str] | None = None
) -> dict[str, Any]:
    name = line["custom_id"]
    return {"id": f"batch_req_{name}", "custom_id": name, "response": response, "error": error}


def _listed(values: list[dict[str, Any]]) -> Response:
    ends = {"first_id": values[0]["id"], "last_id": values[-1]["id"]} if values else {}
    return wire.of_json({"object": "list", "data": values, "has_more": False, **ends})


def _multipart(request: Request) -> dict[str, bytes]:
    boundary = re.search(r'boundary="?([^";]+)', request.headers["content-type"])
    assert boundary is not None
    fields = {}
    for part in request.body.split(b"--" + boundary[1].encode())[1:-1]:
        head, _, value = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        assert name is not None
        fields[name[1].decode()] = value.removesuffix(b"\r\n")
    return fields
