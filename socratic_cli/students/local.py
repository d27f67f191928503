"""The backend that everybody has: transformers, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import Field

from socratic_cli.backends import Backend, Weights
from socratic_cli.dialogue import Model
from socratic_cli.settings import Decoding


class Transformers(Backend):
    """Runs weights in this process, on a GPU or a CPU, in full, 8 or 4 bit."""

    merge: bool | None = Field(
        None,
        description="Merge each role's adapter into a copy of the base: faster, and more memory [default: on a CPU].",
    )

    @contextmanager
    def open(self, weights: Weights, decoding: Decoding) -> Iterator[Model]:
        """Load the models of all roles, or the untrained base, which replies in every role."""
        from socratic_cli.students.engine import Engine
        from socratic_cli.students.scheduler import Scheduler
        from socratic_cli.students.voices import voices

        opened = Engine(voices(weights, merge=self.merge), Scheduler, decoding)
        try:
            yield opened
        finally:
            opened.close()
