"""Somebody's steps along the gold ones, up to the first that leads nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from socratic_cli.analysis.comparing import asking, compared, shown
from socratic_cli.analysis.gold import Gold, GoldStep
from socratic_cli.analysis.kinds import Kind, Mark, Verdict
from socratic_cli.analysis.operations import Chain, Sum, Value, chains, leaves, operations, said, sums, value
from socratic_cli.analysis.words import alike
from socratic_cli.answers import as_number
from socratic_cli.records import Rationale


class Said(NamedTuple):
    """What is wrong with a step that calculates nothing."""

    kind: Kind
    detail: str


class Walk:
    """The steps of a rationale along the gold ones; `reached` are the gold steps known before each step."""

    def __init__(self, measure: Gold, rationale: Rationale, told: set[Value]) -> None:
        self._gold, self._question = measure, told
        self._steps = rationale.steps
        self._answer = _value_of(rationale.answer)
        self._known = told | measure.given | measure.results
        self._sums = [sums(step) for step in rationale.steps]
        self._asked = [asking(step.subquestion, measure.steps) for step in rationale.steps]
        self._reached = list(self._progress())
        self._faults = self._unsound()

    def verdict(self) -> Verdict:
        """Say what went wrong first."""
        end = self._end()
        if end is not None and not self._rests_on_faults(end):
            later = {one.result for found in self._sums[end + 1 :] for one in found}
            if self._answer not in later or self._answer == self._gold.answer:
                return self._told("wrong-answer-after-right-steps", None, "the last gold result was reached")
            if not self._gold.states(self._steps[end + 1].subquestion):
                return self._told("asked-too-much", end + 1, "the last gold result was reached a step before")
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

    def _unsound(self) -> list[Sum | Said | None]:
        """Return of every step its first calculation that leads nowhere, or what is wrong without one, or None."""
        faults: list[Sum | Said | None] = [None] * len(self._steps)
        used: set[Value] = set()
        for at in reversed(range(len(self._steps))):
            here: set[Value] = set()
            for one in reversed(self._sums[at]):
                # What answers a gold subquestion is no better for being used in the answer to another one.
                is_used = one.holds and one.result in (here if self._asked[at] else used) - self._gold.given
                if self._is_sound(at, one) or is_used:
                    here |= set(leaves(one.operation)) if one.operation else set()
                    used |= here
                else:
                    faults[at] = one
            if not self._sums[at]:
                faults[at] = self._said_wrongly(at)
        return faults

    def _is_sound(self, at: int, one: Sum) -> bool:
        if one.operation is None or not one.operation.parts:
            return True  # nothing is calculated, or nothing that can be read for certain
        if asked := self._asked[at]:
            # The right number in answer to another question is not right.
            due = {self._gold.steps[index].result for index in asked}
            return one.result in due or self._gold.is_on_a_way(one.operation, one.result)
        return self._gold.leads_on(one.operation, one.result)

    def _said_wrongly(self, at: int) -> Said | None:
        """Say what is wrong with a step without calculations, if anything is."""
        # Where there is a calculation that cannot be read, its numbers may come from it.
        number = None if "=" in self._steps[at].solution else said(self._steps[at])
        earlier = {one.result for found in self._sums[:at] for one in found}
        if number is not None and number not in self._known | earlier:
            return Said("wrong-quantity", f"{number / 100:g} is neither told nor calculated")
        asked = self._steps[at].subquestion
        due = next(iter(self._asked[at]), None)
        again = [one for one in self._steps[at + 1 :] if sums(one) and alike(asked, one.subquestion)]
        if due is None or again or due in self._reached[-1]:
            return None
        return Said("wrong-operation", f"nothing is calculated where {shown(self._gold.steps[due].chains[-1])} was due")

    def _progress(self) -> Iterator[frozenset[int]]:
        """Yield the gold steps that are reached after each step; of equal results the first is reached first."""
        reached: set[int] = set()
        for at in range(len(self._steps)):
            for found in self._results(at):
                due = (index for index in self._reachable(at) if index not in reached)
                index = next((index for index in due if self._gold.steps[index].result == found), None)
                if index is not None:
                    reached |= self._gold.closure(index)
            yield frozenset(reached)

    def _results(self, at: int) -> list[Value]:
        """Return what a step comes to by its sums, or else the number that it says, unless the question tells it."""
        if self._sums[at]:
            return [one.result for one in self._sums[at]]
        word = said(self._steps[at])
        return [] if word is None or word in self._question else [word]

    def _reachable(self, at: int) -> list[int]:
        """Return the gold steps that a step can reach: those it asks for and what they rest on, or else any."""
        asked = [self._gold.closure(index) for index in self._asked[at]]
        return sorted(set[int]().union(*asked)) if asked else list(range(len(self._gold.steps)))

    def _end(self) -> int | None:
        """Return the step that reaches the last gold result."""
        last = len(self._gold.steps) - 1
        return next((at for at, reached in enumerate(self._reached) if last in reached), None)

    def _rests_on_faults(self, end: int) -> bool:
        """Say whether the last gold result was come to by numbers that wrong steps brought: by luck."""
        wrong = {fault.result for fault in self._faults[:end] if isinstance(fault, Sum)} - self._known
        used = {leaf for one in self._sums[end] if one.operation for leaf in leaves(one.operation)}
        return bool(used & wrong)

    def _is_idle(self, at: int) -> bool:
        """Say whether nothing rests on a step, and the steps after it get on without it."""
        results = {one.result for one in self._sums[at]}
        used = {
            leaf for later in self._sums[at + 1 :] for one in later if one.operation for leaf in leaves(one.operation)
        }
        is_used = bool(results & (used | {self._answer}))
        return bool(results) and not is_used and self._reached[-1] > self._reached[at]

    def _classified(self, at: int, fault: Sum | Said) -> tuple[Kind, int, str]:
        if isinstance(fault, Said):
            return fault.kind, at, fault.detail
        assert fault.operation is not None
        if not fault.holds and self._gold.leads_on(fault.operation, value(fault.operation.value)):
            return "arithmetic-slip", at, fault.text
        before = self._reached[at - 1] if at else frozenset()
        if early := self._too_early(at, before):
            return "bad-subquestion", at, f"asked before {shown(early.chains[-1])} was"
        due = [one for index, one in enumerate(self._gold.steps) if index not in before]
        kind, wanted = compared(self._steps[at], self._wrong_part(fault), due, self._gold)
        return kind, at, f"{fault.text}{f' where {shown(wanted)} was due' if wanted else ''}"

    def _too_early(self, at: int, reached: frozenset[int]) -> GoldStep | None:
        """Return a gold step that what is asked rests on, and that was neither reached nor asked for before."""
        if self._gold.states(self._steps[at].subquestion):
            return None
        known = {index for asked in self._asked[:at] for index in asked} | reached
        unknown = [self._gold.closure(index) - {index} - known for index in self._asked[at]]
        return self._gold.steps[min(unknown[0])] if unknown and all(unknown) else None

    def _wrong_part(self, fault: Sum) -> tuple[Chain, ...]:
        """Return the first operation of a calculation that leads nowhere."""
        assert fault.operation is not None
        inside = operations(fault.operation)
        astray = (one for one in inside if not self._gold.leads_on(one, value(one.value)))
        wrong = next(astray, fault.operation)
        return chains(wrong)


def _value_of(answer: str | None) -> Value | None:
    number = None if answer is None else as_number(answer)
    return None if number is None else value(number)
