"""What goes wrong while problems are solved is a counted, explained outcome; a run that was killed goes on."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoModelForCausalLM

from socratic_cli import plugins
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.jsonl import Writer
from socratic_cli.parts import Scheme, Student
from socratic_cli.records import Problem, Solution
from socratic_cli.settings import Decoding
from socratic_cli.stages.solve import solve
from socratic_cli.students import probing, scheduler, whole
from socratic_cli.students.generation import write
from socratic_cli.students.slots import Piece, Slots, Unsupported
from tests import tiny
from tests.command import COMMAND, socratic

TURNS = [Turn("solver", f"Question: {'b ' * at}", Problem(id=str(at), question="?")) for at in range(6)]
FAULTS = [
    torch.OutOfMemoryError("CUDA out of memory"),
    MemoryError(),
    RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 7 bytes"),
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.llama(tmp_path_factory.mktemp("base"))


def replies(base: str, *turns: Turn) -> list[Reply]:
    decoding = Decoding(max_new_tokens=9, batch_size=6)

    async def together() -> list[Reply]:
        with plugins.load(Student, f"huggingface:{base} dtype=float32").model(None, decoding) as opened:
            return list(await asyncio.gather(*map(opened.reply, turns)))

    return asyncio.run(together())


def is_probe(pieces: list[Piece]) -> bool:
    """Say whether a pass only tries whether slots fit the model."""
    halves = [(ids[:-1], ids[-1:]) for ids in probing.PROBE]
    return len(pieces) == len(halves) and all(one.tokens in half for one, half in zip(pieces, halves, strict=True))


def holding(monkeypatch: pytest.MonkeyPatch, most: int, fault: Exception) -> list[int]:
    """Let passes over more than `most` tokens run out of memory; return how many replies each tried pass had."""
    tried: list[int] = []
    forward = Slots.forward

    def limited(slots: Slots, pieces: list[Piece]) -> Any:
        if not is_probe(pieces):
            tried.append(len(pieces))
            if sum(piece.end for piece in pieces) > most:
                raise fault
        return forward(slots, pieces)

    monkeypatch.setattr(Slots, "forward", limited)
    return tried


class TestMemory:
    """What does not fit together is tried by halves."""

    @pytest.mark.parametrize("fault", FAULTS, ids=["GPU", "Python", "CPU"])
    def test_fewer_replies_at_once_say_the_same(
        self, base: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fault: Exception
    ) -> None:
        expected = replies(base, *TURNS)
        most = max(one.usage.prompt_tokens for one in expected) + 40
        tried = holding(monkeypatch, most, fault)
        with caplog.at_level(logging.WARNING, "socratic_cli"):
            assert replies(base, *TURNS) == expected
        assert max(tried) == 6
        assert min(tried) < 6
        told = [record.message for record in caplog.records if record.name.startswith("socratic_cli")]
        assert told == ["out of memory with 6 replies at once: going on with fewer (batch_size)"]

    def test_what_does_not_fit_alone_is_unanswered_and_the_others_go_on(
        self, base: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        expected = replies(base, *TURNS)
        large = Turn("solver", "1" * 100, Problem(id="large", question="?"))
        holding(monkeypatch, 90, FAULTS[1])
        found = replies(base, *TURNS[:3], large, *TURNS[3:])
        assert found[3] == Reply("", "memory")
        assert found[:3] + found[4:] == expected

    def test_whole_batches_are_halved_too(self, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
        expected = replies(base, *TURNS)

        def unknown(*_: Any) -> Any:
            raise Unsupported("a window")

        tried = list[int]()

        def limited(voice: Any, requests: list[Any], *more: Any) -> list[list[int]]:
            tried.append(len(requests))
            if len(requests) > 2 or "b b b b b" in requests[0].prompt:
                raise MemoryError
            return write(voice, requests, *more)

        monkeypatch.setattr(Slots, "forward", unknown)
        monkeypatch.setattr(whole, "write", limited)
        found = replies(base, *TURNS)
        assert found[:5] == expected[:5]
        assert found[5] == Reply("", "memory")
        assert tried[0] == 6

    def test_another_fault_is_no_lack_of_memory(self, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
        holding(monkeypatch, 0, RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
        with pytest.raises(RuntimeError, match="shapes"):
            replies(base, *TURNS)


def solved(base: str, scheme: str, question: str, **decoding: Any) -> Solution:
    async def only() -> Solution:
        with plugins.load(Student, f"huggingface:{base} dtype=float32").model(None, Decoding(**decoding)) as model:
            problem = Problem(id="1", question=question, answer="5")
            (one,) = [one async for one in solve([problem], plugins.load(Scheme, scheme), model, "me")]
            return one

    return asyncio.run(only())


class TestOutcomes:
    """Each has a reason and a sentence, and counts as wrong."""

    def test_a_prompt_longer_than_the_context(self, base: str) -> None:
        found = solved(base, "socratic", "1" * 300)
        assert (found.answer, found.unanswered, found.correct) == (None, "too-long", False)
        assert found.detail == "the decomposer wrote nothing: the prompt fills the context of its model"

    def test_a_token_that_the_model_does_not_know(self, base: str, tmp_path: Path) -> None:
        model = AutoModelForCausalLM.from_pretrained(base)
        model.resize_token_embeddings(300)
        model.save_pretrained(tmp_path)
        for path in Path(base).glob("token*"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
        found = solved(str(tmp_path), "cot", "How many clips did Natalia sell altogether?")
        assert (found.unanswered, found.correct) == ("unknown-token", False)
        assert found.detail == "the solver wrote nothing: the prompt holds a token that its model does not know"

    def test_a_token_that_the_tokenizer_does_not_know_is_passed_over(self, base: str, tmp_path: Path) -> None:
        model = AutoModelForCausalLM.from_pretrained(base)
        model.resize_token_embeddings(512)  # rows that no token has, as many models have them
        model.save_pretrained(tmp_path)
        for path in Path(base).glob("token*"):
            (tmp_path / path.name).write_bytes(path.read_bytes())
        found = solved(str(tmp_path), "cot", "\U0001f413 <|end|> \u0000 \ufffd?", max_new_tokens=20, temperature=5.0)
        assert found.unanswered in ("truncated", "unreadable")

    def test_endless_repetition(self, base: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(scheduler, "draw", lambda logits, *_: [65] * len(logits))  # a student in its loop
        found = solved(base, "cot", "a", max_new_tokens=100)
        assert found.unanswered == "repeating"
        assert found.detail.startswith("the solver repeats itself without end")


def test_two_runs_on_one_output_are_told(tmp_path: Path) -> None:
    problems = ("arithmetic:2/train", "--limit", "4")
    assert socratic("annotate", *problems, "-o", "a.jsonl", cwd=tmp_path).code == 0
    assert socratic("train", "a.jsonl", "-o", "s", "--student", "parrot", cwd=tmp_path).code == 0
    with Writer(tmp_path / "out.jsonl", lock=True):
        told = socratic("solve", "s", *problems, "-o", "out.jsonl", "--overwrite", cwd=tmp_path)
    assert (told.code, (tmp_path / "out.jsonl").read_text()) == (2, "")
    assert "out.jsonl is being written by another run" in told.err
    assert socratic("solve", "s", *problems, "-o", "out.jsonl", cwd=tmp_path).code == 0


def test_a_run_that_was_killed_goes_on_and_solves_each_problem_once(tmp_path: Path) -> None:
    problems = ("arithmetic:2/train", "--limit", "60")
    assert socratic("annotate", *problems, "--scheme", "socratic", "-o", "a.jsonl", cwd=tmp_path).code == 0
    trained = socratic("train", "a.jsonl", "-o", "s", "--student", "parrot delay=0.02", cwd=tmp_path)
    assert trained.code == 0, trained.err
    command = ("solve", "s", *problems, "--concurrency", "4", "-o", "out.jsonl")
    process = subprocess.Popen([*COMMAND, *command], cwd=tmp_path, stderr=subprocess.DEVNULL)
    out, deadline = tmp_path / "out.jsonl", time.monotonic() + 60
    while (not out.exists() or out.read_bytes().count(b"\n") < 9) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    before = out.read_bytes()
    assert 9 <= before.count(b"\n") < 60
    out.write_bytes(before + b'{"problem": {"id": "torn')  # a kill within a line
    assert socratic(*command, cwd=tmp_path).code == 2
    done = socratic(*command, "--resume", cwd=tmp_path)
    assert done.code == 0, done.err
    assert f"{before.count(bytes([10]))} were done before" in done.err
    assert out.read_bytes().startswith(before)
    found = [json.loads(line) for line in out.read_text().splitlines()]
    assert len(found) == len({one["problem"]["id"] for one in found}) == 60
    assert all(one["correct"] for one in found)
