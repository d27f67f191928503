"""Which passages a model can read as a whole: asked of every role before the first of them is trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from socratic_cli.backends import JOINT
from socratic_cli.dialogue import Passage
from socratic_cli.errors import StudentError
from socratic_cli.students.tokens import Sequence, Tokens


@dataclass(frozen=True, slots=True)
class Fitting:
    """The sequences of a role that are short enough, and how many are not."""

    role: str
    sequences: list[Sequence]
    left_out: int


def fitting(role: str, passages: Iterable[Passage], tokens: Tokens, limit: int) -> Fitting:
    """Tokenise the passages of a role, and leave out what has more than `limit` tokens.

    Raises:
        StudentError: that leaves nothing.
    """
    encoded = [tokens.passage(passage) for passage in passages]
    fits = [sequence for sequence in encoded if len(sequence) <= limit]
    if not fits:
        shortest = min(map(len, encoded))
        raise StudentError(
            f"every sequence of the {role} is longer than {limit} tokens (the shortest has {shortest}):"
            " raise max_length, or take a model with a longer context"
        )
    return Fitting(role, fits, len(encoded) - len(fits))


def together(fits: Iterable[Fitting], weights: Mapping[str, float]) -> Fitting:
    """Return the sequences of all roles as one role's, each with the weight of its own in the loss."""
    known = list(fits)
    sequences = [replace(sequence, weight=weights.get(fit.role, 1.0)) for fit in known for sequence in fit.sequences]
    return Fitting(JOINT, sequences, sum(fit.left_out for fit in known))
