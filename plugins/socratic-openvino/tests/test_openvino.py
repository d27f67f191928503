"""Students write by OpenVINO what they write by transformers, where it is installed; and what it refuses is said."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import socratic_openvino

from socratic_cli.backends import Backend
from socratic_cli.dialogue import Passage, Reply, Turn
from socratic_cli.errors import MissingPackage, UsageError
from socratic_cli.parts import Student
from socratic_cli.plugins import load, names
from socratic_cli.records import Problem
from socratic_cli.settings import Decoding, Training
from tests import tiny

needs_openvino = pytest.mark.skipif(
    not all(map(socratic_openvino._is_installed, socratic_openvino._PACKAGES)),
    reason="no OpenVINO: pip install openvino-genai optimum-intel",
)
PROBLEM = Problem(id="a", question="?")
PROMPTS = ["Question: a", "Question: Natalia sold clips to 48 of her friends\nAnswer:", "1", "Weng earns $12 an hour"]
ROLES = ("decomposer", "solver")
KINDS: dict[str, dict[str, Any]] = {"full": {}, "lora": {"lora": True}, "joint": {"lora": True, "joint": True}}
ROUGH = Training(max_steps=2, learning_rate=2e-2, warmup=0.0)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return tiny.llama(tmp_path_factory.mktemp("llama"), size=256)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("XDG_CACHE_HOME", str(folder))
        yield folder / "socratic" / "openvino"


def student(base: str, **options: Any) -> Student:
    return load(Student, f"huggingface:{base} dtype=float32", **options)


def turn(prompt: str, *stop: str, role: str = "solver", **more: Any) -> Turn:
    return Turn(role, prompt, PROBLEM, stop=stop, **more)


def replies(base: str, backend: str, *turns: Turn, folder: Path | None = None, **how: Any) -> list[Reply]:
    decoding = Decoding(**{"max_new_tokens": 12, **how}, backend=backend)

    async def together(opened: Any) -> list[Reply]:
        return list(await asyncio.gather(*(opened.reply(one) for one in turns)))

    with student(base).model(folder, decoding) as opened:
        return asyncio.run(together(opened))


def test_it_is_a_backend_like_any_and_imports_nothing_heavy() -> None:
    assert "openvino" in names(Backend)
    assert load(Backend, "openvino threads=2").label == "openvino threads=2"
    code = "import sys, socratic_openvino; sys.exit(bool({'torch', 'transformers', 'openvino'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_it_cannot_do_is_refused_before_anything_is_loaded(base: str) -> None:
    with pytest.raises(UsageError, match="writes greedily: leave --temperature out"):
        replies(base, "openvino", turn("a"), temperature=0.7)
    with (
        pytest.raises(UsageError, match="no weights in 8 or 4 bit"),
        student(base, load_in_8bit=True).model(None, Decoding(backend="openvino")),
    ):
        pass


def test_without_it_the_package_is_named(base: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socratic_openvino, "_PACKAGES", {"no.such.module": "openvino-genai"})
    with pytest.raises(MissingPackage, match="pip install openvino-genai"):
        replies(base, "openvino", turn("a"))


@needs_openvino
@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_role_writes_what_it_writes_by_transformers(kind: str, base: str, tmp_path: Path) -> None:
    passages = [Passage(role, f"Question: a\n{role} 24 = {at}", ((12, 24),), eos=True) for at, role in enumerate(ROLES)]
    student(base, **KINDS[kind]).train(passages, ROUGH, tmp_path, lambda _: None)
    turns = [turn(prompt, role=role) for prompt in PROMPTS for role in ROLES]
    expected = replies(base, "transformers", *turns, folder=tmp_path)
    assert replies(base, "openvino", *turns, folder=tmp_path) == expected
    apart = [one.text != other.text for one, other in zip(expected[::2], expected[1::2], strict=True)]
    assert any(apart) == (kind != "joint")


@needs_openvino
@pytest.mark.parametrize("calculator", ["off", "force"])
def test_where_a_reply_ends_is_the_same(calculator: str, base: str) -> None:
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
    assert replies(base, "openvino", *turns, **limits) == replies(base, "transformers", *turns, **limits)


@needs_openvino
def test_it_exports_once_and_weighs_nothing(base: str, cache: Path) -> None:
    replies(base, "openvino", turn("a"))
    known = sorted(cache.iterdir())
    with pytest.raises(UsageError, match="a verifier is run by transformers"):
        replies(base, "openvino", turn("a", options=(" yes", " no")))
    assert sorted(cache.iterdir()) == known
