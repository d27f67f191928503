"""The help of every verb, as the README shows it. Run as a program it writes them there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
BEGIN, END = "<!-- help: made by `make help-texts`, checked by a test -->\n", "<!-- end of help -->"


def help_texts() -> str:
    """Return the help of the command and of every verb, in Markdown."""
    from socratic_cli.cli import VERBS

    return "\n".join([_block(), *(_details(verb) for verb in VERBS)])


def _details(verb: str) -> str:
    return f"<details><summary><code>socratic {verb} --help</code></summary>\n\n{_block(verb)}\n</details>\n"


def _block(*verb: str) -> str:
    command = [sys.executable, "-m", "socratic_cli", *verb, "--help"]
    environment = {**os.environ, "COLUMNS": "100", "TERMINAL_WIDTH": "100"}
    shown = subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout
    shown = "\n".join(line.rstrip() for line in shown.replace("python -m socratic_cli", "socratic").splitlines())
    return f"```text\n{shown}\n```\n"


def with_help(readme: str) -> str:
    """Return the README with the help of this version."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + help_texts() + "\n" + END + after


if __name__ == "__main__":
    README.write_text(with_help(README.read_text(encoding="utf-8")), encoding="utf-8")
