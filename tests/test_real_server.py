"""`socratic annotate` against a real model behind a real server: SmolLM2-135M, served by `transformers serve`.

    SOCRATIC_TEST_SERVE="/path/to/transformers serve" pytest -m slow tests/test_real_server.py

The server needs `transformers[serving]`, which socratic itself does not: its command is taken from that variable, or
else it is the `transformers` beside this Python, if FastAPI and Uvicorn are there as well.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from tests.command import Outcome, socratic

pytestmark = pytest.mark.slow

QUESTIONS = {
    "What is 2 + 3?": "5",
    "What is 10 - 1?": "9",
    "What is 2 * 4?": "8",
    "Ann has 3 hens and buys 2 more. How many hens has she?": "5",
    "A box holds 6 eggs. How many eggs do 2 boxes hold?": "12",
    "Eve shares 8 plums among 2 friends. How many does each get?": "4",
}


def command() -> list[str]:
    """Return the command that serves, or skip."""
    if given := os.environ.get("SOCRATIC_TEST_SERVE"):
        return shlex.split(given)
    missing = [name for name in ("fastapi", "uvicorn") if importlib.util.find_spec(name) is None]
    if missing:
        pytest.skip(f"transformers serve needs {' and '.join(missing)}: set SOCRATIC_TEST_SERVE")
    beside = Path(sys.executable).parent / "transformers"
    found = str(beside) if beside.is_file() else shutil.which("transformers")
    if found is None:
        pytest.skip("the command transformers is not there: set SOCRATIC_TEST_SERVE")
    return [found, "serve"]


@pytest.fixture(scope="module")
def weights() -> Path:
    """Return a folder of real weights, or skip."""
    smollm2 = pytest.importorskip("socratic_smollm2", reason="the plugin socratic-smollm2 is not installed")
    try:
        return Path(smollm2.unpacked())
    except smollm2.UsageError as fault:
        pytest.skip(str(fault))


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def serving(weights: Path, log: Path) -> Iterator[str]:
    """Serve the weights until the block ends; yields the address."""
    port = free_port()
    # float32, since few processors have the bfloat16 of the weights; and one thread, since several wait for one
    # another, minutes on a busy machine.
    more = ["--host", "127.0.0.1", "--port", str(port), "--device", "cpu", "--dtype", "float32"]
    serve = [*command(), str(weights), *more]
    threads = {**os.environ, "OMP_NUM_THREADS": "1"}
    with log.open("wb") as said, subprocess.Popen(serve, stdout=said, stderr=said, env=threads) as run:
        try:
            wait_for(f"http://127.0.0.1:{port}/health", run, log)
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            run.terminate()
            with suppress(subprocess.TimeoutExpired):
                run.wait(20)
            run.kill()


def wait_for(address: str, run: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + 180
    while time.monotonic() < until:
        assert run.poll() is None, log.read_text(errors="replace")[-2000:]
        with suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
            if answer.status == 200:
                return
        time.sleep(0.5)
    pytest.fail(f"the server is not up after 180 s: {log.read_text(errors='replace')[-2000:]}")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def outcomes(out: Path) -> dict[str, dict[str, Any]]:
    """Return what a run left, by problem; that no id is there twice is checked on the way."""
    every = [*lines(out), *lines(out.with_name("a.rejected.jsonl"))]
    found = {value["problem"]["id"]: value for value in every}
    assert len(found) == len(every)
    return found


def annotate(source: Path, out: Path, address: str, weights: Path) -> Outcome:
    teacher = ["--teacher", f"litellm:openai/{weights} max_tokens=64 timeout=600", "--api-base", address]
    more = ["--scheme", "cot shots=1", "--concurrency", "2", "--attempts", "1", "--backoff", "0.1", "-o", str(out)]
    return socratic("annotate", source, *teacher, *more, OPENAI_API_KEY="sk-none")


def test_a_real_server_is_asked_once(tmp_path: Path, weights: Path) -> None:
    source, out = tmp_path / "p.jsonl", tmp_path / "a.jsonl"
    asked = [{"id": f"q{at}", "question": one, "answer": QUESTIONS[one]} for at, one in enumerate(QUESTIONS)]
    source.write_text("".join(json.dumps(line) + "\n" for line in asked))
    with serving(weights, tmp_path / "server.log") as address:
        first = annotate(source, out, address, weights)
    print(first.err, (tmp_path / "a.replies.jsonl").read_text())
    assert first.code in (0, 3), first.err  # 3: a model as small as this may get all of them wrong
    before, replies = outcomes(out), lines(tmp_path / "a.replies.jsonl")
    assert set(before) == {line["id"] for line in asked}
    assert "failed" not in {value.get("reason") for value in before.values()}
    assert {line["problem"] for line in replies} == set(before)
    assert all(line["text"] and line["usage"]["completion_tokens"] for line in replies)

    # The server is gone: whoever asked it now would fail.
    kept = annotate(source, out, address, weights)
    assert outcomes(out) == before, kept.err
    for path in (out, out.with_name("a.rejected.jsonl")):
        path.unlink(missing_ok=True)
    anew = annotate(source, out, address, weights)
    assert outcomes(out) == before, anew.err
    assert lines(tmp_path / "a.replies.jsonl") == replies
    print(kept.code, kept.err, anew.code, anew.err)
