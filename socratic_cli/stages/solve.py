"""Problem -> Solution written by students in sync, or by a prompted model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterable
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
from socratic_cli.records import Problem, Rationale, Solution
from socratic_cli.stages.window import as_finished
from socratic_cli.voting import Voted, vote


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
    oracle: Iterable[str] = (),
    seen: Callable[[str], bool] | None = None,
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
        oracle: roles that reply with the gold rationale.
        seen: says whether a question was in the model's training set; such solutions are marked `leaked`.
        width: problems open at once.
    """
    if prompted:
        scheme = scheme.model_copy(update={"show": ()})
    roles = tuple(oracle)
    if prompted and roles:
        raise UsageError("an oracle replies for roles of trained students: a prompted model has none")
    if samples > 1 and roles:
        raise UsageError("an oracle has one gold rationale, which cannot vote: leave samples or oracle out")

    async def one(problem: Problem) -> Solution:
        chain = partial(scheme.annotate if prompted else scheme.solve, problem.blind())
        dialogue = vote(chain, samples) if samples > 1 else chain()
        replier = Oracle(model, roles, scheme, problem) if roles else model
        leaked = seen is not None and seen(problem.question)
        return _solution(problem, scheme, author, await _played(dialogue, replier), leaked)

    async for solution in as_finished(problems, one, width):
        yield solution


async def _played(dialogue: Dialogue, model: Model) -> Transcript:
    """Play a dialogue; a model that fails on this problem alone leaves it unanswered."""
    try:
        return await play(dialogue, model)
    except TeacherUnusable:
        raise
    except TeacherError as fault:
        return Transcript(unanswered=Unanswered("failed", str(fault)))


def _solution(problem: Problem, scheme: Scheme, author: str, transcript: Transcript, leaked: bool) -> Solution:
    rationale, why = transcript.rationale or Rationale(), transcript.unanswered
    known = {"correct": same_answer(rationale.answer, problem.answer)} if problem.answer is not None else {}
    missing = {"unanswered": why.reason if why else "unreadable"} if rationale.answer is None else {}
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
        **({"votes": rationale.votes} if isinstance(rationale, Voted) else {}),
    )
