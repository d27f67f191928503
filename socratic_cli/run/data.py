"""The problems of a recipe, with a fingerprint of their content."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

from socratic_cli import sources
from socratic_cli.errors import InputError
from socratic_cli.recipe import Recipe, Source
from socratic_cli.records import Problem


@dataclass(frozen=True)
class Data:
    """The problems of a source, with a fingerprint of their content."""

    source: Source
    key: str
    count: int

    @classmethod
    def of(cls, source: Source, *, scored: bool = False) -> Self:
        """Read a source through.

        Raises:
            InputError: solutions of it are to be scored, and a problem has no gold answer.
        """
        digest, count = hashlib.sha256(), 0
        for problem in _digested(source, digest):
            count += 1
            if scored and problem.answer is None:
                raise InputError(
                    f"{source.source}: the problem {problem.id!r} has no gold answer, so that nothing could be scored"
                    " in the end: take it out, or name the field with answer_field"
                )
        return cls(source, digest.hexdigest(), count)

    def problems(self) -> Iterator[Problem]:
        """Yield the problems anew.

        Raises:
            InputError: they are not what they were when the run began.
        """
        digest = hashlib.sha256()
        yield from _digested(self.source, digest)
        if digest.hexdigest() != self.key:
            raise InputError(
                f"{self.source.source} changed while the run was using it: the same command begins with what it is now"
            )


def read(recipe: Recipe) -> dict[str, Data]:
    """Read the data of a recipe through: train, test, and what arms learn from or sample for their verifiers."""
    data = {"train": Data.of(recipe.train), "test": Data.of(recipe.test, scored=True)}
    for name, arm in recipe.arms.items():
        if arm.train:
            data[learnt(name)] = Data.of(_beside(arm.train, recipe.train))
        if arm.verifier and arm.verifier.train:
            data[sampled(name)] = Data.of(_beside(arm.verifier.train, recipe.train))
    return data


def _beside(source: Source, train: Source) -> Source:
    """Return a source that is read from the folder of the training problems, unless it names one."""
    return source if source.data_dir else source.model_copy(update={"data_dir": train.data_dir})


def learnt(arm: str) -> str:
    """Return the name of the data that an arm of its own learns from."""
    return f"arms.{arm}.train"


def sampled(arm: str) -> str:
    """Return the name of the data that an arm samples for its verifier."""
    return f"arms.{arm}.verifier.train"


def _digested(source: Source, digest: hashlib._Hash) -> Iterator[Problem]:
    """Yield the problems of a source, and take each into a fingerprint."""
    for problem in _problems(source):
        digest.update(problem.model_dump_json().encode())
        yield problem


def _problems(source: Source) -> Iterator[Problem]:
    return sources.resolve(source.source, **source.model_dump(exclude={"source"}))
