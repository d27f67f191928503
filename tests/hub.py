"""A local server that speaks as much of the Hugging Face hub's protocol as a push takes, and keeps what it is given."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard

TOKEN = "hf_of_the_local_hub"


@dataclass
class Repository:
    """What was pushed to one name."""

    private: bool = False
    files: dict[str, bytes] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)


@dataclass
class Hub:
    """The state of the server; a request whose path holds one of `refused` gets a 403."""

    url: str = ""
    role: str = "write"
    refused: tuple[str, ...] = ()
    repositories: dict[str, Repository] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    _blobs: dict[str, bytes] = field(default_factory=dict)

    def environment(self, home: Path) -> dict[str, Any]:
        """Return what a process needs to speak to it: without the transfer that only the real hub has."""
        known = {"HF_ENDPOINT": self.url, "HF_HOME": str(home), "HF_HUB_OFFLINE": "0", "HF_HUB_DISABLE_XET": "1"}
        return known | {"HF_TOKEN": TOKEN, "HF_HUB_DISABLE_IMPLICIT_TOKEN": "0"}

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Return the status and the value of a response."""
        known = json.loads(body) if body and not path.endswith("/commit/main") and method == "POST" else {}
        match path.strip("/").split("/"):
            case ["api", "whoami-v2"]:
                return 200, {"name": "me", "auth": {"accessToken": {"role": self.role}}}
            case ["api", "repos", "create"]:
                return self._create(f"{known['organization'] or 'me'}/{known['name']}", known.get("visibility"))
            case ["api", "validate-yaml"]:
                ModelCard(known["content"])  # raises where the head of a card is no YAML, or its scores are none
                return 200, {"errors": [], "warnings": []}
            case ["api", "models", owner, name]:
                return self._info(f"{owner}/{name}")
            case ["api", "models", owner, name, "tree", "main"]:
                return 200, [
                    {"type": "file", "path": path, "size": len(data), "oid": "0"}
                    for path, data in self.repositories[f"{owner}/{name}"].files.items()
                ]
            case ["api", "models", _, _, "preupload", "main"]:
                return 200, {"files": [_mode(file["path"]) for file in known["files"]]}
            case [_, _, "info", "lfs", "objects", "batch"]:
                return 200, {"transfer": "basic", "objects": [self._upload(one) for one in known["objects"]]}
            case ["lfs", oid]:
                self._blobs[oid] = body
                return 200, {}
            case ["api", "models", owner, name, "commit", "main"]:
                return self._commit(f"{owner}/{name}", [json.loads(line) for line in body.splitlines()])
        return 404, {"error": f"no {method} {path}"}

    def _create(self, identity: str, visibility: str | None) -> tuple[int, Any]:
        new = identity not in self.repositories
        if new:
            self.repositories[identity] = Repository(private=visibility == "private")
        found = {"url": f"{self.url}/{identity}", "id": identity}
        return (200, found) if new else (409, {**found, "error": "You already created this model repo"})

    def _info(self, identity: str) -> tuple[int, Any]:
        if identity not in self.repositories:
            return 404, {"error": "Repository not found"}
        known = self.repositories[identity]
        siblings = [{"rfilename": path} for path in known.files]
        return 200, {"id": identity, "private": known.private, "siblings": siblings}

    def _upload(self, wanted: dict[str, Any]) -> dict[str, Any]:
        return {**wanted, "actions": {"upload": {"href": f"{self.url}/lfs/{wanted['oid']}"}}}

    def _commit(self, identity: str, lines: list[dict[str, Any]]) -> tuple[int, Any]:
        known = self.repositories[identity]
        for line in lines:
            value = line["value"]
            if line["key"] == "header":
                known.messages.append(value["summary"])
            elif line["key"] == "deletedFile":
                del known.files[value["path"]]
            elif line["key"] == "lfsFile":
                known.files[value["path"]] = self._blobs[value["oid"]]
            else:
                known.files[value["path"]] = base64.b64decode(value["content"])
        return 200, {"commitUrl": f"{self.url}/{identity}/commit/1", "commitOid": "1"}


def _mode(path: str) -> dict[str, Any]:
    large = path.endswith((".safetensors", ".png"))
    return {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False}


@contextmanager
def local_hub() -> Iterator[Hub]:
    """Serve a hub of one's own as long as it is needed."""
    hub = Hub()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _do(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            path = self.path.partition("?")[0]
            hub.asked.append(f"{self.command} {path}")
            if path.startswith("/api") and self.headers.get("Authorization") != f"Bearer {TOKEN}":
                self._reply(401, {"error": "Invalid username or password."})
            elif any(part in path for part in hub.refused):
                self._reply(403, {"error": "You have no right to write here"})
            else:
                self._reply(*hub.answer(self.command, path, body))

        def _reply(self, status: int, value: Any) -> None:
            data = json.dumps(value).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            if status >= 400:
                self.send_header("X-Error-Message", value["error"])
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = _do  # noqa: N815

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
