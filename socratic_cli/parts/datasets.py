"""A data set: a source of problems with named splits."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from socratic_cli.parts.part import Part
from socratic_cli.records import Problem


class Dataset(Part, ABC):
    """A source of problems with named splits."""

    data_dir: Path | None = Field(None, description="Folder that holds the files; without it they come from the hub.")
    splits: ClassVar[tuple[str, ...]] = ("train", "test")
    repository: ClassVar[str | None] = None
    """Its id on the Hugging Face hub, if it is there."""

    @abstractmethod
    def problems(self, split: str) -> Iterator[Problem]:
        """Yield the problems of a split, lazily.

        Raises:
            InputError: a file is missing or a record cannot be read.
        """
