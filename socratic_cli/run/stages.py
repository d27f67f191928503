"""A piece of a recipe's work, with a folder of its own and a mark in it when it is done.

A stage's key is a hash of its settings and of the keys of what it is made from. Its folder carries the key in its
name, so that changed settings never overwrite what was made (or paid for) with others, and a stage whose folder
has its mark is skipped. Annotating and solving go on inside a stage that was killed.
"""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from socratic_cli import __version__
from socratic_cli.jobs import Tally
from socratic_cli.jobs.origins import STAGE, read_mark
from socratic_cli.jobs.paths import slug
from socratic_cli.parts import Progress

_LABEL = 100
"""Characters of a label in a folder's name: labels hold whole paths, and file systems end at 255."""


class Watcher(Protocol):
    """Whoever shows how a run is going."""

    def stage(self, stage: Stage, done: bool) -> None:
        """Say that a stage begins, or that it is done already."""

    def tally(self, tally: Tally, total: int | None) -> None:
        """Say how far annotating or solving is."""

    def progress(self, progress: Progress) -> None:
        """Say how far training is."""


Work = Callable[[Path, Watcher], dict[str, Any]]
"""What a stage does in its folder; what it returns is kept in the mark."""


@dataclass(frozen=True)
class Stage:
    """A piece of work with a folder of its own."""

    verb: str
    what: str
    folder: Path
    key: str
    do: Work = field(repr=False)

    @property
    def mark(self) -> dict[str, Any] | None:
        """What was kept when it was finished with the same inputs and settings, or None."""
        kept = read_mark(self.folder / STAGE)
        return kept if kept.get("key") == self.key else None

    @property
    def done(self) -> bool:
        """Whether it was finished with the same inputs and settings."""
        return self.mark is not None

    def run(self, watcher: Watcher) -> None:
        """Do the work and leave the mark, last."""
        self.folder.mkdir(parents=True, exist_ok=True)
        began = time.time()
        outcome = self.do(self.folder, watcher)
        record = {"key": self.key, "what": self.what, "began": began, "seconds": time.time() - began, **outcome}
        beside = self.folder / f".{STAGE}"
        with beside.open("w", encoding="utf-8") as file:
            file.write(json.dumps(record, indent=2) + "\n")
            file.flush()
            os.fsync(file.fileno())  # or a power cut could leave the name of a mark without its content
        beside.replace(self.folder / STAGE)


@dataclass(frozen=True)
class Stages:
    """The stages of a run, each once: arms that share a stage share its work."""

    folder: Path
    found: dict[str, Stage] = field(default_factory=dict)

    def add(self, verb: str, what: str, label: str, key: str, do: Work) -> Stage:
        """Return the stage of a key; `label` names its folder, with the key's beginning."""
        folder = self.folder / verb / "-".join(filter(None, (slug(label)[:_LABEL], key[:8])))
        return self.found.setdefault(key, Stage(verb, what, folder, key, do))


def key_of(*inputs: str) -> str:
    """Return the hash of everything that a stage depends on."""
    return hashlib.sha256(json.dumps([__version__, *inputs]).encode()).hexdigest()
