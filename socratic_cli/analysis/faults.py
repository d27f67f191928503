"""The first wrong step of a solution, and what is wrong with it.

Steps are compared with the gold steps by what they calculate, not by their places. In this order:

- A right answer: nothing is wrong, whatever the way to it. No answer: `unanswered`.
- A step is *sound* if its calculations hold and come to a gold result, or to a value that lies on some way to one
  (the same sums and products in another order, or a step at a time), or if a later sound step uses its result.
- Everything before the last gold result is reached is taken as sound. If steps follow and the answer is one of their
  results: `asked-too-much`. Otherwise the answer is not what was found: `wrong-answer-after-right-steps`.
- The first step that is not sound is the wrong one, unless nothing uses its result and later steps go on soundly:
  - `arithmetic-slip`: its operation is sound and its result is wrong;
  - `wrong-operation`: all the numbers of a gold step that is due, with other operators or in another order;
  - `wrong-quantity`: the operators of a due gold step, and some of its numbers but not all; or a number from nowhere;
  - `bad-subquestion`: none of these, or its subquestion is not about the problem, or is unlike that of the gold step
    whose numbers it shares: what was asked is not what has to be known;
  - `off-the-way`: the same, where the scheme asks no subquestions.
  A subquestion that is nearly a gold one word by word is not bad: only its calculation is judged.
- All steps are sound and the last gold result is not reached: `stopped-early`.

Problems without gold calculations, and solutions without steps, are `not-judged`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from socratic_cli.analysis.gold import Gold, GoldStep, gold
from socratic_cli.analysis.operations import Chain, Sum, Value, chains, leaves, numbers, operations, said, sums, value
from socratic_cli.analysis.words import coverage, likeness
from socratic_cli.answers import as_number, same_answer
from socratic_cli.records import Problem, Rationale, Solution, Step

Kind = Literal[
    "none",
    "bad-subquestion",
    "off-the-way",
    "wrong-operation",
    "arithmetic-slip",
    "wrong-quantity",
    "stopped-early",
    "asked-too-much",
    "wrong-answer-after-right-steps",
    "unanswered",
    "not-judged",
]
Mark = Literal["right", "sound", "wrong", "after"]
"""Of a step: comes to a gold result, does no harm, is the first wrong one, or comes after it."""

# Likeness of words: above, a subquestion is a gold one; below, it is not the one whose numbers its solution shares.
SAME, UNLIKE = 0.8, 0.3
# Share of a subquestion's words that its problem has: below, it is about something else.
FOREIGN = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What went wrong first: the kind, the step (from 0, None where no step is wrong), and why, for a reader."""

    kind: Kind
    step: int | None = None
    detail: str = ""
    marks: tuple[Mark, ...] = ()


def judge(solution: Solution) -> Verdict:
    """Find the first wrong step of a solution."""
    problem = solution.problem
    if problem.answer is not None and same_answer(solution.answer, problem.answer):
        return Verdict("none", marks=("sound",) * len(solution.steps))
    if solution.answer is None:
        return Verdict("unanswered", detail=solution.unanswered or "")
    return walk(solution.rationale, problem)


def walk(rationale: Rationale, problem: Problem) -> Verdict:
    """Find the first wrong step of a rationale whose answer is wrong."""
    measure = gold(problem)
    if not measure.steps or not rationale.steps:
        return Verdict("not-judged", detail="no steps" if measure.steps else "no gold calculations")
    return _Walk(measure, rationale, numbers(problem.question)).verdict()


