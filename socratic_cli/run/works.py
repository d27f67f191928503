"""What the stages do: the verbs, on files in the stages' folders."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socratic_cli import authors, jobs, jsonl
from socratic_cli.authors import Author
from socratic_cli.errors import TeacherError
from socratic_cli.fingerprints import weights
from socratic_cli.jobs import Tally
from socratic_cli.jobs.outputs import is_empty
from socratic_cli.jobs.paths import Care
from socratic_cli.jobs.train import train_and_save
from socratic_cli.parts import Scheme, Student, Teacher
from socratic_cli.run.data import Data
from socratic_cli.run.stages import Stage, Watcher, Work
from socratic_cli.settings import Annotation, Asking, Decoding, Training
from socratic_cli.stages.train import prepare

ANNOTATIONS, REJECTED, SOLUTIONS, STUDENT = "annotations.jsonl", "rejected.jsonl", "solutions.jsonl", "student"


def annotating(
    data: Data, scheme: Scheme, teacher: Teacher, replies: Path, annotation: Annotation, asking: Asking
) -> Work:
    """Annotate problems."""

    def do(folder: Path, watcher: Watcher) -> dict[str, Any]:
        tally = jobs.annotate_file(
            data.problems(),
            scheme,
            teacher,
            jobs.Paths(str(folder / ANNOTATIONS), str(folder / REJECTED), replies),
            lambda so_far: watcher.tally(so_far, data.count),
            annotation,
            asking,
            resume=True,
        )
        if teacher.paid:
            _require(tally, folder / REJECTED)
        told = {**_annotated(folder), "spent": tally.spent}
        if not told["kept"]:
            reasons = ", ".join(f"{count} {reason}" for reason, count in told["rejected"].items())
            raise TeacherError(
                f"nothing of {teacher.label} was kept ({reasons}): {folder / REJECTED} tells what it wrote"
            )
        return told

    return do


def training(source: Path, scheme: Scheme, student: Student, settings: Training) -> Work:
    """Train a student on a file of solutions."""

    def do(folder: Path, watcher: Watcher) -> dict[str, Any]:
        lesson = prepare(jobs.solutions(source), scheme, settings.held_out)
        card = train_and_save(lesson, scheme, student, settings, folder / STUDENT, watcher.progress, overwrite=True)
        return {"roles": [role.model_dump() for role in card.roles], "weights": weights(folder)}

    return do


log = logging.getLogger(__name__)
_FEW = 0.01
"""Share of problems that may fail for good, as one does that a service never takes."""


@dataclass(frozen=True)
class Solving:
    """Solve problems, or sample solutions of them; authors are loaded when the time comes.

    With `chains`, what that stage sampled is chosen among; `care` is how other models are asked.
    """

    label: str
    group: str
    author: Callable[[], Author]
    decoding: Decoding
    data: Data
    verifier: Callable[[], Author | None] = lambda: None
    oracle: tuple[str, ...] = ()
    keep_samples: bool = False
    chains: Stage | None = None
    care: Care | None = None

    def __call__(self, folder: Path, watcher: Watcher) -> dict[str, Any]:
        """Solve into a file."""
        count = self.data.count * (self.decoding.samples if self.keep_samples else 1)
        author = authors.renamed(self.author(), self.label, self.group, self.decoding.seed)
        tally = jobs.solve_file(
            self.data.problems(),
            author,
            str(folder / SOLUTIONS),
            lambda so_far: watcher.tally(so_far, count),
            decoding=self.decoding,
            verifier=self.verifier(),
            keep_samples=self.keep_samples,
            from_samples=str(self.chains.folder / SOLUTIONS) if self.chains else None,
            oracle=self.oracle,
            care=self.care,
            resume=True,
        )
        if any(one.teacher is not None and one.teacher.paid for one in (author, *author.players.values())):
            _require(tally, folder / SOLUTIONS)
        return {**_solved(folder), "resumed": tally.skipped > 0, **self._sampled()}

    def _sampled(self) -> dict[str, Any]:
        """Return the seconds that sampling took, which are part of every choice; none if it was not done in one go."""
        mark = (self.chains.mark if self.chains else None) or {}
        whole = mark.get("solved") == self.data.count * self.decoding.samples and not mark.get("resumed")
        return {"sampling": mark["seconds"] if whole else None} if mark else {}


def _require(tally: Tally, file: Path) -> None:
    """Refuse to go on after an outage, or a student would learn from the rest in silence; a few failures are told.

    Of a service: a file of recorded replies that lacks some will lack them tomorrow. `file` tells what failed, and why.

    Raises:
        TeacherError: more than one in a hundred failed.
    """
    failed, count = tally.reasons["failed"], tally.done + tally.skipped
    if failed > count * _FEW:
        raise TeacherError(
            f"{failed} of {count} problems failed: {file} says why. The same command asks again; take out of the"
            " data what the service never takes"
        )
    if failed:
        log.warning("%s of %s problems failed and are left out: %s says why", failed, count, file)


def _annotated(folder: Path) -> dict[str, Any]:
    """Return what is in the files of a stage, which may have been made in several goes."""
    rejected = folder / REJECTED
    reasons = jsonl.read(rejected, lambda line: str(line.value.get("reason"))) if not is_empty(str(rejected)) else ()
    kept = folder / ANNOTATIONS
    count = sum(1 for _ in jsonl.read(kept, lambda line: line)) if not is_empty(str(kept)) else 0
    return {"kept": count, "rejected": dict(Counter(reasons))}


def _solved(folder: Path) -> dict[str, Any]:
    counts = Counter[str]()
    for value in jsonl.read(folder / SOLUTIONS, lambda line: line.value):
        counts.update(solved=1, correct=value.get("correct") is True, leaked=bool(value.get("leaked")))
    return {name: counts[name] for name in ("solved", "correct", "leaked")}


def scoring(sources: Iterable[Path], students: Mapping[str, Path]) -> Work:
    """Score files of solutions; `students` are the folders of the trained ones, by author."""

    def do(folder: Path, _watcher: Watcher) -> dict[str, Any]:
        return {"scores": [score.line() for score in jobs.bench_files(sources, folder, students=students)]}

    return do
