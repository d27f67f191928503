"""Who replies: students that are loaded, models that are asked with the care of an annotation, chains that are kept."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from dataclasses import dataclass

from socratic_cli.asking.client import Client
from socratic_cli.asking.replies import Replies
from socratic_cli.authors import Author
from socratic_cli.casting import Coached, Ensemble
from socratic_cli.dialogue import Model
from socratic_cli.errors import InputError, UsageError
from socratic_cli.jobs.evaluating import solutions
from socratic_cli.jobs.paths import Care, Paths
from socratic_cli.parts import Verification
from socratic_cli.settings import Asking
from socratic_cli.stages.chains import Chains
from socratic_cli.stages.verifying import Verifier

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Opening:
    """How whoever replies is opened.

    Attributes:
        out: the file of solutions; what a paid model replies is kept beside it, where `care` names no folder.
        width: problems open at once, and so the requests of a model, where `care` says nothing else.
        care: how models of others are asked.
        files: closes what was opened.
    """

    out: str
    width: int
    care: Care | None
    files: ExitStack

    def model(self, author: Author, role: str = "", *, apart: bool = False) -> Model:
        """Return who replies: a student, or a teacher that is asked with the same care as in an annotation.

        Args:
            author: who it is.
            role: what it plays beside somebody else, if it does.
            apart: others may keep replies of the same model, so these have a file of their own.
        """
        asked = self._client(author, role, apart) or self.files.enter_context(author.open())
        return Coached(asked, author.coach) if author.coach is not None else asked

    def _client(self, author: Author, role: str, apart: bool) -> Model | None:
        teacher = author.teacher
        if teacher is None:
            return None
        if self.care is not None:
            asking, path = self.care.asking, self.care.file(teacher, role if apart else "")
        else:
            asking, path = Asking(concurrency=self.width), self._path(role).replies_of(teacher, author.scheme)
        return Client(teacher, asking, self.files.enter_context(Replies(path)) if teacher.paid else None)

    def _path(self, role: str) -> Paths:
        """Return the paths of an author, or of another, whose replies have a file of their own, with one writer."""
        if self.out == "-" or not role:
            return Paths.beside(self.out)
        return Paths.beside(f"{self.out.removesuffix('.jsonl')}.{role}.jsonl")


def ensemble(author: Author, opening: Opening) -> Model:
    """Return an author with who plays some of its roles; whoever plays several is loaded once."""
    own, loaded, players = opening.model(author), dict[str, Model](), dict[str, Model]()
    for role, player in author.players.items():
        if player.label not in loaded:
            loaded[player.label] = opening.model(player, role)
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


def weigher(verifier: Author | None, opening: Opening) -> Verifier | None:
    """Return who weighs samples, if somebody does."""
    if verifier is None:
        return None
    assert isinstance(verifier.scheme, Verification)
    model = opening.model(verifier, "verifier", apart=True)
    return Verifier(verifier.scheme, model, verifier.prompted, verifier.saw)
