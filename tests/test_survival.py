"""What a run of paid replies lives through: faults, kills, two at a time; nothing is lost and nothing bought twice."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.command import COMMAND, Outcome, socratic
from tests.faulty import Server, every, faulty
from tests.server import recorded

SCHEME = ("--scheme", "cot shots=0")
QUICK = ("--backoff", "0.05", "--attempts", "12")


def problems(path: Path, count: int, data_dir: Path | None = None) -> Path:
    """Write problems: those of the recorded replies, and then made-up ones."""
    known = list(recorded(data_dir).items()) if data_dir else []
    lines = [
        {"id": f"r{at}", "question": question, "answer": said["answer"]} for at, (question, said) in enumerate(known)
    ]
    lines += [
        {"id": f"m{at}", "question": f"How many is {at} [= {at}]?", "answer": str(at)}
        for at in range(count - len(lines))
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines[:count]))
    return path


def annotate(source: Path, server: Server, out: Path, *more: str, key: str = "sk-none", **environment: Any) -> Outcome:
    return socratic(*arguments(source, server, out, *more), OPENAI_API_KEY=key, **environment)


def without_address(outcomes: dict[Any, dict[str, Any]]) -> dict[Any, dict[str, Any]]:
    """Leave the author out: it names the server's port."""
    return {key: {**value, "author": ""} for key, value in outcomes.items()}


def arguments(source: Path, server: Server, out: Path, *more: str) -> list[str]:
    teacher = ("--teacher", "litellm:openai/m timeout=3", "--api-base", server.url)
    return ["annotate", str(source), *teacher, *SCHEME, *QUICK, "-o", str(out), *more]


def lines(path: Path) -> list[dict[str, Any]]:
    text = path.read_text()
    assert not text or text.endswith("\n")
    return [json.loads(line) for line in text.splitlines()]


def outcomes(out: Path) -> dict[str, Any]:
    """Return what a run left, by problem; that no id is there twice is checked on the way."""
    kept, rejected = lines(out), lines(out.with_name(f"{out.stem}.rejected.jsonl"))
    every_one = {value["problem"]["id"]: value for value in [*kept, *rejected]}
    assert len(every_one) == len(kept) + len(rejected)
    return every_one


@pytest.mark.parametrize("count", [300, pytest.param(2000, marks=pytest.mark.slow)])
def test_through_faults_every_problem_is_answered_and_paid_for_once(tmp_path: Path, data_dir: Path, count: int) -> None:
    source = problems(tmp_path / "p.jsonl", count, data_dir)
    faults = {name: share for name, share in every(0.3).items() if name != "duplicate-late"}
    with faulty(seed=3, faults=faults, recorded=data_dir, slow=0.5, retry_after=0.2) as server:
        done = annotate(source, server, tmp_path / "a.jsonl", "--concurrency", "32")
        stats = server.stats()
    print(done.err, stats)
    assert done.code == 0, done.err
    found = outcomes(tmp_path / "a.jsonl")
    assert len(found) == count
    assert "failed" not in {value.get("reason") for value in found.values()}
    assert stats.paid == stats.paid_bodies == count == len(lines(tmp_path / "a.replies.jsonl"))
    assert stats.paid_twice == 0
    spent = sum(value["usage"]["completion_tokens"] for value in found.values())
    assert spent == stats.completion_tokens


def killed(source: Path, server: Server, out: Path, moment: Callable[[], float]) -> bool:
    """Run until `moment` seconds after the first request, and kill; say whether it was still running."""
    before = server.stats().requests
    environment = {**os.environ, "OPENAI_API_KEY": "sk-none"}
    process = subprocess.Popen(
        [*COMMAND, *arguments(source, server, out, "--concurrency", "16")], env=environment, stderr=subprocess.PIPE
    )
    while process.poll() is None and server.stats().requests == before:
        time.sleep(0.002)
    with suppress(subprocess.TimeoutExpired):
        process.wait(moment())
    running = process.poll() is None
    process.kill()
    process.communicate()
    return running


