"""Where results go, and where the raw replies are kept that they are made of."""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from socratic_cli.parts import Scheme, Teacher
from socratic_cli.settings import Asking

_LONG, _LONGEST = 150, 255
"""Characters of a label in a file's name, and of a file's name as far as file systems go."""


def slug(label: str) -> str:
    """Return a label as the name of a file."""
    return re.sub(r"[^\w.=-]+", "-", label).strip("-")


@dataclass(frozen=True)
class Care:
    """How models that are not the user's own are asked while a recipe solves, and where their replies are kept.

    The folder is of all its stages: what was paid for in one of them is paid.
    """

    asking: Asking
    replies: Path

    def file(self, teacher: Teacher, role: str = "") -> Path:
        """Return the file of a model's replies; a role has one of its own where somebody else may write the other.

        Its name does not depend on prices and the like, or whoever mends one would pay for everything again; a name of
        before, which did, is gone on with.
        """
        before = self._named(slug(teacher.label), role)
        if len(before.name) < _LONGEST and before.exists():
            return before
        name = slug(teacher.asked_as)
        if len(name) > _LONG:
            name = f"{name[:_LONG]}-{hashlib.sha256(teacher.asked_as.encode()).hexdigest()[:8]}"
        return self._named(name, role)

    def _named(self, name: str, role: str) -> Path:
        return self.replies / f"{'.'.join(filter(None, (name, role)))}.jsonl"


@dataclass(frozen=True)
class Paths:
    """Where an annotation goes: kept ones, rejected ones, raw replies. `-` is standard output, None nowhere."""

    out: str = "-"
    rejects: str | None = None
    replies: Path | None = None

    @classmethod
    def beside(cls, out: str, rejects: str | None = None, replies: Path | None = None) -> Paths:
        """Return the paths with the ones that were not named beside the output."""
        stem = out.removesuffix(".jsonl")
        to_file = out != "-"
        return cls(
            out,
            rejects or (f"{stem}.rejected.jsonl" if to_file else None),
            replies or (Path(f"{stem}.replies.jsonl") if to_file else None),
        )

    def replies_of(self, teacher: Teacher, scheme: Scheme) -> Path:
        """Return the file of raw replies; what is piped on has one in the user's cache."""
        if self.replies is not None:
            return self.replies
        name = hashlib.sha256(f"{teacher.label} {scheme.label}".encode()).hexdigest()[:12]
        return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "socratic/replies" / f"{name}.jsonl"
