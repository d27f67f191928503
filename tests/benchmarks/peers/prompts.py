"""Write what `socratic annotate` asks, a list of messages a line, so that the others ask the very same.

python -m tests.benchmarks.peers.prompts PROBLEMS PROMPTS
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from socratic_cli.datasets.jsonl import JSONL
from socratic_cli.parts import Scheme
from socratic_cli.plugins import load
from socratic_cli.prompts import messages

SCHEME = "cot shots=0"


def main(source: str, target: str) -> None:
    """Write the first turn of every problem; with a scheme of one turn that is all."""
    scheme = load(Scheme, SCHEME)
    with Path(target).open("w", encoding="utf-8") as file:
        for problem in JSONL(path=Path(source)).problems():
            file.write(json.dumps(messages(next(scheme.annotate(problem)))) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
