"""Where scored solutions come from, what is known of their making, and what their authors may have learnt from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from socratic_cli import jsonl, plugins, sources
from socratic_cli.card import NAME as CARD
from socratic_cli.errors import InputError, SocraticError
from socratic_cli.fingerprints import weights
from socratic_cli.hashing import sha256
from socratic_cli.parts import Scheme
from socratic_cli.prompts import PROBLEM
from socratic_cli.records import Problem
from socratic_cli.scoring.evaluation import Origin
from socratic_cli.scoring.leaks import Known

STAGE = "stage.json"
"""What a recipe's stage leaves in its folder when it is done."""
_MANIFEST = "manifest.json"
# What differs between any two runs and says nothing of how they were made.
_IDLE = ("began", "seconds", "sampling", "key", "scores", "spent", "solved", "kept", "rejected", "leaked")
_SHOWN = 20


def file_origin(path: str, solutions: int, student: Path | None = None) -> Origin:
    """Return a file of solutions as an origin, with what made it as far as that is known."""
    place = Path(path)
    facts = {**(_student_facts(student) if student else {}), **_manifest_facts(place.parent)}
    return Origin(path, sha256(place) if place.is_file() else None, solutions, facts)


def folder_origin(folder: Path, name: str, solutions: int, earlier: Iterable[Origin]) -> Origin:
    """Return an earlier evaluation as an origin; what its own origins were made with is handed on."""
    facts = {key: value for origin in earlier for key, value in origin.facts.items()}
    return Origin(str(folder), sha256(folder / name), solutions, {**facts, **_manifest_facts(folder)})


def solving_seconds(path: str, solutions: int) -> float | None:
    """Return by the clock what solving into a file took: known of a recipe's stages, if all was solved in one go."""
    mark = Path(path).parent / STAGE
    told = read_mark(mark)
    if told.get("solved") != solutions or told.get("resumed"):
        return None
    parts = (told.get("seconds"), told.get("sampling", 0))
    return sum(parts) if None not in parts else None


def read_mark(path: Path) -> dict[str, Any]:
    """Return what a stage left of itself; nothing where it left none, or a machine that lost its power half of it."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def _student_facts(folder: Path) -> dict[str, str]:
    """Return the card of a student and the fingerprints of its weights."""
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    return dict(_flat({"student": card, "weights": weights(folder)}))


def _manifest_facts(folder: Path) -> dict[str, str]:
    """Return what the manifest of the run says that a folder belongs to, if it belongs to one."""
    for place in (folder, *list(folder.resolve().parents)[:2]):
        path = place / _MANIFEST
        if path.is_file():
            try:
                return dict(_flat(json.loads(path.read_text(encoding="utf-8"))))
            except ValueError as fault:
                raise InputError(f"{path} is not JSON: {fault}") from None
    return {}


def _flat(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _IDLE:
                # A stage's folder ends in its key: without it, stages of two runs are the same.
                yield from _flat(inner, f"{path}.{_without_key(key)}" if path else key)
    elif value is not None:
        yield path, value if isinstance(value, str) else json.dumps(value)


def _without_key(name: str) -> str:
    stem, dash, end = name.rpartition("-")
    return stem if dash and len(end) == 8 and set(end) <= set("0123456789abcdef") else name


def differences(origins: Iterable[Origin]) -> Iterator[str]:
    """Yield sentences on how the makings of two origins differ, where both are known."""
    known = [origin for origin in origins if origin.facts]
    if len(known) != 2:
        return
    old, new = known
    keys = [key for key in {**old.facts, **new.facts} if old.facts.get(key) != new.facts.get(key)]
    if not keys:
        yield f"{old.path} and {new.path} were made alike, as far as their manifests tell."
        return
    yield f"{new.path} was made otherwise than {old.path}, in {len(keys)} particulars:"
    for key in keys[:_SHOWN]:
        yield f"- {key}: {_short(old.facts.get(key))} -> {_short(new.facts.get(key))}"
    if len(keys) > _SHOWN:
        yield f"- and {len(keys) - _SHOWN} more"


def _short(value: str | None) -> str:
    return "nothing" if value is None else value if len(value) <= 60 else f"{value[:57]}..."


def training_questions(ref: str, question_field: str | None, data_dir: Path | None) -> Iterator[Known]:
    """Yield the questions of annotations, of a file of problems or of a split, for a search for leaks."""
    if Path(ref).is_file():
        yield from jsonl.read(ref, lambda line: Known(_question(line, question_field or "question"), ref))
    else:
        yield from (Known(problem.question, ref) for problem in sources.resolve(ref, data_dir=data_dir))


def _question(line: jsonl.Line, field: str) -> str:
    record = line.value.get("problem")
    found = record.get("question") if isinstance(record, dict) else line.value.get(field)
    if not isinstance(found, str):
        raise InputError(f"{line.where}: there is no question. Name its field with --question-field.")
    return found


def exemplar_questions(schemes: Iterable[str]) -> Iterator[Known]:
    """Yield the questions that prompted models are shown in the schemes of these labels."""
    for label in dict.fromkeys(schemes):
        try:
            scheme = plugins.load(Scheme, label)
            turn = next(scheme.annotate(Problem(id="", question="?")))
        except (SocraticError, StopIteration):
            continue  # another tool's, or one that is not installed here
        for shot in turn.shots:
            text = shot.prompt.partition(f"<{PROBLEM}>")[2].partition(f"</{PROBLEM}>")[0]
            yield Known((text or shot.prompt).strip(), f"exemplars of {scheme.name} ({scheme.exemplars})")
