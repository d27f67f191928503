"""Solution -> Student: annotations are rehearsed into examples, merged, and learnt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from socratic_cli.dialogue import Passage, RehearsalError, merge
from socratic_cli.errors import InputError
from socratic_cli.notation import NotationError
from socratic_cli.parts import HeldOut, Progress, Scheme, Student, Trained
from socratic_cli.records import Solution, fingerprint
from socratic_cli.settings import Training
from socratic_cli.stages.holding import apart, held


@dataclass
class Lesson:
    """What a student will be trained on, and what was learnt about it on the way."""

    passages: list[Passage] = field(default_factory=list)
    questions: set[str] = field(default_factory=set)
    teachers: Counter[str] = field(default_factory=Counter)
    left_out: Counter[str] = field(default_factory=Counter)
    held_out: HeldOut | None = None


def prepare(solutions: Iterable[Solution], scheme: Scheme, held_out: int = 0) -> Lesson:
    """Rehearse annotations in a scheme.

    Solutions known to be wrong, unless the scheme learns from them, and those that lack what the scheme is made of are
    left out and counted by reason.
    So many problems as `held_out` says are not trained on, whatever their order; the choice of a checkpoint by them
    makes them seen all the same, so they are among the `questions`.

    Raises:
        InputError: nothing is left.
    """
    lesson = Lesson()
    if held_out:
        solutions, kept = apart(solutions, held_out)
        lesson.held_out = held(kept, scheme)
        lesson.questions |= {fingerprint(solution.problem.question) for solution in kept}
    for solution in solutions:
        if solution.correct is False and not scheme.learns_from_wrong:
            lesson.left_out["its answer is wrong"] += 1
            continue
        try:
            lesson.passages += passages(solution, scheme)
        except (NotationError, RehearsalError) as fault:
            # A rehearsal's error tells the words of this one solution; its cause is what many have in common.
            lesson.left_out[str(fault.__cause__ or fault)] += 1
            continue
        lesson.questions.add(fingerprint(solution.problem.question))
        lesson.teachers[solution.author] += 1
    lesson.passages = scheme.chosen(lesson.passages)
    if not lesson.passages:
        reasons = "; ".join(f"{reason} ({count})" for reason, count in lesson.left_out.most_common(3))
        raise InputError(f"no annotation can be used for the scheme {scheme.label!r}: {reasons or 'there are none'}")
    return lesson


def passages(solution: Solution, scheme: Scheme) -> list[Passage]:
    """Return what each role learns from one solution.

    Raises:
        NotationError: the solution lacks what the scheme is made of.
    """
    return merge(scheme.examples(solution))


def train(
    lesson: Lesson, student: Student, training: Training, folder: Path, report: Callable[[Progress], None]
) -> list[Trained]:
    """Train a student on a lesson; its weights are saved below `folder`."""
    return student.train(lesson.passages, training, folder, report, lesson.held_out)
