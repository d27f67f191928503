"""Problem -> Solution written by students in sync, or by a prompted model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial

from socratic_cli.answers import same_answer
from socratic_cli.dialogue import (
    Dialogue,
    Model,
    RehearsalError,
    Reply,
    Transcript,
    Turn,
    Unanswered,
    play,
    rehearse,
)
from socratic_cli.errors import InputError, TeacherError, TeacherUnusable, UsageError
from socratic_cli.notation import NotationError
from socratic_cli.parts import Scheme
from socratic_cli.records import GOLD, Problem, Rationale, Solution
from socratic_cli.stages.verifying import Beside, Verifier
from socratic_cli.stages.window import as_finished
from socratic_cli.voting import Choice, Voted, chosen_by, elect, numbered, vote

Seen = Callable[[str], bool]


class Oracle:
    """A model in which some roles reply with the gold rationale, the others with another model.

    A gold planner shows what guidance is worth, a gold decomposer whether a wrong answer is the solver's fault.
    """

    def __init__(self, model: Model, roles: Iterable[str], scheme: Scheme, problem: Problem) -> None:
        """Rehearse the gold rationale of `problem`.

        Raises:
            InputError: the problem has no gold rationale that the scheme can be made of.
            UsageError: the scheme has no such role.
        """
        self._model = model
        self._roles = frozenset(roles)
        self._gold: dict[str, list[str]] = defaultdict(list)
        try:
            examples = rehearse(scheme.solve(problem.blind()), scheme.replies(problem.rationale))
        except (NotationError, RehearsalError) as fault:
            raise InputError(f"problem {problem.id} has no gold rationale for an oracle: {fault}") from fault
        for example in examples:
            self._gold[example.role].append(example.completion)
        for role in self._roles - set(self._gold):
            raise UsageError(f"{scheme.label} has no role {role!r} for an oracle: it has {', '.join(self._gold)}")

    async def reply(self, turn: Turn) -> Reply:
        """Reply with the next gold reply of an oracle's role, else with the model's."""
        if turn.role not in self._roles:
            return await self._model.reply(turn)
        gold = self._gold[turn.role]
        return Reply(gold.pop(0)) if gold else Reply("", finish_reason="length")


async def solve(
    problems: Iterable[Problem],
    scheme: Scheme,
    model: Model,
    author: str,
    *,
    prompted: bool = False,
    samples: int = 1,
    verifier: Verifier | None = None,
    choose: Choice | None = None,
    oracle: Iterable[str] = (),
    players: Mapping[str, str] | None = None,
    seen: Seen | None = None,
    width: int = 128,
) -> AsyncIterator[Solution]:
    """Yield a solution of every problem, as they finish; at most `width` problems are open at once.

    Args:
        problems: their gold answers, steps and facts are hidden from the model.
        scheme: how the model was trained, or is prompted.
        model: who replies.
        author: the name the solutions carry.
        prompted: play the dialogue of untrained models (instruction and exemplars).
        samples: chains of each problem; the answer that most of them reach is taken.
        verifier: weighs the chains of a problem; the answer that weighs most is taken.
        choose: how an answer is chosen: vote without a verifier, weighted or best with one (see `voting`).
        oracle: roles that reply with the gold rationale; the solutions say so.
        players: who else the model lets play a role; the solutions name them.
        seen: says whether a question was in the model's training set; such solutions are marked `leaked`, and those
            of questions that the verifier was trained on.
        width: problems open at once.

    Raises:
        UsageError: what is asked for does not go together.
    """
    roles = tuple(oracle)
    if samples > 1 and roles:
        raise UsageError("an oracle has one gold rationale, which cannot vote: leave samples or oracle out")
    choice = chosen_by(samples, verifier is not None, choose)
    solving = _Solving(scheme, model, author, prompted, roles, seen, players or {})
    if verifier is not None:
        solving = replace(solving, model=Beside(model, verifier))

    async def one(problem: Problem) -> Solution:
        chain = partial(solving.chain, problem)
        if verifier is not None:
            weigh = partial(verifier.weigh, problem.blind())
            solution = await solving.solution(problem, elect(chain, samples, weigh, choice))
            return _leaked(solution) if verifier.seen(problem.question) else solution
        return await solving.solution(problem, vote(chain, samples) if samples > 1 else chain())

    async for solution in as_finished(problems, one, width):
        yield solution


async def sample(
    wanted: Iterable[tuple[Problem, int]],
    scheme: Scheme,
    model: Model,
    author: str,
    *,
    prompted: bool = False,
    oracle: Iterable[str] = (),
    players: Mapping[str, str] | None = None,
    seen: Seen | None = None,
    width: int = 128,
) -> AsyncIterator[Solution]:
    """Yield a solution for every problem and number of a chain, as they finish; see `solve` for the rest.

    A chain of a number is the one that `solve` lets vote under this number.
    """
    solving = _Solving(scheme, model, author, prompted, tuple(oracle), seen, players or {})

    async def one(problem_and_number: tuple[Problem, int]) -> Solution:
        problem, number = problem_and_number
        solution = await solving.solution(problem, numbered(solving.chain(problem), number))
        return solution.model_copy(update={"sample": number})

    async for solution in as_finished(wanted, one, width):
        yield solution


@dataclass(frozen=True)
class _Solving:
    """A model that solves problems in a scheme."""

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


def _leaked(solution: Solution) -> Solution:
    return solution.model_copy(update={"leaked": True})


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
