"""GSM8K: grade-school mathematics with worked answers (Cobbe et al., 2021)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field

from socratic_cli import fields, jsonl
from socratic_cli.datasets import origin
from socratic_cli.jsonl import Line
from socratic_cli.parts import Dataset
from socratic_cli.records import Problem

REPOSITORY = "openai/gsm8k"


class GSM8K(Dataset):
    """GSM8K: 7,473 + 1,319 grade-school word problems with gold steps and, by default, subquestions."""

    repository: ClassVar[str | None] = REPOSITORY
    main_option: ClassVar[str | None] = "config"

    config: Literal["socratic", "main"] = Field("socratic", description="Gold steps with subquestions, or without.")

    def problems(self, split: str) -> Iterator[Problem]:
        """Yield the problems in the order of the files. A problem has the same id in both configurations."""
        lines = self._local(split) if self.data_dir else origin.hub(REPOSITORY, split, self.config)
        return (_problem(f"gsm8k/{split}/{number}", line) for number, line in enumerate(lines))

    def _local(self, split: str) -> Iterator[Line]:
        assert self.data_dir is not None
        file = f"{split}_socratic.jsonl" if self.config == "socratic" else f"{split}.jsonl"
        return jsonl.read(origin.local(self.data_dir, "gsm8k", file), lambda line: line)


def _problem(identity: str, line: Line) -> Problem:
    gold = fields.worked(fields.text(line, "answer"), line.where)
    return Problem(id=identity, question=fields.text(line, "question"), answer=gold.answer, steps=gold.steps)
