"""What all parts are: the typed model of their own options, with a name and a label."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Any, ClassVar

from pydantic import PrivateAttr

from socratic_cli.hashing import sha256
from socratic_cli.settings import Settings


class Part(Settings):
    """A named thing with options of its own."""

    _name: str = PrivateAttr("")
    main_option: ClassVar[str | None] = None
    """The option that stands after the colon in `name:value`."""

    @property
    def name(self) -> str:
        """The name it was installed under."""
        return self._name

    @property
    def label(self) -> str:
        """Name and every option that was given, as it can be written on the command line."""
        options = self.model_dump(mode="json", exclude_defaults=True)
        main = options.pop(self.main_option, None) if self.main_option else None
        words = [shlex.quote(f"{self.name}:{main}" if main is not None else self.name)]
        return " ".join([*words, *(f"{key}={_word(value)}" for key, value in options.items())])

    @property
    def identity(self) -> str:
        """All that the part does depends on this: its label, and the content of every file that an option names."""
        return " ".join([self.label, *map(sha256, self.files)])

    @property
    def files(self) -> list[Path]:
        """The files that options name."""
        return [Path(value) for value in dict(self).values() if _is_file(value)]


def _word(value: Any) -> str:
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else shlex.quote(str(value))


def _is_file(value: Any) -> bool:
    try:
        return isinstance(value, str | Path) and Path(value).is_file()
    except OSError:  # a text that is too long to be a name
        return False
