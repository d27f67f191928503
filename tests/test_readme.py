"""What the README says is so."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

import jsonschema
from ruamel.yaml import YAML

from socratic_cli.records import Problem
from tests.command import socratic
from tests.readme import README, SCHEMA, made, schema

ROOT = README.parent
TEXT = README.read_text(encoding="utf-8")


def test_file_tree_and_help_are_the_code_s() -> None:
    assert made(TEXT) == TEXT, "run `make readme`"


def test_the_schema_of_recipes_is_the_code_s_and_every_recipe_names_it() -> None:
    assert SCHEMA.read_text(encoding="utf-8") == schema(), "run `make readme`"
    for recipe in SCHEMA.parent.glob("*.yaml"):
        text = recipe.read_text(encoding="utf-8")
        assert f"# yaml-language-server: $schema={SCHEMA.name}\n" in text
        jsonschema.validate(YAML(typ="safe").load(text), json.loads(schema()))


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", TEXT):
        assert (ROOT / target).exists(), target


@lru_cache
def help_of(verb: str) -> str:
    return socratic(verb, "--help").out


def test_every_command_shown_is_one_the_command_line_knows() -> None:
    for block in re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL):
        for line in block.splitlines():
            for verb, rest in re.findall(r"socratic (\w+)([^|#\n]*)", line):
                help_ = help_of(verb)
                assert help_, verb
                for flag in re.findall(r"--[\w-]+", rest):
                    assert flag in help_, f"{flag} of {line}"


def test_three_lines_of_python(tmp_path: Path) -> None:
    """The README's Python, with a student that was trained here."""
    question = "Ann has 3 hens and buys 2 more. How many hens has she?"
    problem = Problem(id="1", question=question, answer="It is 3+2 = <<3+2=5>>5.\n#### 5").model_dump_json()
    annotated = socratic("annotate", "-", "--scheme", "cot", stdin=problem).out
    assert socratic("train", "-", "-o", tmp_path / "student", "--student", "parrot", stdin=annotated).code == 0
    code = re.findall(r"```python\n(from socratic_cli import .*?)```", TEXT, re.DOTALL)[0]
    assert len([line for line in code.splitlines() if line]) == 3
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == "5\n"


def test_the_teacher_of_the_readme_is_a_plugin(tmp_path: Path) -> None:
    code = re.findall(r"```python\n(from socratic_cli.dialogue import .*?)```", TEXT, re.DOTALL)[0]
    entry = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)[0]
    (tmp_path / "socratic_shouting.py").write_text(code)
    info = tmp_path / "socratic_shouting-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: socratic-shouting\nVersion: 1\n")
    # pyproject's table of entry points, as an installer writes it.
    (info / "entry_points.txt").write_text(re.sub(r'project.entry-points."(.*)"', r"\1", entry).replace('"', ""))
    shouted = socratic(
        "annotate",
        "-",
        "--teacher",
        "shouting loudness=5",
        "--scheme",
        "answer",
        stdin='{"question": "How are you?"}',
        PYTHONPATH=str(tmp_path),
    )
    assert json.loads(shouted.out)["answer"] == "AAAAAH", shouted.err