def test_a_killed_run_goes_on_where_it_was(tmp_path: Path, data_dir: Path) -> None:
    source = problems(tmp_path / "p.jsonl", 200, data_dir)
    with faulty(recorded=data_dir, latency=0.05) as server:
        assert annotate(source, server, tmp_path / "whole.jsonl").code == 0
    whole = outcomes(tmp_path / "whole.jsonl")
    draw = random.Random(1)
    with faulty(recorded=data_dir, latency=0.05) as server:
        moments = [killed(source, server, tmp_path / "a.jsonl", lambda: draw.uniform(0.05, 0.6)) for _ in range(3)]
        done = annotate(source, server, tmp_path / "a.jsonl")
        stats = server.stats()
    assert any(moments)
    assert done.code == 0
    found = outcomes(tmp_path / "a.jsonl")
    assert without_address(found) == without_address(whole)
    assert stats.paid - len(whole) <= 16 * len(moments)


def test_two_runs_on_one_output_are_told(tmp_path: Path) -> None:
    source = problems(tmp_path / "p.jsonl", 40)
    with faulty(latency=0.3) as server:
        environment = {**os.environ, "OPENAI_API_KEY": "sk-none"}
        command = [*COMMAND, *arguments(source, server, tmp_path / "a.jsonl", "--concurrency", "2")]
        first = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE)
        while server.stats().requests == 0:
            time.sleep(0.01)
        second = annotate(source, server, tmp_path / "a.jsonl")
        first.communicate()
        stats = server.stats()
    assert (first.returncode, second.code) == (0, 2)
    assert "is being written by another run" in second.err
    assert stats.paid == len(outcomes(tmp_path / "a.jsonl")) == 40


def test_ctrl_c_waits_for_what_is_paid_for(tmp_path: Path) -> None:
    source = problems(tmp_path / "p.jsonl", 500)
    with faulty(latency=0.2) as server:
        environment = {**os.environ, "OPENAI_API_KEY": "sk-none"}
        command = [*COMMAND, *arguments(source, server, tmp_path / "a.jsonl")]
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        while server.stats().paid < 20:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        stats = server.stats()
    assert process.returncode == 130
    assert "the same command goes on" in err
    assert stats.paid == len(outcomes(tmp_path / "a.jsonl")) < 500
    assert stats.gone == 0


def test_a_budget_is_kept_and_the_run_goes_on_with_a_higher_one(tmp_path: Path) -> None:
    source = problems(tmp_path / "p.jsonl", 120)
    priced = "litellm:openai/m timeout=3 max_tokens=64 input_price=10 output_price=100"
    out = tmp_path / "a.jsonl"

    def run(server: Server, cost: str) -> Outcome:
        teacher = ("--teacher", priced, "--api-base", server.url, *SCHEME, *QUICK)
        return socratic("annotate", source, *teacher, "-o", out, "--max-cost", cost, OPENAI_API_KEY="sk-none")

    def spent() -> float:
        return sum(float(line["usage"]["cost"]) for line in lines(tmp_path / "a.replies.jsonl"))

    with faulty(latency=0.02) as server:
        first = run(server, "0.1")
        after_first = spent()
        again = run(server, "0.1")
        assert spent() == after_first
        last = run(server, "10")
        stats = server.stats()
    assert (first.code, again.code, last.code) == (5, 5, 0), (first.err, again.err, last.err)
    assert 0.08 < after_first <= 0.1
    assert "the budget of $0.1 is reached" in first.err
    assert "of it before" in last.err
    assert stats.paid == stats.paid_bodies == len(outcomes(out)) == 120


