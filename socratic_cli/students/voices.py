"""The models of a student's roles, loaded to be asked by transformers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from transformers import PreTrainedModel

from socratic_cli.backends import Weights
from socratic_cli.errors import UsageError
from socratic_cli.students import adapters
from socratic_cli.students.generation import Voice
from socratic_cli.students.hardware import device, precision
from socratic_cli.students.merging import merged
from socratic_cli.students.packing import pack
from socratic_cli.students.tokens import Tokens
from socratic_cli.students.weights import Source, load_model, load_tokenizer


def voices(weights: Weights, *, merge: bool | None = None) -> Callable[[str], Voice]:
    """Load the models of all roles, or the untrained base, and return who speaks for a role.

    Args:
        weights: where they are.
        merge: whether each role gets a copy of the base, its adapter merged into it; if not, the adapters take turns
            on one base. None: on a CPU, unless the base is quantised.

    Raises:
        StudentError: they cannot be loaded.
        UsageError: a quantised base was to be merged with adapters.
    """
    if weights.folder is None:
        only = _ready(_base(weights), weights.base, weights.revision)
        return lambda _: only
    if weights.adapted and not _merges(weights, merge):
        by_role = _adapted(weights, weights.folder)
    else:
        by_role = {role: _whole(weights, role) for role in weights.roles}
    return lambda role: by_role[weights.played_by(role)]


def _merges(weights: Weights, asked: bool | None) -> bool:
    if asked and weights.bits:
        raise UsageError(f"adapters on a base in {weights.bits} bit cannot be merged with it: leave merge out")
    return asked if asked is not None else not weights.bits and device().type == "cpu"


def _base(weights: Weights) -> PreTrainedModel:
    return load_model(Source(weights.base, weights.revision, precision(weights.dtype), weights.bits))


def _ready(model: PreTrainedModel, tokenizer: str, revision: str | None = None) -> Voice:
    pack(model)
    return Voice(model, Tokens(load_tokenizer(tokenizer, revision)))


def _whole(weights: Weights, role: str) -> Voice:
    """Return who speaks for a role by a model of its own."""
    return _ready(merged(weights, role, precision(weights.dtype)), str(Path(weights.folder or "") / role))


def _adapted(weights: Weights, folder: Path) -> dict[str, Voice]:
    """Return who speaks for each role by an adapter on one base."""
    model = _base(weights)
    switched = adapters.attach(model, folder, weights.roles)
    pack(model)

    def voice(role: str) -> Voice:
        return Voice(model, Tokens(load_tokenizer(str(folder / role))), lambda: switched.set_adapter(role))

    return {role: voice(role) for role in weights.roles}
