"""Several chains of one problem, and the answer that most of them reach, or that a verifier believes.

After self-consistency (Wang et al., 2023) and verifiers (Cobbe et al., 2021). A verifier's weight of a chain is the
probability that it is right; `best` takes the chain of the highest weight, `weighted` the answer whose chains have the
highest weights together (Li et al., 2023).
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import Literal

from pydantic import Field

from socratic_cli.answers import same_answer
from socratic_cli.dialogue import Dialogue, Reply, Turn, Unanswered, Weighing
from socratic_cli.errors import UsageError
from socratic_cli.records import Rationale

Choice = Literal["vote", "best", "weighted"]


class Voted(Rationale):
    """A chain that reached the winning answer; `votes` counts the chains of every answer that was reached.

    `weights` are what the answers were compared by, where a verifier weighed their chains.
    """

    votes: dict[str, int]
    weights: dict[str, float] = Field(default_factory=dict)


def vote(chain: Callable[[], Dialogue], samples: int) -> Dialogue:
    """Play a dialogue several times and return the rationale of the answer most chains reach; of equals, the first.

    The turns of a chain carry its number, so that each is sampled with a seed of its own. Chains that come to no
    answer do not vote.

    Raises (when played):
        Unanswered: no chain comes to an answer; the reason is the last one's.
    """
    reached = _by_answer((yield from _chains(chain, samples)))
    first = max(reached.values(), key=len)[0]
    return Voted(steps=first.steps, answer=first.answer, votes=_votes(reached))


def elect(
    chain: Callable[[], Dialogue], samples: int, weigh: Callable[[Rationale], Weighing], choice: Choice
) -> Dialogue:
    """Play a dialogue several times, weigh its chains, and return the best chain of the answer that weighs most.

    An answer weighs as much as its best chain, or as all of its chains together (`weighted`). Chains that say the
    same are weighed once. One that cannot be weighed, since it is too long for the verifier, weighs nothing. Of
    answers that weigh the same, more chains decide.

    Raises (when played):
        Unanswered: no chain comes to an answer; the reason is the last one's.
    """
    chains = yield from _chains(chain, samples)
    known: dict[str, float] = {}
    for one in chains:
        if (said := one.model_dump_json()) not in known:
            known[said] = yield from _weight(weigh(one))

    def weight(one: Rationale) -> float:
        return known[one.model_dump_json()]

    together = sum if choice == "weighted" else max
    reached = _by_answer(chains)
    weights = {answer: together(map(weight, ones)) for answer, ones in reached.items()}
    winner = max(reached, key=lambda answer: (weights[answer], len(reached[answer])))
    best = max(reached[winner], key=weight)
    return Voted(steps=best.steps, answer=best.answer, votes=_votes(reached), weights=weights)


def chosen_by(samples: int, verified: bool, choose: Choice | None) -> Choice:
    """Return how an answer is chosen among the chains of a problem.

    Raises:
        UsageError: there is nothing to choose among, or nobody to choose so.
    """
    if samples == 1 and (verified or choose is not None):
        what = "a verifier chooses" if verified else f"choose={choose} is"
        raise UsageError(f"{what} among several chains of a problem: give samples, and a temperature, 0.7 for one")
    if not verified and choose in ("best", "weighted"):
        raise UsageError(f"choose={choose} takes a verifier, who weighs the chains: name one, or let them vote")
    if verified and choose == "vote":
        raise UsageError("chains vote without a verifier: leave it out, or choose weighted or best")
    return choose or ("weighted" if verified else "vote")


def numbered(dialogue: Dialogue, number: int) -> Dialogue:
    """Play a dialogue with its number on every turn."""
    try:
        turn = next(dialogue)
        while True:
            try:
                reply = yield replace(turn, sample=number)
            except Unanswered as why:
                turn = dialogue.throw(why)
            else:
                turn = dialogue.send(reply)
    except StopIteration as end:
        found: Rationale = end.value
        return found
    finally:
        dialogue.close()


def _chains(chain: Callable[[], Dialogue], samples: int) -> Generator[Turn, Reply, list[Rationale]]:
    """Play a dialogue several times; return the rationales that have an answer."""
    fault = Unanswered("unreadable", "no chain was asked for")
    found: list[Rationale] = []
    for number in range(samples):
        try:
            rationale = yield from numbered(chain(), number)
        except Unanswered as why:
            fault = why
            continue
        if rationale.answer is not None:
            found.append(rationale)
    if not found:
        raise fault
    return found


def _weight(weighing: Weighing) -> Weighing:
    try:
        return (yield from weighing)
    except Unanswered:
        return 0.0


def _by_answer(chains: list[Rationale]) -> dict[str, list[Rationale]]:
    """Return the chains of every answer, under the spelling that came first."""
    reached: dict[str, list[Rationale]] = {}
    for one in chains:
        same = next((answer for answer in reached if same_answer(one.answer, answer)), one.answer or "")
        reached.setdefault(same, []).append(one)
    return reached


def _votes(reached: dict[str, list[Rationale]]) -> dict[str, int]:
    return {answer: len(chains) for answer, chains in reached.items()}
