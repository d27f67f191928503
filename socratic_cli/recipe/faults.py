"""What is wrong with the parts that a recipe names, before an hour of training shows it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from socratic_cli import plugins, tracking
from socratic_cli.authors import is_known
from socratic_cli.backends import Backend
from socratic_cli.errors import MissingPackage, UsageError
from socratic_cli.parts import Part, Scheme, Student, Teacher, Verification
from socratic_cli.recipe.experiment import Arm, Recipe, Spec, merged, sampling
from socratic_cli.records import GOLD
from socratic_cli.settings import Settings, Training
from socratic_cli.voting import chosen_by

P = TypeVar("P", bound=Part)
Fault = tuple[tuple[str | int, ...], str]
"""Where in the recipe, and what."""


def part_faults(recipe: Recipe) -> Iterator[Fault]:
    """Yield the faults of all parts and settings that a recipe names, by loading every one."""
    yield from _check(Teacher, recipe.teacher, ("teacher",))
    for at, student in enumerate(recipe.students):
        yield from _check(Student, student, ("students", at))
    yield from _tracker_faults(recipe.training, ("training", "tracker"))
    yield from _pipe_faults(recipe)
    yield from _seed_faults(recipe)
    yield from _doubled_faults(recipe)
    for name, arm in recipe.arms.items():
        yield from _check(Scheme, arm.scheme, ("arms", name, "scheme"))
        if arm.teacher is not None:
            yield from _check(Teacher, arm.teacher, ("arms", name, "teacher"))
        for at, student in enumerate(arm.students or ()):
            yield from _check(Student, student, ("arms", name, "students", at))
        for key in ("annotation", "training", "decoding"):
            yield from _check_settings(getattr(recipe, key), getattr(arm, key), ("arms", name, key))
        yield from _solving_faults(arm, ("arms", name, "solving"))
        yield from _backend_faults(recipe, arm, ("arms", name))
        yield from _limit_faults(arm, ("arms", name, "decoding"))
        yield from _casting_faults(recipe, arm, ("arms", name, "castings"))
        yield from _verifier_faults(recipe, arm, ("arms", name))


def _seed_faults(recipe: Recipe) -> Iterator[Fault]:
    """Yield seeds that would not be heeded, since `seeds` says which there are."""
    given: list[tuple[tuple[str | int, ...], Collection[str]]] = [
        (("training",), recipe.training.model_fields_set),
        (("decoding",), recipe.decoding.model_fields_set),
    ]
    for name, arm in recipe.arms.items():
        given += [(("arms", name, "training"), arm.training), (("arms", name, "decoding"), arm.decoding)]
        if arm.verifier is not None:
            at = ("arms", name, "verifier")
            given += [((*at, "training"), arm.verifier.training), ((*at, "decoding"), arm.verifier.decoding)]
    for location, settings in given:
        if "seed" in settings:
            yield (*location, "seed"), "a recipe says its seeds once, for all that is random: write seeds: [7]"


def _pipe_faults(recipe: Recipe) -> Iterator[Fault]:
    """Yield problems that are piped in: a recipe reads them to plan, and once more in its stages."""
    for key in ("train", "test"):
        if getattr(recipe, key).source == "-":
            yield (key, "source"), "a recipe reads its problems more than once: name a file"


def _doubled_faults(recipe: Recipe) -> Iterator[Fault]:
    """Yield seeds, students and castings that are named twice, which would count as two and be one; and none."""
    for location, owner in [((), recipe), *((("arms", name), arm) for name, arm in recipe.arms.items())]:
        for key in ("seeds", "students", "castings"):
            given = getattr(owner, key, None)
            if given == () and key != "castings":
                yield (*location, key), "there is none: name one at least, or leave the key out"
            values = [_same_again(key, value) for value in given or ()]
            for at, value in enumerate(values):
                if value in values[:at]:
                    yield (*location, key, at), f"{value} is there twice, and would count as two"
                elif value == {}:
                    yield (*location, key, at), "a casting names who plays a role: {decomposer: gold}"


def _same_again(key: str, value: Any) -> Any:
    """Return what two spellings of one thing have in common."""
    part = _loaded(Student, value) if key == "students" else None
    return value if part is None else part.label


def _solving_faults(arm: Arm, location: tuple[str, ...]) -> Iterator[Fault]:
    """Yield a scheme of solving that asks a student what it did not learn."""
    if arm.solving is None:
        return
    yield from _check(Scheme, arm.solving, location)
    learnt, played = _loaded(Scheme, arm.scheme), _loaded(Scheme, arm.solving)
    if not arm.trained:
        yield location, "an untrained arm solves in its scheme: leave solving out"
    elif learnt is not None and played is not None and not played.agrees(learnt):
        yield location, f"{played.label} asks otherwise than {learnt.label}, which the student learns"


def _backend_faults(recipe: Recipe, arm: Arm, location: tuple[str, ...]) -> Iterator[Fault]:
    """Yield a backend that is not there, or that a student of the arm does not know."""
    decoding = _merged(recipe.decoding, arm.decoding)
    if decoding is None:
        return
    yield from _check(Backend, decoding.backend, (*location, "decoding"))
    for student in (_loaded(Student, spec) for spec in arm.students or recipe.students):
        try:
            if student is not None:
                student.require_backend(decoding)
        except UsageError as fault:
            yield (*location, "decoding"), str(fault)


def _limit_faults(arm: Arm, location: tuple[str, ...]) -> Iterator[Fault]:
    """Yield limits of roles that the arm's scheme has not; the recipe's own are for whichever arm has the role."""
    limits, scheme = arm.decoding.get("max_new_tokens_of"), _loaded(Scheme, arm.scheme)
    if isinstance(limits, Mapping) and scheme is not None:
        for fault in scheme.role_faults(map(str, limits)):
            yield location, f"max_new_tokens_of: {fault}"


def _casting_faults(recipe: Recipe, arm: Arm, location: tuple[str, ...]) -> Iterator[Fault]:
    """Yield what is wrong with who is to play roles of an arm's student."""
    if not arm.castings:
        return
    if not arm.trained:
        yield location, "an untrained arm is prompted for the whole, and has no roles that others could play"
    decoding = _merged(recipe.decoding, arm.decoding)
    samples = decoding.samples if decoding is not None else arm.decoding.get("samples")
    if arm.verifier is not None or (isinstance(samples, int) and samples > 1):
        yield location, "a casting solves each problem once: leave samples and the verifier out, or make it another arm"
    scheme = _loaded(Scheme, arm.scheme)
    if scheme is None:
        return
    for at, casting in enumerate(arm.castings):
        for fault in scheme.role_faults(casting):
            yield (*location, str(at)), fault
        for who in casting.values():
            if who != GOLD and not is_known(who):
                yield (*location, str(at)), f"{who!r} is neither gold, a student's folder nor a model to prompt"
        if all(role in casting for role in scheme.roles):
            yield (*location, str(at)), "the student has no role left to play"