class _Walk:
    """The steps of a rationale along the gold ones; `reached` are the gold steps known before each step."""

    def __init__(self, measure: Gold, rationale: Rationale, asked: set[Value]) -> None:
        self._gold = measure
        self._steps = rationale.steps
        self._answer = _value_of(rationale.answer)
        self._known = asked | measure.given | measure.on_the_way
        self._sums = [sums(step) for step in rationale.steps]
        self._faults = self._unsound()
        self._reached = list(self._progress())

    def verdict(self) -> Verdict:
        end = self._end()
        if end is not None:
            later = {one.result for found in self._sums[end + 1 :] for one in found}
            if self._answer in later and self._answer != self._gold.answer:
                return self._told("asked-too-much", end + 1, "the last gold result was reached a step before")
            return self._told("wrong-answer-after-right-steps", None, "the last gold result was reached")
        for at, fault in enumerate(self._faults):
            if fault is not None and not self._is_idle(at):
                return self._told(*self._classified(at, fault))
        left = len(self._gold.steps) - len(self._reached[-1])
        return self._told("stopped-early", None, f"{left} of {len(self._gold.steps)} gold results were not reached")

    def _told(self, kind: Kind, at: int | None, detail: str) -> Verdict:
        marks: list[Mark] = []
        for number in range(len(self._steps)):
            before: frozenset[int] = self._reached[number - 1] if number else frozenset()
            if at is not None and number >= at:
                marks.append("wrong" if number == at else "after")
            else:
                marks.append("right" if self._reached[number] > before else "sound")
        return Verdict(kind, at, detail, tuple(marks))

    def _unsound(self) -> list[Sum | str | None]:
        """Return of every step its first calculation that leads nowhere, or a number from nowhere, or None."""
        faults: list[Sum | str | None] = [None] * len(self._steps)
        used: set[Value] = set()
        for at in reversed(range(len(self._steps))):
            for one in reversed(self._sums[at]):
                is_used = one.holds and one.result in used - self._gold.given
                if self._is_sound(one) or is_used:
                    used |= set(leaves(one.operation)) if one.operation else set()
                else:
                    faults[at] = one
            if not self._sums[at]:
                faults[at] = self._from_nowhere(at)
        return faults

    def _is_sound(self, one: Sum) -> bool:
        if one.operation is None or not one.operation.parts:
            return True  # nothing is calculated, or nothing that can be read for certain
        return one.result in self._gold.on_the_way

    def _from_nowhere(self, at: int) -> str | None:
        """Return the number that a step without calculations says, if nobody has told or found it."""
        number = said(self._steps[at])
        earlier = {one.result for found in self._sums[:at] for one in found}
        return None if number is None or number in self._known | earlier else f"{number / 100:g}"

    def _progress(self) -> Iterable[frozenset[int]]:
        """Yield the gold steps that are reached after each step; of equal results the first is reached first."""
        reached: set[int] = set()
        for at, step in enumerate(self._steps):
            for found in [one.result for one in self._sums[at]] or [said(step)]:
                due = (index for index, one in enumerate(self._gold.steps) if index not in reached)
                index = next((index for index in due if self._gold.steps[index].result == found), None)
                if index is not None:
                    reached |= self._gold.closure(index)
            yield frozenset(reached)

    def _end(self) -> int | None:
        """Return the step that reaches the last gold result."""
        last = len(self._gold.steps) - 1
        return next((at for at, reached in enumerate(self._reached) if last in reached), None)

    def _is_idle(self, at: int) -> bool:
        """Say whether nothing rests on a step, and the steps after it get on without it."""
        results = {one.result for one in self._sums[at]}
        used = {
            leaf for later in self._sums[at + 1 :] for one in later if one.operation for leaf in leaves(one.operation)
        }
        is_used = bool(results & (used | {self._answer}))
        return bool(results) and not is_used and self._reached[-1] > self._reached[at]

    def _classified(self, at: int, fault: Sum | str) -> tuple[Kind, int, str]:
        if isinstance(fault, str):
            return "wrong-quantity", at, f"{fault} is neither told nor calculated"
        assert fault.operation is not None
        if not fault.holds and value(fault.operation.value) in self._gold.on_the_way:
            return "arithmetic-slip", at, fault.text
        before = self._reached[at - 1] if at else frozenset()
        due = [one for index, one in enumerate(self._gold.steps) if index not in before]
        kind, wanted = _compared(self._steps[at], self._wrong_part(fault), due, self._gold)
        return kind, at, f"{fault.text}{f' where {_shown(wanted)} was due' if wanted else ''}"

    def _wrong_part(self, fault: Sum) -> tuple[Chain, ...]:
        """Return the first operation of a calculation that leads nowhere."""
        assert fault.operation is not None
        inside = operations(fault.operation)
        wrong = next((one for one in inside if value(one.value) not in self._gold.on_the_way), fault.operation)
        return chains(wrong)


def _compared(step: Step, wrong: tuple[Chain, ...], due: list[GoldStep], measure: Gold) -> tuple[Kind, Chain | None]:
    """Compare a wrong operation, and what was asked, with the gold steps that are due."""
    asked = step.subquestion
    if asked and coverage(asked, measure.text) < FOREIGN:
        return "bad-subquestion", None
    same = [one for one in measure.steps if asked and likeness(asked, one.subquestion) >= SAME]
    candidates = [max(same, key=lambda one: likeness(asked or "", one.subquestion))] if same else due
    pairs = [(mine, theirs, one) for one in candidates for theirs in one.chains for mine in wrong]
    for mine, theirs, _ in pairs:
        if sorted(mine.parts) == sorted(theirs.parts):
            return "wrong-operation", theirs
    for mine, theirs, one in pairs:
        shares = set(mine.parts) & set(theirs.parts) and set(mine.operators) == set(theirs.operators)
        if shares and not (asked and one.subquestion and likeness(asked, one.subquestion) < UNLIKE):
            return "wrong-quantity", theirs
    if same:
        operators = {sign for chain in same[0].chains for sign in chain.operators}
        used = {sign for chain in wrong for sign in chain.operators}
        return ("wrong-quantity" if used <= operators else "wrong-operation"), same[0].chains[-1]
    return ("bad-subquestion" if asked else "off-the-way"), None


def _shown(chain: Chain) -> str:
    first, *rest = (f"{part / 100:g}" for part in chain.parts)
    return first + "".join(f"{sign}{part}" for sign, part in zip(chain.operators, rest, strict=True))


def _value_of(answer: str | None) -> Value | None:
    number = None if answer is None else as_number(answer)
    return None if number is None else value(number)
