"""A recipe's file: YAML 1.2 through ruamel.yaml, so 3e-4 is a number, `no` a word, and every key knows its line."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from socratic_cli import plugins
from socratic_cli.errors import RecipeError, did_you_mean
from socratic_cli.recipe.experiment import Arm, Recipe, Source, Verifying
from socratic_cli.recipe.faults import Fault, part_faults
from socratic_cli.settings import Annotation, Asking, Decoding, Training


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
    faults = list(part_faults(recipe))
    if faults:
        raise _all_faults(path, tree, faults)
    return recipe


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
            place[parent] = CommentedMap(_long_form(parent, place[parent]))
        place = place.setdefault(parent, CommentedMap()) if isinstance(place, dict) else None
        if not isinstance(place, dict):
            raise RecipeError(f"--set {override}: {parent!r} holds no keys")
    try:
        place[last] = YAML(typ="safe").load(StringIO(text))
    except YAMLError:
        raise RecipeError(f"--set {override}: {text!r} is not a YAML value") from None


def _long_form(key: str, text: str) -> dict[str, Any]:
    """Return what a short form (`train: gsm8k/train`, `teacher: gold`, `cot: cot`) grows into when one of its keys is
    set."""
    if key in ("train", "test"):
        return {"source": text}
    return plugins.parse(text) if key in ("teacher", "scheme", "solving", "student") else {"scheme": text}


def _plain(value: Any) -> Any:
    """Return ruamel's tree as plain Python."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return float(value) if isinstance(value, float) else value


def _schema_faults(error: ValidationError) -> Iterator[Fault]:
    for fault in error.errors():
        location = fault["loc"]
        # A union's branches (text or mapping) each complain: their names are not keys of the file.
        location = tuple(key for key in location if key not in ("str", "dict[str,any]"))
        if fault["type"] == "extra_forbidden" and location[0] == "arms" and location[2:] == ("oracle",):
            yield (
                location,
                "an oracle is a casting: castings: [{planner: gold}] solves once more with gold in that role",
            )
        elif fault["type"] == "extra_forbidden":
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
        "annotation": Annotation,
        "asking": Asking,
        "arms": Arm,
    }
    if location[0:1] == ("arms",) and location[2:] == ("verifier",):
        return Verifying
    return places.get(str(location[0]), Recipe) if location else Recipe


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
