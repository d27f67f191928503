"""Recipes: a whole experiment in one YAML file, typed, with errors that name file and line, all at once.

YAML 1.2 through ruamel.yaml: 3e-4 is a number, `no` is a word, a doubled key is an error, and every key knows its line.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, Field, ValidationError, field_validator
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from socratic_cli import plugins, tracking
from socratic_cli.errors import MissingPackage, RecipeError, UsageError, did_you_mean
from socratic_cli.parts import Part, Scheme, Student, Teacher
from socratic_cli.settings import Annotation, Asking, Decoding, Selection, Settings, Training

Spec = str | dict[str, Any]
P = TypeVar("P", bound=Part)


class Source(Selection):
    """Problems: a data set and split, or a file, and which of them."""

    source: str = Field(description="gsm8k/train, arithmetic:2-3/test, a JSONL file.")


class Arm(Settings):
    """One way to make a student; what it leaves out is the recipe's."""

    scheme: Spec = Field(description="How reasoning is written down.")
    teacher: Spec | None = Field(None, description="Who writes the annotations.")
    students: tuple[Spec, ...] | None = Field(None, description="Who is trained.")
    trained: bool = Field(True, description="False: the untrained student, prompted with exemplars.")
    oracle: tuple[str, ...] = Field((), description="Roles that reply with the gold rationale when solving.")
    training: dict[str, Any] = Field(default_factory=dict, description="Training settings that differ.")
    decoding: dict[str, Any] = Field(default_factory=dict, description="Decoding settings that differ.")
    seeds: tuple[int, ...] | None = Field(None, description="Seeds that differ.")


class Recipe(Settings):
    """An experiment: every arm with every student and seed, trained on `train` and scored on `test`."""

    name: str = Field(
        "recipe", pattern=r"^[\w.-]+$", description="Names the folder of the results [default: the file]."
    )
    train: Source
    test: Source
    teacher: Spec = Field("gold", description="Who writes the annotations.")
    students: tuple[Spec, ...] = Field(description="Who is trained.")
    annotation: Annotation = Annotation()
    asking: Asking = Asking()
    training: Training = Training()
    decoding: Decoding = Decoding()
    seeds: tuple[int, ...] = (0,)
    arms: dict[str, Arm] = Field(min_length=1, description="Name of the arm: its scheme and what differs.")

    @field_validator("train", "test", mode="before", json_schema_input_type=str | Source)
    @classmethod
    def _short_source(cls, value: Any) -> Any:
        return {"source": value} if isinstance(value, str) else value

    @field_validator("arms", mode="before", json_schema_input_type=dict[str, str | Arm])
    @classmethod
    def _short_arms(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: {"scheme": arm} if isinstance(arm, str) else arm for name, arm in value.items()}


def read(path: Path, overrides: Iterable[str] = ()) -> Recipe:
    """Read a recipe; `overrides` are `a.b=value`, with the value in YAML.

    Raises:
        RecipeError: all faults of the file, each with its line.
    """
    tree = _parsed(path)
    for override in overrides:
        _set(tree, override)
    tree.setdefault("name", path.stem)
    try:
        recipe = Recipe.model_validate(_plain(tree))
    except ValidationError as fault:
        raise _all_faults(path, tree, _schema_faults(fault)) from None
    faults = list(_part_faults(recipe))
    if faults:
        raise _all_faults(path, tree, faults)
    return recipe


def merged(settings: Settings, changes: Mapping[str, Any]) -> Any:
    """Return settings with some changed; epochs and max_steps displace one another."""
    given = settings.model_dump(exclude_unset=True)
    if "max_steps" in changes:
        given.pop("epochs", None)
    if "epochs" in changes:
        given.pop("max_steps", None)
    return type(settings).model_validate({**given, **changes})


def _parsed(path: Path) -> CommentedMap:
    try:
        tree = YAML(typ="rt").load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as fault:
        raise RecipeError(f"{path} cannot be read: {fault}") from fault
    except MarkedYAMLError as fault:
        line = fault.problem_mark.line + 1 if fault.problem_mark else 1
        raise RecipeError(f"{path}:{line}: {str(fault.problem).partition(chr(10))[0]}") from None
    except YAMLError as fault:
        raise RecipeError(f"{path}: {fault}") from None
    if not isinstance(tree, CommentedMap):
        raise RecipeError(f"{path}:1: a recipe is a mapping of keys to values")
    return tree


