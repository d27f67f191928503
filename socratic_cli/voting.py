"""Several chains of one problem, and the answer that most of them reach (self-consistency, Wang et al., 2023)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from socratic_cli.answers import same_answer
from socratic_cli.dialogue import Dialogue, Unanswered
from socratic_cli.records import Rationale


class Voted(Rationale):
    """The first chain that reached the winning answer; `votes` counts the chains of every answer that was reached."""

    votes: dict[str, int]


def vote(chain: Callable[[], Dialogue], samples: int) -> Dialogue:
    """Play a dialogue several times and return the rationale of the answer most chains reach; of equals, the first.

    The turns of a chain carry its number, so that each is sampled with a seed of its own. Chains that come to no
    answer do not vote.

    Raises (when played):
        Unanswered: no chain comes to an answer; the reason is the last one's.
    """
    reached: list[list[Rationale]] = []
    fault = Unanswered("unreadable", "no chain was asked for")
    for number in range(samples):
        try:
            rationale = yield from _numbered(chain(), number)
        except Unanswered as why:
            fault = why
            continue
        answer = rationale.answer
        if answer is None:
            continue
        same = next((group for group in reached if same_answer(answer, group[0].answer or "")), None)
        if same is None:
            reached.append([rationale])
        else:
            same.append(rationale)
    if not reached:
        raise fault
    first = max(reached, key=len)[0]
    return Voted(steps=first.steps, answer=first.answer, votes={group[0].answer or "": len(group) for group in reached})


def _numbered(dialogue: Dialogue, number: int) -> Dialogue:
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