def test_without_a_price_a_budget_is_refused_before_anything_is_sent(tmp_path: Path) -> None:
    source = problems(tmp_path / "p.jsonl", 3)
    with faulty() as server:
        done = annotate(source, server, tmp_path / "a.jsonl", "--max-cost", "1")
        assert server.stats().requests == 0
    assert done.code == 2
    assert "the price of litellm:openai/m" in done.err
    assert "input_price=" in done.err


def test_a_better_parser_asks_nobody(tmp_path: Path) -> None:
    source = problems(tmp_path / "p.jsonl", 30)
    out = tmp_path / "a.jsonl"
    with faulty() as server:
        assert annotate(source, server, out).code == 0
        before = outcomes(out)
        asked = server.stats().requests
        out.write_text(out.read_text().replace("#", "?"))
        (tmp_path / "p.jsonl").open("a").write('{"id": "new", "question": "How many? [= 4]", "answer": "4"}\n')
        done = annotate(source, server, out, "--reparse")
        assert server.stats().requests == asked
    assert done.code == 0
    assert "1 without a stored reply" in done.err
    assert outcomes(out) == before


def test_what_failed_is_asked_again_by_the_next_run(tmp_path: Path) -> None:
    source = problems(tmp_path / "p.jsonl", 60)
    out = tmp_path / "a.jsonl"
    # Of one attempt each, a run would end where the very first reply is a failure; with this seed it is the twelfth.
    with faulty(seed=1, faults={"500": 0.2}, port=0) as server:
        port = server.port
        first = annotate(source, server, out, "--attempts", "1")
    failed = [key for key, value in outcomes(out).items() if value.get("reason") == "failed"]
    assert first.code == 3
    assert failed
    with faulty(port=port) as server:
        second = annotate(source, server, out)
        assert server.stats().requests == len(failed)
    assert second.code == 0
    assert len(outcomes(out)) == 60
    assert "failed" not in {value.get("reason") for value in outcomes(out).values()}


KEY = "sk-marked-key-0123456789abcdef"


def test_the_key_is_nowhere_at_the_highest_log_level(tmp_path: Path) -> None:
    source = problems(tmp_path / "p.jsonl", 40)
    loud = {"LITELLM_LOG": "DEBUG", "OPENAI_LOG": "debug", "SOCRATIC_LOG": "debug", "XDG_CACHE_HOME": str(tmp_path)}
    with faulty(seed=2, faults=every(0.3), retry_after=0.1, slow=0.2) as server:
        shown = [
            annotate(source, server, tmp_path / "a.jsonl", key=KEY, **loud),
            annotate(source, server, tmp_path / "a.jsonl", "--reparse", key=KEY, **loud),
            annotate(source, server, tmp_path / "b.jsonl", "--dry-run", key=KEY, **loud),
            annotate(source, server, Path("-"), key=KEY, **loud),
        ]
    assert [done.code for done in shown] == [0, 0, 0, 0]
    assert "again in" in shown[0].err
    written = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) >= 5
    for text in [*written, *(done.out + done.err for done in shown)]:
        assert "marked-key" not in text


def test_a_prompted_model_solves_with_the_same_care(tmp_path: Path) -> None:
    """`socratic solve` with a teacher: asked again where that helps, and no reply is bought twice."""
    source = problems(tmp_path / "p.jsonl", 40)
    with faulty(seed=3, faults=every(0.3), faulty_attempts=2) as server:
        command = ("solve", "litellm:openai/m timeout=3", source, "--api-base", server.url, "--scheme", "cot shots=0")
        done = socratic(*command, "-o", tmp_path / "s.jsonl", OPENAI_API_KEY="sk-none")
        assert done.code == 0, done.err
        again = socratic(*command, "-o", tmp_path / "s.jsonl", "--overwrite", OPENAI_API_KEY="sk-none")
        assert again.code == 0, again.err
        stats = server.stats()
    assert sorted(line["problem"]["id"] for line in lines(tmp_path / "s.jsonl")) == sorted(
        line["id"] for line in lines(source)
    )
    assert (stats.paid, stats.paid_twice) == (40, 0)
