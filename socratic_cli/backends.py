"""Who runs a student's weights when it is asked: a kind of part, like a teacher or a data set.

A student trains by itself; what it left on disk can be run by transformers, in this process, or by an engine that was
made for serving. Whoever it is replies to the same turns, and is a `dialogue.Model` to everybody else.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from socratic_cli.dialogue import Model
from socratic_cli.errors import StudentError
from socratic_cli.parts import Part
from socratic_cli.settings import Decoding, Dtype

JOINT = "joint"
"""The role of a model that plays all of them."""
ADAPTER = "adapter_config.json"
"""Stands in the folder of a role that is an adapter (LoRA) on the base."""


@dataclass(frozen=True)
class Weights:
    """Where the weights of a student are.

    Attributes:
        base: id on a hub, or folder, of the model that training began with.
        revision: the base's, on a hub.
        dtype: the type to compute in.
        bits: of the integers or floats that the base is held in, or None.
        folder: holds a folder for each role, with a model or an adapter; None is the untrained base.
    """

    base: str
    revision: str | None = None
    dtype: Dtype = "auto"
    bits: Literal[4, 8] | None = None
    folder: Path | None = None

    @cached_property
    def roles(self) -> tuple[str, ...]:
        """The roles that were saved; none of an untrained base, which plays any.

        Raises:
            StudentError: the folder holds none.
        """
        if self.folder is None:
            return ()
        kinds = ("config.json", ADAPTER)
        found = sorted(path.name for path in self.folder.glob("*/") if any((path / kind).is_file() for kind in kinds))
        if not found:
            raise StudentError(
                f"{self.folder} holds no trained student: no folder <role>/ with a config.json or an adapter"
            )
        return tuple(found)

    @cached_property
    def adapted(self) -> bool:
        """Whether the roles are adapters on the base, and not models of their own."""
        return self.folder is not None and (self.folder / self.roles[0] / ADAPTER).is_file()

    def model_of(self, role: str | None) -> tuple[str, str | None]:
        """Return folder or id, and revision, of the model that plays a saved role: its own, or the base.

        An adapter's is the base, as is that of no role, which an untrained base plays.
        """
        if self.folder is None or role is None or self.adapted:
            return self.base, self.revision
        return str(self.folder / role), None

    def played_by(self, role: str) -> str:
        """Return the saved role that plays a role of a dialogue.

        Raises:
            StudentError: the student was not trained for it.
        """
        roles = self.roles
        if roles == (JOINT,):
            return JOINT
        if self.folder is not None and role not in roles:
            raise StudentError(f"the student in {self.folder} has no {role}: it was trained as {', '.join(roles)}")
        return role


class Backend(Part, ABC):
    """Runs a student's weights: replies of many turns are written at the same time."""

    @abstractmethod
    def open(self, weights: Weights, decoding: Decoding) -> AbstractContextManager[Model]:
        """Load weights, to be asked.

        Raises:
            StudentError: they cannot be loaded, or not by this backend.
            MissingPackage: what runs them is not installed.
        """
