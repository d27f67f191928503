"""Who replies: students that are loaded, models that are asked with the care of an annotation, chains that are kept."""

from __future__ import annotations

import logging
from contextlib import ExitStack

from socratic_cli.asking.client import Client
from socratic_cli.asking.replies import Replies
from socratic_cli.authors import Author
from socratic_cli.casting import Coached, Ensemble
from socratic_cli.dialogue import Model
from socratic_cli.errors import InputError, UsageError
from socratic_cli.jobs.evaluating import solutions
from socratic_cli.jobs.paths import Paths
from socratic_cli.parts import Verification
from socratic_cli.settings import Asking
from socratic_cli.stages.chains import Chains
from socratic_cli.stages.verifying import Verifier

log = logging.getLogger(__name__)


def ensemble(author: Author, out: str, width: int, files: ExitStack) -> Model:
    """Return an author with who plays some of its roles; whoever plays several is loaded once.

    Args:
        author: who solves.
        out: the file of solutions; what a paid model replies is kept beside it.
        width: requests of a model at the same time.
        files: closes what was opened.
    """
    own, loaded, players = _model(author, Paths.beside(out), width, files), dict[str, Model](), dict[str, Model]()
    for role, player in author.players.items():
        if player.label not in loaded:
            loaded[player.label] = _model(player, _beside(out, role), width, files)
        players[role] = loaded[player.label]
    return Ensemble(own, players) if players else own


def kept(file: str) -> Model:
    """Return who replies what is kept in a file of chains.

    Raises:
        InputError: the file cannot be read, or a line is no solution.
    """
    return Chains(solutions(file), file)


def require_chains(file: str, author: Author) -> None:
    """Refuse a file that holds no chains of an author's scheme, by its first line, and warn where another wrote them.

    The same student may have been called otherwise, by another path, so that is no fault.

    Raises:
        UsageError: it is standard input, which cannot be looked at beforehand.
        InputError: it cannot be read, or holds something else.
    """
    if file == "-":
        raise UsageError("--from-samples is a file: write what is piped into one first")
    first = next(solutions(file), None)
    if first is None:
        raise InputError(f"{file} is empty: solve --keep-samples writes chains")
    if first.scheme != author.scheme.label:
        raise InputError(
            f"{file} holds chains in the scheme {first.scheme}, and {author.scheme.label} is what is solved in"
        )
    if author.arm is None and first.author != author.label:  # an arm has its recipe's word for it, and another name
        log.warning("%s was written by %s, and its chains are told as those of %s", file, first.author, author.label)


def weigher(verifier: Author | None, out: str, width: int, files: ExitStack) -> Verifier | None:
    """Return who weighs samples, if somebody does."""
    if verifier is None:
        return None
    assert isinstance(verifier.scheme, Verification)
    model = _model(verifier, _beside(out, "verifier"), width, files)
    return Verifier(verifier.scheme, model, verifier.prompted, verifier.saw)


def _model(author: Author, paths: Paths, width: int, files: ExitStack) -> Model:
    """Return who replies: a student, or a teacher that is asked with the same care as in an annotation."""
    asked = _asked(author, paths, width, files)
    return Coached(asked, author.coach) if author.coach is not None else asked


def _asked(author: Author, paths: Paths, width: int, files: ExitStack) -> Model:
    teacher = author.teacher
    if teacher is None:
        return files.enter_context(author.open())
    path = paths.replies_of(teacher, author.scheme)
    replies = files.enter_context(Replies(path)) if teacher.paid else None
    return Client(teacher, Asking(concurrency=width), replies)


def _beside(out: str, role: str) -> Paths:
    """Return the paths of another than the author: its replies have a file of their own, with one writer."""
    return Paths.beside(out) if out == "-" else Paths.beside(f"{out.removesuffix('.jsonl')}.{role}.jsonl")