def _verifier_faults(recipe: Recipe, arm: Arm, location: tuple[str, ...]) -> Iterator[Fault]:
    if _is_verification(arm.scheme):
        yield (*location, "scheme"), "a verifier solves nothing itself: give the arm that it weighs the key 'verifier'"
    wanted, at = arm.verifier, (*location, "verifier")
    try:
        decoding = merged(recipe.decoding, arm.decoding)
        chosen_by(decoding.samples, wanted is not None, decoding.choose)
    except UsageError as fault:
        yield at if wanted else (*location, "decoding"), str(fault)
    except ValidationError:
        return  # told already
    if wanted is None:
        return
    yield from _check(Scheme, wanted.scheme, (*at, "scheme"))
    if _is_verification(wanted.scheme) is False:
        yield (*at, "scheme"), "this is the scheme of no verifier"
    if wanted.student is not None:
        yield from _check(Student, wanted.student, (*at, "student"))
    training = _merged(recipe.training, arm.training)
    if training is not None:
        yield from _check_settings(training, wanted.training, (*at, "training"))
    yield from _check_settings(recipe.decoding, sampling(arm, wanted), (*at, "decoding"))


def _merged(settings: Settings, changes: Mapping[str, Any]) -> Any:
    """Return changed settings, or None where they cannot be, which is told already."""
    try:
        return merged(settings, changes)
    except ValidationError:
        return None


def _is_verification(scheme: Spec) -> bool | None:
    loaded = _loaded(Scheme, scheme)
    return None if loaded is None else isinstance(loaded, Verification)


def _loaded(kind: type[P], spec: Spec) -> P | None:
    """Return a part, or None where it cannot be loaded, which is told already."""
    try:
        return plugins.load(kind, spec)
    except UsageError:
        return None


def _check_settings(settings: Settings, changes: Mapping[str, Any], location: tuple[str, ...]) -> Iterator[Fault]:
    try:
        changed = merged(settings, changes)
        if "tracker" in changes:
            yield from _tracker_faults(changed, (*location, "tracker"))
    except ValidationError as fault:
        for text in plugins.explain(fault, type(settings)):
            yield location, text


def _tracker_faults(training: Training, location: tuple[str | int, ...]) -> Iterator[Fault]:
    try:
        tracking.require(training)
    except MissingPackage as fault:
        yield location, str(fault)


def _check(kind: type[P], spec: Spec, location: tuple[str | int, ...]) -> Iterator[Fault]:
    try:
        plugins.load(kind, spec)
    except UsageError as fault:
        yield location, str(fault)
