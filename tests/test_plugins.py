"""Parts are found by their names; what a user or a stranger's plugin does wrong is said in a sentence."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from socratic_cli import plugins
from socratic_cli.backends import Backend
from socratic_cli.errors import UsageError
from socratic_cli.parts import Dataset, Part, Scheme, Student, Teacher

GROUPS = {Scheme: "schemes", Teacher: "teachers", Student: "students", Dataset: "datasets"}


@pytest.fixture
def stranger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Install a stranger's distribution for one test: one teacher that works, and three that do not."""
    info = tmp_path / "socratic_stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: socratic-stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[socratic.teachers]\n"
        "echo = socratic_stranger:Echo\n"
        "broken = socratic_stranger_broken:Teacher\n"
        "absent = socratic_stranger:Absent\n"
        "function = socratic_stranger:function\n"
    )
    (tmp_path / "socratic_stranger_broken.py").write_text("raise RuntimeError('half installed')\n")
    (tmp_path / "socratic_stranger.py").write_text(
        "from socratic_cli.dialogue import Reply\n"
        "from socratic_cli.parts import Teacher\n"
        "class Echo(Teacher):\n"
        "    volume: int = 1\n"
        "    async def reply(self, turn):\n"
        "        return Reply(turn.prompt * self.volume)\n"
        "def function(): ...\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    plugins._installed.cache_clear()
    yield tmp_path
    plugins._installed.cache_clear()
    for name in ("socratic_stranger", "socratic_stranger_broken"):
        sys.modules.pop(name, None)


class TestInstalled:
    @pytest.mark.parametrize(
        ("kind", "built_in"),
        [
            (Scheme, {"answer", "cot", "socratic", "socratic-unified"}),
            (Teacher, {"gold", "litellm"}),
            (Student, {"huggingface"}),
            (Dataset, {"gsm8k", "svamp", "strategyqa", "jsonl"}),
            (Backend, {"transformers"}),
        ],
    )
    def test_the_built_in_parts_come_in_by_the_door_of_all(self, kind: type[Part], built_in: set[str]) -> None:
        assert built_in <= set(plugins.names(kind))
        assert plugins.names(kind) == sorted(plugins.names(kind))

    @pytest.mark.usefixtures("stranger")
    def test_a_strangers_part_is_one_of_them(self) -> None:
        assert plugins.load(Teacher, "echo volume=3").label == "echo volume=3"
        assert "echo" in plugins.installed(Teacher)

    @pytest.mark.usefixtures("stranger")
    def test_a_broken_plugin_is_a_warning_that_names_it(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.WARNING)
        found = plugins.installed(Teacher)
        assert {"echo", "gold", "litellm"} <= set(found)
        assert not {"broken", "absent", "function"} & set(found)
        warned = {name: text for text in caplog.messages for name in ("broken", "absent", "function") if name in text}
        assert "'broken' of the plugin socratic-stranger cannot be imported" in warned["broken"]
        assert "half installed" in warned["broken"]
        assert "Absent" in warned["absent"]
        assert "is no Teacher" in warned["function"]

    @pytest.mark.usefixtures("stranger")
    def test_naming_a_broken_part_imports_nothing_until_it_is_used(self) -> None:
        assert "broken" in plugins.names(Teacher)
        assert "socratic_stranger_broken" not in sys.modules
        with pytest.raises(UsageError, match=r"plugin socratic-stranger cannot be imported.*half installed"):
            plugins.load(Teacher, "broken")


class TestParsing:
    @pytest.mark.parametrize(
        ("spec", "parsed"),
        [
            ("cot", {"name": "cot"}),
            ("cot shots=2", {"name": "cot", "shots": "2"}),
            ("litellm:openai/gpt-4.1-mini", {"name": "litellm", ":": "openai/gpt-4.1-mini"}),
            ("litellm:ollama/qwen:7b seed=1", {"name": "litellm", ":": "ollama/qwen:7b", "seed": "1"}),
            ("cot exemplars='my file.jsonl'", {"name": "cot", "exemplars": "my file.jsonl"}),
            ("a b=c=d", {"name": "a", "b": "c=d"}),
            ("a b=", {"name": "a", "b": ""}),
            ({"name": "cot", "shots": 2}, {"name": "cot", "shots": 2}),
            ({"name": "litellm:m", "seed": 1}, {"name": "litellm", ":": "m", "seed": 1}),
            ("", {"name": ""}),
            ({}, {"name": ""}),
        ],
    )
    def test_a_part_is_a_name_with_options(self, spec: plugins.Spec, parsed: dict[str, Any]) -> None:
        assert plugins.parse(spec) == parsed

    @pytest.mark.parametrize(
        ("spec", "fault"),
        [
            ("cot shots", "'shots' in 'cot shots' is not option=value"),
            ("cot exemplars='my", "cannot be taken apart"),
            ("cot shots=1 shots=2", "'shots' is given twice"),
            ("cot name=answer", "'name' is given twice"),
        ],
    )
    def test_what_is_no_part_is_a_sentence(self, spec: str, fault: str) -> None:
        with pytest.raises(UsageError, match=fault):
            plugins.parse(spec)


class TestLoading:
    def test_options_are_typed(self) -> None:
        scheme = plugins.load(Scheme, "cot shots=2 show=answer,steps")
        assert (scheme.name, scheme.shots, scheme.show) == ("cot", 2, ("answer", "steps"))

    def test_the_value_after_the_colon_is_the_main_option(self) -> None:
        teacher = plugins.load(Teacher, "litellm:openai/m")
        assert teacher.model_dump()["model"] == "openai/m"
        assert plugins.load(Teacher, "litellm model=openai/m") == teacher

    def test_a_flag_beats_what_is_written_and_none_is_no_flag(self) -> None:
        assert plugins.load(Scheme, "cot shots=2", shots=3).shots == 3
        assert plugins.load(Scheme, {"name": "cot", "shots": 2}, shots=None).shots == 2

    @pytest.mark.parametrize(
        ("kind", "spec", "fault"),
        [
            (Scheme, "socartic", "unknown scheme 'socartic'. Did you mean 'socratic'? Installed: answer, cot, "),
            (Scheme, "", "unknown scheme ''"),
            (Teacher, "xyz", "unknown teacher 'xyz'. Installed: "),
            (Scheme, "cot shot=2", "cot: unknown option 'shot'. Did you mean 'shots'? Known: exemplars, shots, show"),
            (Scheme, "cot shots=many", "cot: shots: input should be a valid integer"),
            (Scheme, "cot shots=-1", "cot: shots: input should be greater than or equal to 0 (got '-1')"),
            (Scheme, "cot show=everything", "cot: show.0: input should be 'answer', 'steps' or 'facts'"),
            (Scheme, "cot shots=x show=y", "show.0"),
            (Scheme, "cot:large", "cot takes nothing after a colon"),
            (Teacher, "litellm", "litellm: 'model' is missing"),
            (Teacher, "litellm:a model=b", "'model' is given twice"),
            (Teacher, "litellm:m api_base=localhost:8000", "an address such as http://localhost:8000/v1 is due"),
        ],
    )
    def test_what_does_not_fit_names_the_option(self, kind: type[Part], spec: str, fault: str) -> None:
        with pytest.raises(UsageError) as raised:
            plugins.load(kind, spec)
        assert fault in str(raised.value)

    @pytest.mark.parametrize(
        ("kind", "spec"),
        [
            (Scheme, "cot"),
            (Scheme, "cot shots=0 show=answer,steps,facts"),
            (Scheme, "cot exemplars='a file.jsonl'"),
            (Scheme, "socratic ask=next guidance=equations max_steps=3"),
            (Teacher, "gold"),
            (Teacher, "litellm:ollama/qwen:7b temperature=0.7 seed=0 api_base=http://localhost:1/v1"),
            (Teacher, "litellm:m top_p=1e-05"),
        ],
    )
    def test_a_label_is_read_back_as_the_same_part(self, kind: type[Part], spec: str) -> None:
        part = plugins.load(kind, spec)
        again = plugins.load(kind, part.label)
        assert again == part
        assert again.label == part.label

    def test_a_part_cannot_be_changed(self) -> None:
        with pytest.raises(ValueError, match="frozen"):
            setattr(plugins.load(Scheme, "cot"), "shots", 5)  # noqa: B010
