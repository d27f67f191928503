"""What is made from the code: the README's file tree and help, and the JSON schema of recipes for editors.

Run as a program it writes them; a test fails where they differ.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
README = ROOT / "README.md"
SCHEMA = ROOT / "recipes" / "recipe.schema.json"
# The order in which a newcomer may read: from the ground floor up.
GROUND = [
    "errors",
    "records",
    "settings",
    "ids",
    "hashing",
    "answers",
    "notation",
    "dialogue",
    "jsonl",
    "fields",
    "machine",
    "parts",
    "plugins",
]
LEAVES = ["schemes", "teachers", "students", "datasets", "stages", "workers", "report"]
TOP = ["sources", "trained", "authors", "casting", "recipe", "jobs", "run", "cli", "__main__"]


def made(readme: str) -> str:
    """Return the README with its made parts as the code has them now."""
    return _between(_between(readme, "tree", _tree()), "help", _help())


def schema() -> str:
    """Return the JSON schema of recipes."""
    from socratic_cli.recipe import Recipe

    return json.dumps(Recipe.model_json_schema(), indent=2) + "\n"


def _between(readme: str, what: str, text: str) -> str:
    begin, end = f"<!-- {what}: written by `make readme` -->\n", f"<!-- end of {what} -->"
    before, _, rest = readme.partition(begin)
    return f"{before}{begin}\n{text}\n{end}{rest.partition(end)[2]}"


def _tree() -> str:
    lines = [
        "socratic_cli/",
        *(line for room in [*GROUND, *LEAVES, *TOP] for line in _room(ROOT / "socratic_cli" / room)),
        "plugins/",
        *(_line(4, f"{path.name}/", _plugin(path)) for path in sorted((ROOT / "plugins").iterdir()) if path.is_dir()),
        "recipes/",
        *(_line(4, path.name, _comment(path)) for path in sorted((ROOT / "recipes").glob("*.yaml"))),
        "tests/",
    ]
    return "\n".join(["```text", *lines, "```", ""])


def _room(path: Path) -> Iterator[str]:
    if not path.is_dir():
        yield _line(4, f"{path.name}.py", _docstring(path.with_suffix(".py")))
        return
    yield _line(4, f"{path.name}/", _docstring(path / "__init__.py"))
    for file in sorted(path.glob("*.py")):
        if file.name != "__init__.py":
            yield _line(8, file.name, _docstring(file))


def _line(indent: int, name: str, text: str) -> str:
    return f"{' ' * indent}{name:<{26 - indent}} {text}"


def _docstring(path: Path) -> str:
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0].rstrip(".")


def _plugin(path: Path) -> str:
    project = tomllib.loads((path / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return str(project["description"]).rstrip(".")


def _comment(path: Path) -> str:
    """Return the first sentence of the comment that opens a recipe."""
    head = path.read_text(encoding="utf-8").partition("\n#\n")[0]
    return re.split(r"[:.;]", " ".join(line.lstrip("# ") for line in head.splitlines()))[0]


def _help() -> str:
    from socratic_cli.cli import VERBS

    return "\n".join([_block(), *(_details(verb) for verb in VERBS)])


def _details(verb: str) -> str:
    return f"<details><summary><code>socratic {verb} --help</code></summary>\n\n{_block(verb)}\n</details>\n"


def _block(*verb: str) -> str:
    command = [sys.executable, "-m", "socratic_cli", *verb, "--help"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("SOCRATIC_")}
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    shown = "\n".join(line.rstrip() for line in shown.replace("python -m socratic_cli", "socratic").splitlines())
    return f"```text\n{shown}\n```\n"


if __name__ == "__main__":
    SCHEMA.write_text(schema(), encoding="utf-8")
    README.write_text(made(README.read_text(encoding="utf-8")), encoding="utf-8")
