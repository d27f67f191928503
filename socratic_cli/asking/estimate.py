"""What an annotation would cost: every problem's requests are written and counted, and nobody is asked."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from statistics import mean

from socratic_cli.answers import same_answer
from socratic_cli.asking.replies import Replies, key_of
from socratic_cli.dialogue import Reply, Transcript, Turn, Unanswered, play
from socratic_cli.parts import Price, Scheme, Teacher
from socratic_cli.records import Problem
from socratic_cli.settings import Annotation

# What chat formats add around each message, and before the reply.
_AROUND = 4


@dataclass
class Estimate:
    """Calls and tokens, as low / expected / high; `stored` calls are paid already and not among them.

    Low: every problem is right at the first attempt that is not stored, with a reply as short as the shortest
    exemplar's. Expected: replies as long as the mean exemplar's, half of the attempts that --until-correct allows.
    High: every attempt is made, and every reply is as long as it may be.
    """

    problems: int = 0
    stored: int = 0
    calls: tuple[float, float, float] = (0.0, 0.0, 0.0)
    prompt_tokens: tuple[float, float, float] = (0.0, 0.0, 0.0)
    completion_tokens: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def add(self, attempt: _Guess, times: tuple[float, float, float]) -> None:
        """Add what an attempt asks for, made so often: low / expected / high."""
        self.calls = _plus(self.calls, (attempt.calls * count for count in times))
        self.prompt_tokens = _plus(self.prompt_tokens, (attempt.prompt_tokens * count for count in times))
        wrote = (one * count for one, count in zip(attempt.completions, times, strict=True))
        self.completion_tokens = _plus(self.completion_tokens, wrote)

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
    for problem in problems:
        attempts = await _attempts(problem, scheme, teacher, annotation, replies)
        missing = [attempt for attempt in attempts if attempt.calls]
        for number, attempt in enumerate(missing):
            found.add(attempt, _times(number, len(missing)) if annotation.until_correct else (1.0, 1.0, 1.0))
        last = await _rationalized(problem, scheme, teacher, annotation, replies, attempts)
        for attempt in last:
            found.add(attempt, (0.0, 0.0, 1.0))
        found.problems += 1
        found.stored += sum(attempt.stored for attempt in (*attempts, *last))
    return found


def _times(number: int, count: int) -> tuple[float, float, float]:
    """Return how often the attempt of a number is made, where any of `count` may be the last one."""
    return float(number == 0), (count - number) / count, 1.0


async def _attempts(
    problem: Problem, scheme: Scheme, teacher: Teacher, annotation: Annotation, replies: Replies | None
) -> list[_Guess]:
    """Return the attempts at a problem, each with its own stored replies, up to one that is known to be the last."""
    attempts: list[_Guess] = []
    for sample in range(annotation.until_correct or annotation.samples):
        if replies is None and attempts:  # then they differ in nothing
            attempts.append(attempts[0])
            continue
        attempts.append(await _Guess.played(problem, scheme, teacher, replies, sample))
        if annotation.until_correct and attempts[-1].is_right:
            break
    return attempts


async def _rationalized(
    problem: Problem,
    scheme: Scheme,
    teacher: Teacher,
    annotation: Annotation,
    replies: Replies | None,
    attempts: Sequence[_Guess],
) -> list[_Guess]:
    """Return the attempt with the gold answer shown, or nothing where none will be made."""
    shown = "answer" in scheme.show or problem.answer is None
    if not annotation.rationalize or shown or any(attempt.is_right for attempt in attempts):
        return []
    hinting = scheme.model_copy(update={"show": ("answer", *scheme.show)})
    return [await _Guess.played(problem, hinting, teacher, replies, len(attempts))]


def prompt_tokens(teacher: Teacher, turn: Turn) -> int:
    """Return the tokens of what a teacher is sent for a turn, as its own tokenizer counts them."""
    return sum(_count(teacher, text) + _AROUND for text in _texts(turn))


def _plus(one: tuple[float, float, float], other: Iterable[float]) -> tuple[float, float, float]:
    low, expected, high = (left + right for left, right in zip(one, other, strict=True))
    return low, expected, high


class _Guess:
    """A model that replies as an exemplar does, and counts what it was asked."""

    def __init__(
        self, problem: Problem, scheme: Scheme, teacher: Teacher, replies: Replies | None, sample: int
    ) -> None:
        self.calls = self.stored = 0
        self.prompt_tokens = 0
        self.completions = (0.0, 0.0, 0.0)
        self._problem, self._sample = problem, sample
        self._transcript = Transcript()
        self._teacher, self._replies = teacher, replies
        # A scheme that shows no exemplars is played with some beside it, to know how long its replies are.
        self._shown = scheme.model_copy(update={"shots": scheme.shots or 4, "show": ()}).annotate(problem)
        self._said = ""

    @classmethod
    async def played(
        cls, problem: Problem, scheme: Scheme, teacher: Teacher, replies: Replies | None, sample: int
    ) -> _Guess:
        """Return what one attempt asks for."""
        guess = cls(problem, scheme, teacher, replies, sample)
        guess._transcript = await play(scheme.annotate(problem), guess)
        return guess

    @property
    def is_right(self) -> bool:
        """Whether all of its replies are stored, and come to the gold answer where there is one."""
        rationale, gold = self._transcript.rationale, self._problem.answer
        if self.calls or rationale is None:
            return False
        return gold is None or same_answer(rationale.answer, gold)

    async def reply(self, turn: Turn) -> Reply:
        turn = replace(turn, sample=self._sample)
        key = key_of(self._teacher.name, self._teacher.request(turn), turn.sample)
        known = self._replies.get(key) if self._replies is not None else None
        exemplary = self._exemplary()
        if known is not None:
            self.stored += 1
            self._said = known.text
            return known
        lengths = [_count(self._teacher, text) for text in exemplary] or [self._teacher.longest]
        self.calls += 1
        self.prompt_tokens += prompt_tokens(self._teacher, turn)
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
