"""What the stages do: the verbs, on files in the stages' folders."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from socratic_cli import authors, jobs
from socratic_cli.authors import Author
from socratic_cli.fingerprints import weights
from socratic_cli.jobs.paths import Care
from socratic_cli.jobs.train import train_and_save
from socratic_cli.parts import Scheme, Student, Teacher
from socratic_cli.run.data import Data
from socratic_cli.run.stages import Stage, Watcher, Work
from socratic_cli.settings import Annotation, Asking, Decoding, Training
from socratic_cli.stages.train import prepare

ANNOTATIONS, SOLUTIONS, STUDENT = "annotations.jsonl", "solutions.jsonl", "student"


def annotating(
    data: Data, scheme: Scheme, teacher: Teacher, replies: Path, annotation: Annotation, asking: Asking
) -> Work:
    """Annotate problems."""

    def do(folder: Path, watcher: Watcher) -> dict[str, Any]:
        tally = jobs.annotate_file(
            data.problems(),
            scheme,
            teacher,
            jobs.Paths(str(folder / ANNOTATIONS), str(folder / "rejected.jsonl"), replies),
            lambda so_far: watcher.tally(so_far, data.count),
            annotation,
            asking,
            resume=True,
        )
        return {"kept": tally.rationales, "rejected": dict(tally.reasons), "spent": tally.spent}

    return do


def training(source: Path, scheme: Scheme, student: Student, settings: Training) -> Work:
    """Train a student on a file of solutions."""

    def do(folder: Path, watcher: Watcher) -> dict[str, Any]:
        lesson = prepare(jobs.solutions(source), scheme, settings.held_out)
        card = train_and_save(lesson, scheme, student, settings, folder / STUDENT, watcher.progress, overwrite=True)
        return {"roles": [role.model_dump() for role in card.roles], "weights": weights(folder)}

    return do


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
        tally = jobs.solve_file(
            self.data.problems(),
            authors.renamed(self.author(), self.label, self.group, self.decoding.seed),
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
        return {"solved": tally.done, "correct": tally.correct, "leaked": tally.leaked, **self._sampled()}

    def _sampled(self) -> dict[str, Any]:
        """Return the seconds that sampling took, which are part of every choice; none if it was not done in one go."""
        mark = (self.chains.mark if self.chains else None) or {}
        whole = mark.get("solved") == self.data.count * self.decoding.samples
        return {"sampling": mark["seconds"] if whole else None} if mark else {}


def scoring(sources: Iterable[Path], students: Mapping[str, Path]) -> Work:
    """Score files of solutions; `students` are the folders of the trained ones, by author."""

    def do(folder: Path, _watcher: Watcher) -> dict[str, Any]:
        return {"scores": [score.line() for score in jobs.bench_files(sources, folder, students=students)]}

    return do
