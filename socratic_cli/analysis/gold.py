"""What the gold steps of a problem calculate: the measure of somebody else's steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from socratic_cli.analysis.operations import (
    Chain,
    Value,
    Way,
    chains,
    leaves,
    operations,
    result,
    sums,
    told,
    value,
    way,
    ways,
)
from socratic_cli.analysis.words import alike
from socratic_cli.answers import as_number
from socratic_cli.calculator import Operation
from socratic_cli.records import Problem, Step


@dataclass(frozen=True, slots=True)
class GoldStep:
    """A gold step that calculates: what it comes to, its operations, and the earlier steps whose results it uses."""

    subquestion: str
    result: Value
    chains: tuple[Chain, ...]
    uses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Gold:
    """What a problem's gold steps calculate.

    `results` and `answer` are what they come to, `ways` the operations that some other order of theirs is made of,
    `given` the numbers that are not calculated, `stated` the subquestions that take no calculation.
    """

    steps: tuple[GoldStep, ...]
    answer: Value | None
    results: frozenset[Value]
    ways: frozenset[Way]
    given: frozenset[Value]
    stated: tuple[str, ...]
    text: str = field(repr=False)

    def leads_on(self, operation: Operation, came_to: Value) -> bool:
        """Say whether a result is a gold one, or is reached from the right numbers on the way to one."""
        return came_to in self.results or self.is_on_a_way(operation, came_to)

    def is_on_a_way(self, operation: Operation, came_to: Value) -> bool:
        """Say whether a result is reached from the right numbers on some way to a gold one."""
        return any(way(one.parts, came_to) in self.ways for one in chains(operation))

    def states(self, asked: str | None) -> bool:
        """Say whether a subquestion is nearly a gold one whose step calculates nothing that can be read."""
        return any(alike(asked, one) for one in self.stated)

    def closure(self, at: int) -> set[int]:
        """Return a step and all that it rests on."""
        found, open_ = {at}, [at]
        while open_:
            fresh = set(self.steps[open_.pop()].uses) - found
            found |= fresh
            open_ += fresh
        return found


def gold(problem: Problem) -> Gold:
    """Read the gold steps of a problem; those that calculate nothing are passed over."""
    return _read(problem.question, problem.answer, problem.steps)


@lru_cache(maxsize=4096)  # every arm is judged by the same problems
def _read(question: str, answer: str | None, gold_steps: tuple[Step, ...]) -> Gold:
    steps: list[GoldStep] = []
    trees: list[Operation] = []
    possible: set[Way] = set()
    given: set[Value] = set()
    said: set[Value] = set()
    stated: list[str] = []
    for step in gold_steps:
        wholes = [one.operation for one in sums(step) if one.operation and one.operation.parts]
        came_to = result(step)
        if not wholes or came_to is None:
            said |= {came_to} if came_to is not None else set()
            stated.append(step.subquestion or "")
            continue
        numbers = {number for whole in wholes for number in leaves(whole)}
        uses = tuple(at for at, earlier in enumerate(steps) if earlier.result in numbers)
        given |= numbers - {earlier.result for earlier in steps}
        possible |= {one for whole in wholes for one in (*ways(whole), *ways(_expanded(whole, steps, trees)))}
        steps.append(GoldStep(step.subquestion or "", came_to, tuple(_chains(wholes)), uses))
        trees.append(wholes[-1])
    number = None if answer is None else as_number(answer)
    return Gold(
        tuple(steps),
        None if number is None else value(number),
        # What a step comes to in words, or by a calculation that cannot be read, is a result as well.
        frozenset(
            {step.result for step in steps}
            | (said - told(question))
            | ({value(number)} if number is not None else set())
        ),
        frozenset(possible),
        frozenset(given),
        tuple(stated),
        _text(question, gold_steps),
    )


def _chains(wholes: list[Operation]) -> Iterator[Chain]:
    for whole in wholes:
        for one in operations(whole):
            yield from chains(one)


def _expanded(whole: Operation, steps: list[GoldStep], trees: list[Operation]) -> Operation:
    """Put the calculation of an earlier result into its place, one level deep: a sum over two steps is one sum."""
    if whole.parts:
        return Operation(whole.value, whole.operator, tuple(_expanded(part, steps, trees) for part in whole.parts))
    for earlier, tree in zip(reversed(steps), reversed(trees), strict=True):
        if earlier.result == value(whole.value) and value(tree.value) == earlier.result:
            return tree
    return whole


def _text(question: str, steps: tuple[Step, ...]) -> str:
    return " ".join([question, *(part for step in steps for part in (step.subquestion or "", step.solution))])
