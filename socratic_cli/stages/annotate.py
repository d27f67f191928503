"""Problem -> Solution written by a teacher, kept if it reaches the gold answer; else Rejection with its reason."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable

from socratic_cli.answers import same_answer
from socratic_cli.dialogue import Transcript, play
from socratic_cli.errors import TeacherError, TeacherUnusable
from socratic_cli.parts import Scheme, Teacher
from socratic_cli.records import Problem, Reason, Rejection, Solution
from socratic_cli.stages.window import as_finished


async def annotate(
    problems: Iterable[Problem], scheme: Scheme, teacher: Teacher, *, width: int = 16
) -> AsyncIterator[Solution | Rejection]:
    """Yield an annotation or a rejection for every problem, as they finish; at most `width` are open at once.

    An annotation is kept if its final answer is the gold one, or if no gold answer is known (then `correct` is not
    set). A teacher that fails on one problem rejects that problem.

    Raises:
        TeacherUnusable: the teacher would fail on every problem.
    """

    async def one(problem: Problem) -> Solution | Rejection:
        try:
            transcript = await play(scheme.annotate(problem), teacher)
        except TeacherUnusable:
            raise
        except TeacherError as fault:
            return _rejected(problem, scheme, teacher, "failed", str(fault), Transcript())
        return _judged(problem, scheme, teacher, transcript)

    async for result in as_finished(problems, one, width):
        yield result


def _judged(problem: Problem, scheme: Scheme, teacher: Teacher, transcript: Transcript) -> Solution | Rejection:
    if transcript.unanswered is not None or transcript.rationale is None:
        why = transcript.unanswered
        reason: Reason = why.reason if why else "unreadable"
        return _rejected(problem, scheme, teacher, reason, why.detail if why else "no rationale", transcript)
    rationale = transcript.rationale
    correct = same_answer(rationale.answer, problem.answer) if problem.answer is not None else None
    if correct is False:
        detail = f"answer {rationale.answer!r}, gold {problem.answer!r}"
        return _rejected(problem, scheme, teacher, "wrong-answer", detail, transcript)
    return Solution(
        problem=problem,
        scheme=scheme.label,
        author=teacher.label,
        steps=rationale.steps,
        # Students learn what is kept: the gold spelling, not "that Ann has 5 hens".
        answer=problem.answer if correct else rationale.answer,
        correct=correct,
        usage=transcript.usage,
    )


def _rejected(
    problem: Problem, scheme: Scheme, teacher: Teacher, reason: Reason, detail: str, transcript: Transcript
) -> Rejection:
    return Rejection(
        problem=problem,
        scheme=scheme.label,
        author=teacher.label,
        reason=reason,
        detail=detail,
        replies=tuple(exchange.reply for exchange in transcript.exchanges),
        usage=transcript.usage,
    )
