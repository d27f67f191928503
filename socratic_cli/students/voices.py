"""The models of a student's roles, loaded to be asked by transformers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from socratic_cli.backends import Weights
from socratic_cli.students import adapters
from socratic_cli.students.generation import Voice
from socratic_cli.students.tokens import Tokens
from socratic_cli.students.weights import Source, load_model, load_tokenizer, precision


def voices(weights: Weights) -> Callable[[str], Voice]:
    """Load the models of all roles, or the untrained base, and return who speaks for a role.

    Raises:
        StudentError: they cannot be loaded.
    """
    folder = weights.folder
    if folder is None:
        only = Voice(load_model(_source(weights)), Tokens(load_tokenizer(weights.base, weights.revision)))
        return lambda _: only
    by_role = _adapted(weights, folder) if weights.adapted else _full(weights)
    return lambda role: by_role[weights.played_by(role)]


def _source(weights: Weights, role: str | None = None) -> Source:
    """Return where the model is that plays a saved role: the base, or one that was fine-tuned in full."""
    return Source(*weights.model_of(role), precision(weights.dtype), weights.bits)


def _full(weights: Weights) -> dict[str, Voice]:
    def voice(role: str) -> Voice:
        source = _source(weights, role)
        return Voice(load_model(source), Tokens(load_tokenizer(source.model)))

    return {role: voice(role) for role in weights.roles}


def _adapted(weights: Weights, folder: Path) -> dict[str, Voice]:
    model = load_model(_source(weights))
    switched = adapters.attach(model, folder, weights.roles)

    def voice(role: str) -> Voice:
        return Voice(model, Tokens(load_tokenizer(str(folder / role))), lambda: switched.set_adapter(role))

    return {role: voice(role) for role in weights.roles}
