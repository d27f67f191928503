"""`socratic train`: a student appears whole or not at all, and a killed training is gone on with."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from socratic_cli import __version__, curve, jsonl, modelcard, processes, tracking
from socratic_cli.card import FORMAT, Card
from socratic_cli.errors import OutputError
from socratic_cli.parts import Part, Progress, Scheme, Student, Trained
from socratic_cli.settings import Training
from socratic_cli.stages.train import Lesson, train
from socratic_cli.trained import TRAINED_ON, is_student

_PLAN = "plan.json"


def train_and_save(
    lesson: Lesson,
    scheme: Scheme,
    student: Student,
    training: Training,
    folder: Path,
    report: Callable[[Progress], None],
    *,
    overwrite: bool = False,
) -> Card:
    """Train a student and save it in `folder`, which appears whole or not at all.

    What an interrupted run of the same training left beside it (.<folder>.part) is gone on with. Of several processes
    the first one writes.

    Raises:
        OutputError: the folder exists, or another training than this one was left unfinished.
        StudentError: it cannot be trained.
        MissingPackage: that of the tracker is not installed.
    """
    refuse_existing(folder, overwrite=overwrite)
    tracking.require(training)
    beside, lock = (folder.with_name(f".{folder.name}.{kind}") for kind in ("part", "lock"))
    plan = _plan(lesson, scheme, student, training)
    with processes.joined(), ExitStack() as held:
        processes.check_same(_digest(plan), "were given different annotations or settings")

        def begin() -> dict[str, str]:
            folder.parent.mkdir(parents=True, exist_ok=True)
            held.enter_context(jsonl.Writer(lock, lock=True))  # two runs would train into each other's checkpoints
            _begin(beside, plan, overwrite)
            return student.about()  # may ask a hub: what fails there fails before the training, and not after it

        base = processes.first_does(begin)
        card = Card(
            format=FORMAT,
            socratic=__version__,
            scheme=_described(scheme),
            student=_described(student),
            about=base or {},
            training=training,
            problems=len(lesson.questions),
            teachers=dict(lesson.teachers),
            left_out=dict(lesson.left_out),
            roles=_drawn(lesson, student, training, beside, report),
        )

        def finish() -> None:
            _finish(beside, folder, card, lesson)
            lock.unlink(missing_ok=True)

        processes.first_does(finish)
    return card


def _drawn(
    lesson: Lesson, student: Student, training: Training, folder: Path, report: Callable[[Progress], None]
) -> tuple[Trained, ...]:
    """Train, and draw how it went, also where it did not come to its end."""
    kept: dict[str, int | None] = {}
    try:
        roles = tuple(train(lesson, student, training, folder, report))
        kept = {role.role: role.kept_step for role in roles}
    finally:
        if processes.first():
            curve.draw(folder, kept)
    return roles


def _finish(beside: Path, folder: Path, card: Card, lesson: Lesson) -> None:
    """Make a student of what was trained, and put it in its place."""
    (beside / TRAINED_ON).write_text("".join(f"{mark}\n" for mark in sorted(lesson.questions)), encoding="utf-8")
    modelcard.tell(card, beside, folder.resolve().name)
    card.save(beside)
    if folder.exists():
        shutil.rmtree(folder)
    beside.replace(folder)
    (folder / _PLAN).unlink()  # last: without its plan, a run that was killed just here would begin anew


def _plan(lesson: Lesson, scheme: Scheme, student: Student, training: Training) -> dict[str, Any]:
    """Return all that the weights depend on: only the very same training is gone on with."""
    digest = hashlib.sha256()
    for passage in lesson.passages:
        digest.update(repr(passage).encode())
    return {
        "socratic": __version__,
        "annotations": digest.hexdigest(),
        "scheme": scheme.label,
        "student": student.identity,
        **training.identity(),
    }


def _digest(plan: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(plan).encode()).hexdigest()[:12]


def _begin(folder: Path, plan: dict[str, Any], overwrite: bool) -> None:
    """Make the folder of an unfinished training, or take up the one that a run left which was interrupted."""
    path = folder / _PLAN
    if path.is_file():
        left = json.loads(path.read_text(encoding="utf-8"))
        if left == plan:
            return
        if not overwrite:
            differs = ", ".join(name for name in plan if left.get(name) != plan[name])
            raise OutputError(
                f"{folder} holds an unfinished training that differs in {differs}: pass --overwrite to begin anew,"
                " go on with the settings it had, or choose another -o"
            )
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    path.write_text(json.dumps(plan, indent=2) + "\n", encoding="utf-8")


def refuse_existing(folder: Path, *, overwrite: bool = False) -> None:
    """Refuse a folder that holds anything, unless it is a student that may be overwritten.

    Raises:
        OutputError: it exists.
    """
    if folder.is_symlink():
        raise OutputError(f"{folder} is a link: name the folder that it leads to, {folder.resolve()}")
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return
    if not folder.is_dir():
        raise OutputError(f"{folder} is a file: a folder for the student is due")
    if not is_student(folder):
        raise OutputError(f"{folder} exists and holds no student: choose another -o")
    if not overwrite:
        raise OutputError(f"{folder} holds a student: pass --overwrite to replace it, or choose another -o")


def _described(part: Part) -> dict[str, Any]:
    return {"name": part.name, **part.model_dump(mode="json", exclude_defaults=True)}
