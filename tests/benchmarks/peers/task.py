"""What every runner of this folder is given, and how it shows that the work was done.

    python -m tests.benchmarks.peers.NAME URL PROMPTS CALLS CONCURRENCY FOLDER

Runners live in virtual environments of their own, so nothing here needs more than Python itself.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

MODEL = "m"
TEMPERATURE = 0.0
MAX_TOKENS = 512

Message = dict[str, str]


@dataclass(frozen=True)
class Task:
    """The server, what it is to be asked, and how much at once; `folder` may be filled."""

    url: str
    prompts: list[list[Message]]
    concurrency: int
    folder: Path


def given() -> Task:
    """Read the task from the command line."""
    url, prompts, calls, concurrency, folder = sys.argv[1:]
    with Path(prompts).open(encoding="utf-8") as lines:
        messages = [json.loads(line) for line in islice(lines, int(calls))]
    return Task(url, messages, int(concurrency), Path(folder))


def done(task: Task, texts: Iterable[str | None]) -> None:
    """Refuse to end well unless every prompt was answered."""
    answered = sum("####" in (text or "") for text in texts)
    if answered != len(task.prompts):
        sys.exit(f"{answered} of {len(task.prompts)} were answered")
