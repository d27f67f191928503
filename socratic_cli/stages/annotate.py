"""Problem -> Solutions written by a teacher, kept if they reach the gold answer; else Rejections with their reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field, replace

from socratic_cli.answers import same_answer
from socratic_cli.dialogue import Model, Reply, Transcript, Turn, play
from socratic_cli.errors import NotStored, TeacherError, TeacherUnusable
from socratic_cli.parts import Scheme
from socratic_cli.records import Problem, Rationale, Reason, Rejection, Solution
from socratic_cli.settings import Annotation
from socratic_cli.stages.checks import mended, tagged
from socratic_cli.stages.window import as_finished

Outcome = Solution | Rejection


@dataclass(frozen=True)
class Annotated:
    """A problem and what came of it, in the order of its samples; `complete` is False where replies are missing."""

    problem: Problem
    outcomes: tuple[Outcome, ...]
    complete: bool = True


async def annotate(
    problems: Iterable[Problem],
    scheme: Scheme,
    teacher: Model,
    author: str,
    annotation: Annotation | None = None,
    *,
    width: int = 64,
    stopped: Callable[[], bool] = lambda: False,
) -> AsyncIterator[Annotated]:
    """Yield every problem with its annotations and rejections, as they finish; at most `width` are open at once.

    An annotation is kept if its final answer is the gold one, or if no gold answer is known (then `correct` is not
    set). A teacher that fails on one problem rejects that problem.

    Raises:
        TeacherUnusable: the teacher would fail on every problem.
        BudgetReached: what may be spent is spent.
    """
    asked = _Asked(scheme, teacher, author, annotation or Annotation())
    async for result in as_finished(problems, asked.annotated, width, stopped=stopped):
        yield result


@dataclass(frozen=True)
class _Sampled:
    """A model of which the nth reply to each prompt is wanted."""

    model: Model
    sample: int

    async def reply(self, turn: Turn) -> Reply:
        return await self.model.reply(replace(turn, sample=self.sample))


@dataclass(frozen=True)
class _Asked:
    scheme: Scheme
    teacher: Model
    author: str
    annotation: Annotation

    async def annotated(self, problem: Problem) -> Annotated:
        outcomes: list[Outcome] = []
        try:
            for sample in range(self.annotation.until_correct or self.annotation.samples):
                outcomes.append(await self._outcome(problem, self.scheme, sample, outcomes))
                if self.annotation.until_correct and isinstance(outcomes[-1], Solution):
                    break
            if self._is_to_be_rationalized(problem, outcomes):
                outcomes.append(await self._outcome(problem, self._hinting, len(outcomes), outcomes))
        except NotStored:
            return Annotated(problem, tuple(outcomes), complete=False)
        return Annotated(problem, tuple(outcomes))

    def _is_to_be_rationalized(self, problem: Problem, outcomes: list[Outcome]) -> bool:
        return (
            self.annotation.rationalize
            and problem.answer is not None
            and "answer" not in self.scheme.show
            and not any(isinstance(outcome, Solution) or outcome.reason == "failed" for outcome in outcomes)
        )

    @property
    def _hinting(self) -> Scheme:
        return self.scheme.model_copy(update={"show": ("answer", *self.scheme.show)})

    async def _outcome(self, problem: Problem, scheme: Scheme, sample: int, earlier: list[Outcome]) -> Outcome:
        attempt = _Attempt(problem, self.scheme.label, self.author, sample, rationalized=scheme is not self.scheme)
        try:
            attempt.transcript = await play(scheme.annotate(problem), _Sampled(self.teacher, sample))
        except (TeacherUnusable, NotStored):
            raise
        except TeacherError as fault:
            return attempt.rejected("failed", str(fault))
        return attempt.judged(self.annotation, earlier)


@dataclass
class _Attempt:
    """One rationale of a problem, on its way to be kept or rejected."""

    problem: Problem
    scheme: str
    author: str
    sample: int
    rationalized: bool
    transcript: Transcript = field(default_factory=Transcript)

    def judged(self, annotation: Annotation, earlier: list[Outcome]) -> Outcome:
        rationale, why, gold = self.transcript.rationale, self.transcript.unanswered, self.problem.answer
        if why is not None or rationale is None:
            return self.rejected(why.reason if why else "unreadable", why.detail if why else "no rationale")
        correct = same_answer(rationale.answer, gold) if gold is not None else None
        if correct is False:
            return self.rejected("wrong-answer", f"answer {rationale.answer!r}, gold {gold!r}")
        if any(isinstance(outcome, Solution) and _same(outcome.rationale, rationale) for outcome in earlier):
            return self.rejected("duplicate", "an earlier sample of this problem says the same")
        checked = tagged(rationale)
        wrong = [fault for step in checked.steps for fault in step.miscalculations]
        if wrong and annotation.steps != "check":
            fixed = mended(rationale) if annotation.steps == "fix" else None
            if fixed is None:
                return self.rejected("step-error", "; ".join(wrong))
            checked = fixed
        # Students learn what is kept: the gold spelling, not "that Ann has 5 hens".
        return self._kept(checked.model_copy(update={"answer": gold if correct else rationale.answer}), correct)

    def _kept(self, rationale: Rationale, correct: bool | None) -> Solution:
        return Solution(
            problem=self.problem,
            scheme=self.scheme,
            author=self.author,
            steps=rationale.steps,
            answer=rationale.answer,
            correct=correct,
            usage=self.transcript.usage,
            **self._marks,
        )

    def rejected(self, reason: Reason, detail: str) -> Rejection:
        return Rejection(
            problem=self.problem,
            scheme=self.scheme,
            author=self.author,
            reason=reason,
            detail=detail,
            replies=tuple(exchange.reply for exchange in self.transcript.exchanges),
            usage=self.transcript.usage,
            **self._marks,
        )

    @property
    def _marks(self) -> dict[str, bool | int]:
        """The fields that only some records need."""
        marks: dict[str, bool | int] = {"sample": self.sample} if self.sample else {}
        return {**marks, "rationalized": True} if self.rationalized else marks


def _same(one: Rationale, other: Rationale) -> bool:
    """Say whether two rationales differ in no word."""
    return _words(one) == _words(other)


def _words(rationale: Rationale) -> list[list[str]]:
    return [f"{step.subquestion or ''} ** {step.solution}".casefold().split() for step in rationale.steps]
