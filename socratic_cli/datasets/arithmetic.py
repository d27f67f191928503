"""Arithmetic stories, made up as they are read: problems without a download, of any number of steps."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from random import Random
from typing import ClassVar

from pydantic import Field, field_validator

from socratic_cli.datasets.stories import LIMIT, Story, tell
from socratic_cli.errors import UsageError
from socratic_cli.notation import equations
from socratic_cli.parts import Dataset
from socratic_cli.records import Problem, fingerprint

MAX_STEPS = 20
_TEST_SHARE = 5
"""One question in five belongs to the test split, by its fingerprint: so no seeds can make the splits overlap."""
_PATIENCE = 10_000


class Arithmetic(Dataset):
    """Made-up word problems with gold steps and subquestions; the same options give the same problems everywhere."""

    main_option: ClassVar[str | None] = "steps"

    steps: str = Field("2-3", description=f"Steps of a problem, as 3 or 2-5, at most {MAX_STEPS}.")
    count: int = Field(1000, ge=1, description="Problems of a split.")
    seed: int = Field(0, description="Another seed, other problems.")
    largest: int = Field(LIMIT, ge=20, le=LIMIT, description="No larger number occurs: easy sums leave the reasoning.")

    @field_validator("steps")
    @classmethod
    def _bounded(cls, steps: str) -> str:
        low, high = _bounds(steps)
        if not 1 <= low <= high <= MAX_STEPS:
            raise ValueError(f"{steps} is no number of steps: write 3, or 2-5; from 1 to {MAX_STEPS}")
        return steps

    def problems(self, split: str) -> Iterator[Problem]:
        """Yield the problems of a split; no question comes twice, and none is in both splits.

        Raises:
            UsageError: there are not so many different problems.
        """
        for number, story in enumerate(islice(self._stories(split), self.count)):
            identity = f"arithmetic:{self.steps}/{self.seed}/{split}/{number}"
            yield Problem(id=identity, question=story.question, answer=story.answer, steps=story.steps)

    def _stories(self, split: str) -> Iterator[Story]:
        low, high = _bounds(self.steps)
        rng = Random(f"{self.steps}/{self.seed}/{split}")  # noqa: S311 (a game of dice, no secret)
        seen: set[int] = set()
        misses = 0
        while misses < _PATIENCE:
            story = tell(rng, rng.randint(low, high))
            key = int(fingerprint(story.question), 16)
            if (key % _TEST_SHARE == 0) != (split == "test") or key in seen or _largest(story) > self.largest:
                misses += 1
                continue
            misses = 0
            seen.add(key)
            yield story
        raise UsageError(f"there are only {len(seen)} different problems of {self.steps} steps: ask for fewer")


def _largest(story: Story) -> int:
    sides = (side for step in story.steps for equation in equations(step) for side in equation)
    return max(int(number) for side in sides for number in re.findall(r"\d+", side))


def _bounds(steps: str) -> tuple[int, int]:
    """Read "3" or "2-5"; what is neither becomes (0, 0)."""
    low, dash, high = steps.partition("-")
    if not low.isdecimal() or (dash and not high.isdecimal()):
        return 0, 0
    return int(low), int(high if dash else low)
