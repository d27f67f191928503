"""llama.cpp's server as another way to run a student: one server for each role, dialogues side by side.

TREE is a source tree of llama.cpp with the server built in it (`cmake -B build && cmake --build build --target
llama-server`); its own script converts the weights, and wants the package sentencepiece. Each dialogue keeps a slot of
either server to itself, so that the server finds the turns before in its cache and reads only what is new, as
`socratic solve` does.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import torch

from socratic_cli.backends import Weights
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.prompts import completion
from socratic_cli.records import Usage
from socratic_cli.students.merging import merged
from socratic_cli.students.tokens import Tokens
from socratic_cli.students.weights import load_tokenizer, save

CONTEXT = 2048
"""Tokens that one dialogue has room for."""
LOADING = 120.0
REPLY = 600.0


@dataclass(frozen=True)
class Server:
    """Speaks for one role."""

    tokens: Tokens
    http: httpx.Client

    def reply(self, turn: Turn, slot: int, longest: int) -> Reply:
        """Ask for the reply to a turn, greedily."""
        body = {
            "prompt": self.tokens.prompt(completion(turn)),
            "n_predict": longest,
            "stop": list(turn.stop),
            "temperature": 0,
            "samplers": ["temperature"],
            "cache_prompt": True,
            "id_slot": slot,
        }
        said = self.http.post("/completion", json=body).raise_for_status().json()
        usage = Usage(prompt_tokens=said["tokens_evaluated"], completion_tokens=said["tokens_predicted"])
        reason = "length" if said["stop_type"] == "limit" else "stop"
        # The server leaves the mark out that ended a reply.
        return Reply(said["content"] + said["stopping_word"], usage=usage, finish_reason=reason)


@contextmanager
def servers(tree: Path, weights: Weights, width: int) -> Iterator[dict[str, Server]]:
    """Convert the weights of each role, and serve them to `width` dialogues at once on this process's cores."""
    with TemporaryDirectory() as folder, ExitStack() as opened:
        by_role = {}
        for role in weights.roles:
            model = converted(tree, weights, role, Path(folder) / role)
            by_role[role] = opened.enter_context(_serving(tree, model, weights, role, width))
        yield by_role


def converted(tree: Path, weights: Weights, role: str, folder: Path) -> Path:
    """Return a role's weights in llama.cpp's format, an adapter merged into its base; in bfloat16."""
    save(merged(weights, role, torch.float32), load_tokenizer(*weights.model_of(role)), folder)
    out = folder / "model.gguf"
    script = [sys.executable, str(tree / "convert_hf_to_gguf.py"), str(folder)]
    script += ["--outfile", str(out), "--outtype", "bf16"]
    there = {**os.environ, "PYTHONPATH": str(tree / "gguf-py")}
    subprocess.run(script, check=True, stdout=subprocess.DEVNULL, env=there)
    return out


@contextmanager
def _serving(tree: Path, model: Path, weights: Weights, role: str, width: int) -> Iterator[Server]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    threads = str(len(os.sched_getaffinity(0)))
    room = [*("--parallel", str(width)), *("--ctx-size", str(width * CONTEXT))]
    how = [*("--threads", threads), *("--threads-batch", threads), *("--cache-ram", "0"), "--no-webui"]
    command = [str(tree / "build/bin/llama-server"), *("--model", str(model)), *("--port", port), *room, *how]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        limits = httpx.Limits(max_connections=width)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=REPLY, limits=limits) as http:
            _wait(http, process)
            yield Server(Tokens(load_tokenizer(*weights.model_of(role))), http)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def _wait(http: httpx.Client, process: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + LOADING
    while time.monotonic() < until and process.poll() is None:
        try:
            if http.get("/health").is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise RuntimeError(f"llama-server did not come up; its exit code: {process.poll()}")