def _set(tree: CommentedMap, override: str) -> None:
    key, equals, text = override.partition("=")
    if not equals:
        raise RecipeError(f"--set {override}: write --set key.key=value")
    *parents, last = key.split(".")
    place: Any = tree
    for parent in parents:
        if isinstance(place, dict) and isinstance(place.get(parent), str):
            # A short form (`train: gsm8k/train`, `cot: cot`) grows into its long one.
            place[parent] = CommentedMap({"source" if parent in ("train", "test") else "scheme": place[parent]})
        place = place.setdefault(parent, CommentedMap()) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            raise RecipeError(f"--set {override}: {parent!r} holds no keys")
    try:
        place[last] = YAML(typ="safe").load(StringIO(text))
    except YAMLError:
        raise RecipeError(f"--set {override}: {text!r} is not a YAML value") from None


def _plain(value: Any) -> Any:
    """Return ruamel's tree as plain Python."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, float) else value


Fault = tuple[tuple[str | int, ...], str]


def _schema_faults(error: ValidationError) -> Iterator[Fault]:
    for fault in error.errors():
        location = fault["loc"]
        # A union's branches (text or mapping) each complain: their names are not keys of the file.
        location = tuple(key for key in location if key not in ("str", "dict[str,any]"))
        if fault["type"] == "extra_forbidden":
            known = list(_model_at(location[:-1]).model_fields)
            yield location, f"unknown key {str(location[-1])!r}.{did_you_mean(str(location[-1]), known)}"
        elif fault["type"] == "missing":
            yield location, f"the key {str(location[-1])!r} is missing"
        else:
            text = str(fault["msg"]).removeprefix("Value error, ")
            yield location, f"{text[0].lower()}{text[1:]} (got {str(fault['input'])[:60]!r})"


def _model_at(location: tuple[str | int, ...]) -> type[BaseModel]:
    places: dict[str, type[BaseModel]] = {
        "train": Source,
        "test": Source,
        "training": Training,
        "decoding": Decoding,
        "arms": Arm,
    }
    return places.get(str(location[0]), Recipe) if location else Recipe


def _part_faults(recipe: Recipe) -> Iterator[Fault]:
    """Load every part the recipe names, so that a wrong name is told before an hour of training."""
    yield from _check(Teacher, recipe.teacher, ("teacher",))
    for at, student in enumerate(recipe.students):
        yield from _check(Student, student, ("students", at))
    yield from _tracker_faults(recipe.training, ("training", "tracker"))
    for name, arm in recipe.arms.items():
        yield from _check(Scheme, arm.scheme, ("arms", name, "scheme"))
        if arm.teacher is not None:
            yield from _check(Teacher, arm.teacher, ("arms", name, "teacher"))
        for at, student in enumerate(arm.students or ()):
            yield from _check(Student, student, ("arms", name, "students", at))
        for key, settings in (("training", recipe.training), ("decoding", recipe.decoding)):
            try:
                changed = merged(settings, getattr(arm, key))
                if "tracker" in getattr(arm, key):
                    yield from _tracker_faults(changed, ("arms", name, key, "tracker"))
            except ValidationError as fault:
                for text in plugins.explain(fault, type(settings)):
                    yield ("arms", name, key), text


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


def _all_faults(path: Path, tree: CommentedMap, faults: Iterable[Fault]) -> RecipeError:
    lines = [f"{path}:{_line(tree, location)}: {_dotted(location)}{text}" for location, text in faults]
    return RecipeError("\n".join(dict.fromkeys(lines)))


def _dotted(location: tuple[str | int, ...]) -> str:
    return f"{'.'.join(map(str, location))}: " if location else ""


def _line(tree: Any, location: tuple[str | int, ...]) -> int:
    """Return the line of the deepest key of `location` that is in the file."""
    line = 1
    for key in location:
        try:
            line = tree.lc.item(key)[0] + 1 if isinstance(tree, CommentedSeq) else tree.lc.key(key)[0] + 1
            tree = tree[key]
        except (KeyError, AttributeError, TypeError, IndexError):
            break
    return int(line)
