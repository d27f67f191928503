"""Annotating through a batch service: submitted, polled, resumed, collected, at half the price."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

from tests.command import COMMAND, Outcome, socratic
from tests.faulty import Server, faulty

PRICED = "litellm:openai/gpt-4.1-mini"


def problems(path: Path, count: int) -> Path:
    lines = [{"id": f"m{at}", "question": f"How many is {at} [= {at}]?", "answer": str(at)} for at in range(count)]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def arguments(source: Path, server: Server, out: Path, *more: str) -> list[str]:
    teacher = ("--teacher", PRICED, "--api-base", server.url, "--scheme", "cot shots=0")
    return ["annotate", str(source), *teacher, "--batch", "--poll", "0.1", "-o", str(out), *more]


def annotate(source: Path, server: Server, out: Path, *more: str) -> Outcome:
    return socratic(*arguments(source, server, out, *more), OPENAI_API_KEY="sk-none")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_batch_is_submitted_waited_for_and_collected_at_half_the_price(tmp_path: Path) -> None:
    source, out = problems(tmp_path / "p.jsonl", 30), tmp_path / "a.jsonl"
    with faulty(polls=3) as server:
        done = annotate(source, server, out)
        stats = server.stats()
    assert done.code == 0, done.err
    assert "0 of 30 requests are done" in done.err
    assert (stats.batches, stats.batch_lines, stats.paid) == (1, 30, 30)
    assert sorted(line["problem"]["id"] for line in lines(out)) == sorted(f"m{at}" for at in range(30))
    spent = sum(line["usage"]["cost"] for line in lines(tmp_path / "a.replies.jsonl"))
    assert abs(spent - (0.2e-6 * stats.prompt_tokens + 0.8e-6 * stats.completion_tokens)) < 1e-9


def test_a_second_run_finds_everything_paid(tmp_path: Path) -> None:
    source, out = problems(tmp_path / "p.jsonl", 5), tmp_path / "a.jsonl"
    with faulty() as server:
        assert annotate(source, server, out).code == 0
        asked = server.stats().requests
        done = annotate(source, server, out)
        assert (done.code, server.stats().batches, server.stats().requests) == (0, 1, asked)


def test_more_samples_take_another_round(tmp_path: Path) -> None:
    source, out = problems(tmp_path / "p.jsonl", 4), tmp_path / "a.jsonl"
    with faulty() as server:
        wanted = ("--samples", "3", "--teacher", f"{PRICED} temperature=1 seed=7")
        done = annotate(source, server, out, *wanted)
        assert done.code == 0, done.err
        assert server.stats().paid == server.stats().paid_bodies == 12


def test_what_fails_in_a_batch_is_told_and_asked_again_by_the_next_run(tmp_path: Path) -> None:
    source, out = problems(tmp_path / "p.jsonl", 40), tmp_path / "a.jsonl"
    with faulty(batch_failed=0.4, seed=1) as server:
        first = annotate(source, server, out)
        assert first.code == 3, first.err
        assert server.stats().batches == 1
    rejected = lines(tmp_path / "a.rejected.jsonl")
    assert {line["reason"] for line in rejected} == {"failed"}
    assert len(rejected) + len(lines(out)) == 40


def test_a_batch_that_expires_keeps_what_was_done(tmp_path: Path) -> None:
    source, out = problems(tmp_path / "p.jsonl", 40), tmp_path / "a.jsonl"
    with faulty(batch_done=0.5) as server:
        done = annotate(source, server, out)
        stats = server.stats()
    assert "expired" in done.err
    assert len(lines(tmp_path / "a.replies.jsonl")) == stats.paid == stats.paid_bodies
    assert stats.paid >= 20


def test_a_run_killed_while_it_waits_finds_its_batch_again(tmp_path: Path) -> None:
    source, out = problems(tmp_path / "p.jsonl", 20), tmp_path / "a.jsonl"
    with faulty(polls=15) as server:
        process = subprocess.Popen(
            [*COMMAND, *arguments(source, server, out)],
            env={**os.environ, "OPENAI_API_KEY": "sk-none"},
            stderr=subprocess.PIPE,
        )
        while server.stats().batches == 0:
            time.sleep(0.01)
        time.sleep(0.3)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        done = annotate(source, server, out)
        stats = server.stats()
    assert done.code == 0, done.err
    assert (stats.batches, stats.paid, stats.paid_bodies) == (1, 20, 20)
    assert len(lines(out)) == 20


def test_a_run_killed_before_it_knew_its_batch_finds_it_by_its_tag(tmp_path: Path) -> None:
    source, out = problems(tmp_path / "p.jsonl", 10), tmp_path / "a.jsonl"
    with faulty() as server:
        assert annotate(source, server, out).code == 0
        for name in ("a.jsonl", "a.replies.jsonl"):
            (tmp_path / name).unlink()
        book = tmp_path / "a.replies.batches.jsonl"
        book.write_text(book.read_text().splitlines()[0] + "\n")
        done = annotate(source, server, out)
        assert (done.code, server.stats().batches) == (0, 1)
    assert len(lines(out)) == 10


def test_a_budget_holds_a_batch_back(tmp_path: Path) -> None:
    source, out = problems(tmp_path / "p.jsonl", 50), tmp_path / "a.jsonl"
    with faulty() as server:
        done = annotate(source, server, out, "--max-cost", "0.0006")
        stats = server.stats()
    assert done.code == 5, done.err
    assert "the budget of $0.0006 is reached" in done.err
    spent = sum(line["usage"]["cost"] for line in lines(tmp_path / "a.replies.jsonl"))
    assert 0 < spent <= 0.0006
    assert stats.paid == len(lines(tmp_path / "a.replies.jsonl"))


def test_ctrl_c_leaves_the_batch_to_go_on(tmp_path: Path) -> None:
    source, out = problems(tmp_path / "p.jsonl", 10), tmp_path / "a.jsonl"
    with faulty(polls=25) as server:
        process = subprocess.Popen(
            [*COMMAND, *arguments(source, server, out)],
            env={**os.environ, "OPENAI_API_KEY": "sk-none"},
            stderr=subprocess.PIPE,
            text=True,
        )
        while server.stats().batches == 0:
            time.sleep(0.01)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
        assert process.returncode == 130, err
        assert annotate(source, server, out).code == 0
        assert server.stats().batches == 1
