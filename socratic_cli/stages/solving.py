"""One dialogue about a problem, and the solution that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from socratic_cli.answers import same_answer
from socratic_cli.dialogue import Dialogue, Model, Transcript, Unanswered, play
from socratic_cli.errors import TeacherError, TeacherUnusable, UsageError
from socratic_cli.parts import Scheme
from socratic_cli.records import GOLD, Problem, Rationale, Solution
from socratic_cli.stages.oracle import Oracle
from socratic_cli.voting import Voted

Seen = Callable[[str], bool]
"""Says whether a question was in a training set."""


@dataclass(frozen=True)
class Solving:
    """A model that solves problems in a scheme.

    Raises:
        UsageError: gold cannot reply for the roles of a prompted model.
    """

    scheme: Scheme
    model: Model
    author: str
    prompted: bool
    roles: tuple[str, ...]
    seen: Seen | None
    players: Mapping[str, str]

    def __post_init__(self) -> None:
        if self.prompted and self.roles:
            raise UsageError("an oracle replies for roles of trained students: a prompted model has none")

    def chain(self, problem: Problem) -> Dialogue:
        """Return the dialogue about a problem, without anything gold."""
        if not self.prompted:
            return self.scheme.solve(problem.blind())
        return self.scheme.model_copy(update={"show": ()}).annotate(problem.blind())

    async def solution(self, problem: Problem, dialogue: Dialogue) -> Solution:
        """Play a dialogue about a problem."""
        replier = Oracle(self.model, self.roles, self.scheme, problem) if self.roles else self.model
        leaked = self.seen is not None and self.seen(problem.question)
        played_by = dict(self.players) | dict.fromkeys(self.roles, GOLD)
        return _solution(problem, self.scheme, self.author, await _played(dialogue, replier), leaked, played_by)


def given_up(problem: Problem, sample: int, scheme: Scheme, author: str, why: str) -> Solution:
    """Return the solution of a problem that nobody could be made to work on, with the reason in words."""
    transcript = Transcript(unanswered=Unanswered("failed", why))
    solution = _solution(problem, scheme, author, transcript, leaked=False, roles={})
    return solution.model_copy(update={"sample": sample}) if sample else solution


async def _played(dialogue: Dialogue, model: Model) -> Transcript:
    """Play a dialogue; a model that fails on this problem alone leaves it unanswered."""
    try:
        return await play(dialogue, model)
    except TeacherUnusable:
        raise
    except TeacherError as fault:
        return Transcript(unanswered=Unanswered("failed", str(fault)))


def with_roles(author: str, roles: Mapping[str, str]) -> str:
    """Return an author's name that tells who else played: s (decomposer=gold)."""
    told = ", ".join(f"{role}={player}" for role, player in roles.items())
    return f"{author} ({told})" if told else author


def _solution(
    problem: Problem, scheme: Scheme, author: str, transcript: Transcript, leaked: bool, roles: dict[str, str]
) -> Solution:
    rationale, why = transcript.rationale or Rationale(), transcript.unanswered
    known = {"correct": same_answer(rationale.answer, problem.answer)} if problem.answer is not None else {}
    why = why or Unanswered("unreadable", "the last reply holds no answer")
    missing = {"unanswered": why.reason, "detail": why.detail} if rationale.answer is None else {}
    return Solution(
        problem=problem,
        scheme=scheme.label,
        author=author,
        steps=rationale.steps,
        answer=rationale.answer,
        usage=transcript.usage,
        trace=tuple(transcript.exchanges),
        **known,
        **missing,
        **({"leaked": True} if leaked else {}),
        **({"roles": roles} if roles else {}),
        **({"votes": rationale.votes} if isinstance(rationale, Voted) else {}),
        **({"weights": rationale.weights} if isinstance(rationale, Voted) and rationale.weights else {}),
    )
