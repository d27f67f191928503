"""Who was asked what, how often, and what it cost."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from tests.faulty.stats import Stats
from tests.server import asked


class Ledger:
    """The books of a server."""

    def __init__(self) -> None:
        self.stats = Stats()
        self.questions: Counter[str] = Counter()
        self._attempts: Counter[str] = Counter()
        self._paid: Counter[str] = Counter()

    def attempt(self, body: str) -> int:
        """Count an attempt of a request body; returns how many there were before."""
        self._attempts[body] += 1
        return self._attempts[body] - 1

    def pay(self, body: str, request: dict[str, Any], reply: dict[str, Any]) -> None:
        """Note that a reply was delivered."""
        self._paid[body] += 1
        self.questions[asked(request["messages"])] += 1
        self.stats.paid += 1
        self.stats.prompt_tokens += reply["usage"]["prompt_tokens"]
        self.stats.completion_tokens += reply["usage"]["completion_tokens"]

    def read(self) -> dict[str, Any]:
        """Return the counters as they are now."""
        twice = sum(times > 1 for times in self._paid.values())
        # Not asdict, which takes a Counter apart.
        return vars(replace(self.stats, paid_bodies=len(self._paid), paid_twice=twice))
