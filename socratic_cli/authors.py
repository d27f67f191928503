"""Who can write solutions: a trained student, an untrained one, or a teacher."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from socratic_cli import plugins
from socratic_cli.card import NAME as CARD
from socratic_cli.dialogue import Model
from socratic_cli.errors import UsageError, did_you_mean
from socratic_cli.hashing import sha256
from socratic_cli.parts import Scheme, Student, Teacher, Verification
from socratic_cli.settings import Decoding
from socratic_cli.trained import TrainedStudent, is_student


@dataclass(frozen=True)
class Author:
    """A model with the scheme it writes in; `teacher` is it where it is one, since it must be asked with care.

    `arm` and `seed` go into its solutions, if it is one of several that differ by their seed only. `learnt` are the
    roles it was trained for, as far as it is known. `players` play roles instead of it, and `roles` names them; `coach`
    is the scheme by which a model that was not trained is told its roles (see `casting`). `fingerprint` is of the card
    of a trained student, which no two trainings write alike. A student can be sent to another process, which opens it
    there.
    """

    label: str
    scheme: Scheme
    prompted: bool
    open: Callable[[], AbstractContextManager[Model]]
    saw: Callable[[str], bool]
    teacher: Teacher | None = None
    arm: str | None = None
    seed: int | None = None
    learnt: tuple[str, ...] = ()
    players: Mapping[str, Author] = field(default_factory=dict)
    roles: Mapping[str, str] = field(default_factory=dict)
    coach: Scheme | None = None
    fingerprint: str | None = None


def is_teacher(target: str) -> bool:
    """Say whether a teacher is named."""
    return plugins.parse(target)["name"] in plugins.names(Teacher)


def is_known(target: str) -> bool:
    """Say whether a student or a teacher is named, and not, perhaps, a file of problems."""
    if is_student(target):
        return True
    return not Path(target).exists() and plugins.parse(target)["name"] in {
        *plugins.names(Student),
        *plugins.names(Teacher),
    }


def find(target: str, scheme: Scheme | None, decoding: Decoding, **options: Any) -> Author:
    """Return the author that `target` names: a folder of `socratic train`, a student's name, or a teacher's.

    Args:
        target: `s/`, `smollm2-135m`, `huggingface:gpt2`, `litellm:openai/gpt-4.1-mini` ...
        scheme: how an untrained author is prompted; a trained student brings its own, and takes another only if that
            asks it the same.
        decoding: how a student writes.
        options: options of the student or teacher.

    Raises:
        UsageError: an unknown name, or a scheme for a student that learnt another.
    """
    if is_student(target):
        student = _solver(TrainedStudent.load(target, decoding, **options))
        if scheme is not None and not scheme.agrees(student.scheme):
            raise UsageError(
                f"{target} was trained as {student.scheme.label}, not as {scheme.label}: leave --scheme out"
            )
        require_roles(student.scheme, decoding)
        return trained(student, scheme)
    name = plugins.parse(target)["name"]
    if not is_teacher(target) and name not in plugins.names(Student):
        raise UsageError(_unknown(target, name))
    if scheme is None:
        raise UsageError(f"{target} was not trained: say with --scheme how to prompt it")
    if is_teacher(target):
        return _teacher(plugins.load(Teacher, target, **options), scheme)
    return untrained(plugins.load(Student, target, **options), scheme, decoding)


def require_roles(scheme: Scheme, decoding: Decoding) -> None:
    """Refuse limits of roles that a scheme has not.

    Raises:
        UsageError: it has no such role.
    """
    for fault in scheme.role_faults(decoding.max_new_tokens_of):
        raise UsageError(f"max_new_tokens_of: {fault}")


def _unknown(target: str, name: str) -> str:
    known = [*plugins.names(Student), *plugins.names(Teacher)]
    return (
        f"{target!r} is neither a folder with a trained student nor an installed student or teacher."
        f"{did_you_mean(name, known)} Installed: {', '.join(known)}."
    )


def find_verifier(target: str, decoding: Decoding, **options: Any) -> Author:
    """Return the verifier that `target` names: a folder of `socratic train --scheme verifier`, or a model to prompt.

    Raises:
        UsageError: an unknown name, or a student that is no verifier.
    """
    # nothing is written, so nothing is sampled or calculated
    weighing = Decoding(batch_size=decoding.batch_size, backend=decoding.backend)
    if not is_student(target):
        return find(target, plugins.load(Scheme, Verification.verifier), weighing, **options)
    student = TrainedStudent.load(target, weighing, **options)
    if not isinstance(student.scheme, Verification):
        raise UsageError(
            f"{target} was trained as {student.scheme.label} and is no verifier: socratic solve --keep-samples writes"
            " what socratic train --scheme verifier makes one of"
        )
    return trained(student)


def _solver(student: TrainedStudent) -> TrainedStudent:
    if isinstance(student.scheme, Verification):
        raise UsageError(
            f"{student.folder} is a verifier and solves nothing itself: socratic solve STUDENT --verifier"
            f" {student.folder} --samples 8 --temperature 0.7"
        )
    return student


def trained(student: TrainedStudent, scheme: Scheme | None = None) -> Author:
    """Return a trained student as an author, in its own scheme or one that agrees with it."""
    learnt = tuple(trained.role for trained in student.card.roles if trained.role in student.scheme.roles)
    return Author(
        str(student.folder),
        scheme or student.scheme,
        False,
        student.model,
        student.saw,
        learnt=learnt,
        fingerprint=sha256(student.folder / CARD)[:16],
    )


def untrained(student: Student, scheme: Scheme, decoding: Decoding) -> Author:
    """Return a student's untrained base as an author.

    Raises:
        UsageError: it has no backends, and one is named.
    """
    student.require_backend(decoding)
    return Author(f"{student.label} (untrained)", scheme, True, partial(student.model, None, decoding), _never)


def renamed(author: Author, label: str, arm: str | None = None, seed: int | None = None) -> Author:
    """Return the same author under another name, perhaps as one of the seeds of an arm."""
    return replace(author, label=label, arm=arm, seed=seed)


def _teacher(teacher: Teacher, scheme: Scheme) -> Author:
    return Author(teacher.label, scheme, True, lambda: nullcontext(teacher), _never, teacher)


def _never(_question: str) -> bool:
    return False
