"""Problem -> Solution written by students in sync, or by a prompted model."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import replace
from functools import partial

from socratic_cli.dialogue import Model
from socratic_cli.errors import UsageError
from socratic_cli.parts import Scheme
from socratic_cli.records import Problem, Solution
from socratic_cli.stages.solving import Seen, Solving
from socratic_cli.stages.verifying import Beside, Verifier
from socratic_cli.stages.window import as_finished
from socratic_cli.voting import Choice, chosen_by, elect, numbered, vote


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
    solving = Solving(scheme, model, author, prompted, roles, seen, players or {})
    if verifier is not None:
        solving = replace(solving, model=Beside(model, verifier))

    async def one(problem: Problem) -> Solution:
        chain = partial(solving.chain, problem)
        if verifier is not None:
            weigh = partial(verifier.weigh, problem.blind())
            solution = await solving.solution(problem, elect(chain, samples, weigh, choice))
            return solution.model_copy(update={"leaked": True}) if verifier.seen(problem.question) else solution
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
    solving = Solving(scheme, model, author, prompted, tuple(oracle), seen, players or {})

    async def one(problem_and_number: tuple[Problem, int]) -> Solution:
        problem, number = problem_and_number
        solution = await solving.solution(problem, numbered(solving.chain(problem), number))
        return solution.model_copy(update={"sample": number})

    async for solution in as_finished(wanted, one, width):
        yield solution
