"""What an annotation would cost: every problem's requests are written and counted, and nobody is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from statistics import mean

from socratic_cli.asking.replies import Replies, key_of
from socratic_cli.dialogue import Reply, Turn, Unanswered, play
from socratic_cli.parts import Price, Scheme, Teacher
from socratic_cli.records import Problem
from socratic_cli.settings import Annotation

# What chat formats add around each message, and before the reply.
_AROUND = 4


@dataclass
class Estimate:
    """Calls and tokens, as low / expected / high; `stored` calls are paid already and not among them.

    Low: every problem is right at the first attempt, with a reply as short as the shortest exemplar's. Expected:
    replies as long as the mean exemplar's, half of the attempts that --until-correct allows. High: every attempt is
    made, and every reply is as long as it may be.
    """

    problems: int = 0
    stored: int = 0
    calls: tuple[float, float, float] = (0.0, 0.0, 0.0)
    prompt_tokens: tuple[float, float, float] = (0.0, 0.0, 0.0)
    completion_tokens: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def cost(self, price: Price) -> tuple[float, float, float]:
        """Return the cost in US dollars, low / expected / high."""
        low, expected, high = (
            price.prompt * prompt + price.completion * wrote
            for prompt, wrote in zip(self.prompt_tokens, self.completion_tokens, strict=True)
        )
        return low, expected, high


async def estimate(
    problems: Iterable[Problem], scheme: Scheme, teacher: Teacher, annotation: Annotation, replies: Replies | None
) -> Estimate:
    """Return what annotating problems would take."""
    found = Estimate()
    tries = annotation.until_correct or annotation.samples
    likely = (1 + tries) / 2 if annotation.until_correct else tries
    attempts = (1.0 if annotation.until_correct else tries, likely, tries + annotation.rationalize)
    for problem in problems:
        guess = _Guess(problem, scheme, teacher, replies)
        await play(scheme.annotate(problem), guess)
        found.problems += 1
        found.stored += guess.stored
        found.calls = _plus(found.calls, (guess.calls * count for count in attempts))
        found.prompt_tokens = _plus(found.prompt_tokens, (guess.prompt_tokens * count for count in attempts))
        found.completion_tokens = _plus(
            found.completion_tokens, (one * count for one, count in zip(guess.completions, attempts, strict=True))
        )
    return found


def _plus(one: tuple[float, float, float], other: Iterable[float]) -> tuple[float, float, float]:
    low, expected, high = (left + right for left, right in zip(one, other, strict=True))
    return low, expected, high


class _Guess:
    """A model that replies as an exemplar does, and counts what it was asked."""

    def __init__(self, problem: Problem, scheme: Scheme, teacher: Teacher, replies: Replies | None) -> None:
        self.calls = self.stored = 0
        self.prompt_tokens = 0
        self.completions = (0.0, 0.0, 0.0)
        self._teacher, self._replies = teacher, replies
        # A scheme that shows no exemplars is played with some beside it, to know how long its replies are.
        self._shown = scheme.model_copy(update={"shots": scheme.shots or 4, "show": ()}).annotate(problem)
        self._said = ""

    async def reply(self, turn: Turn) -> Reply:
        key = key_of(self._teacher.name, self._teacher.request(turn), turn.sample)
        known = self._replies.get(key) if self._replies is not None else None
        exemplary = self._exemplary()
        if known is not None:
            self.stored += 1
            self._said = known.text
            return known
        lengths = [_count(self._teacher, text) for text in exemplary] or [self._teacher.longest]
        self.calls += 1
        self.prompt_tokens += sum(_count(self._teacher, text) + _AROUND for text in _texts(turn))
        self.completions = _plus(self.completions, (min(lengths), mean(lengths), self._teacher.longest))
        self._said = exemplary[0] if exemplary else ""
        return Reply(self._said)

    def _exemplary(self) -> list[str]:
        """Return what exemplars reply to the turn that is due."""
        try:
            shown = self._shown.send(Reply(self._said)) if self.calls + self.stored else next(self._shown)
        except (StopIteration, Unanswered):
            return []
        return [shot.completion for shot in shown.shots]


def _texts(turn: Turn) -> Iterator[str]:
    if turn.instruction:
        yield turn.instruction
    for shot in turn.shots:
        yield shot.prompt
        yield shot.completion
    yield turn.prompt


@lru_cache(maxsize=1024)  # exemplars come again and again, problems do not
def _count(teacher: Teacher, text: str) -> int:
    return teacher.count(text)
