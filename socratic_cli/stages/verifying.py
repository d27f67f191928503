"""Who weighs solutions, and how often rightly."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from socratic_cli.dialogue import Model, Reply, Turn, Unanswered, Weighing
from socratic_cli.parts import Verification
from socratic_cli.records import Problem, Rationale, Solution
from socratic_cli.stages.window import as_finished


@dataclass(frozen=True)
class Verifier:
    """A model that weighs solutions, in the scheme that it was trained in, or is prompted in.

    `seen` says whether a question was in its training set.
    """

    scheme: Verification
    model: Model
    prompted: bool = False
    seen: Callable[[str], bool] = lambda _: False

    def weigh(self, problem: Problem, rationale: Rationale) -> Weighing:
        """Return the dialogue about a solution."""
        return self.scheme.weigh(problem, rationale, prompted=self.prompted)


@dataclass(frozen=True)
class Beside:
    """A model with a verifier beside it, which replies for its role."""

    model: Model
    verifier: Verifier

    async def reply(self, turn: Turn) -> Reply:
        """Reply, or let the verifier reply."""
        replies = self.verifier.model if turn.role == self.verifier.scheme.verifier else self.model
        return await replies.reply(turn)


def judged_rightly(solutions: Iterable[Solution], scheme: Verification, model: Model, width: int = 128) -> float:
    """Return the share of solutions that a trained verifier takes for what they are; what it cannot read it misses."""

    async def judged(solution: Solution) -> bool:
        weight = await _weight(scheme.weigh(solution.problem.blind(), solution.rationale), model)
        return weight is not None and (weight > 0.5) == scheme.is_right(solution)

    async def all_() -> list[bool]:
        return [right async for right in as_finished(solutions, judged, width)]

    found = asyncio.run(all_())
    return sum(found) / len(found)


async def _weight(weighing: Weighing, model: Model) -> float | None:
    try:
        turn = next(weighing)
        while True:
            turn = weighing.send(await model.reply(turn))
    except StopIteration as end:
        return float(end.value)
    except Unanswered:
        return None
    finally:
        weighing.close()
