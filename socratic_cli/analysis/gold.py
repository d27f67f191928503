"""What the gold steps of a problem calculate: the measure of somebody else's steps."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from socratic_cli.analysis.operations import (
    Chain,
    Value,
    chains,
    leaves,
    operations,
    partial_results,
    result,
    sums,
    value,
)
from socratic_cli.answers import as_number
from socratic_cli.calculator import Operation
from socratic_cli.records import Problem


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

    `results` and `answer` are what they come to, `on_the_way` every value that some order of the same operations
    passes through, `given` the numbers that are not calculated.
    """

    steps: tuple[GoldStep, ...]
    answer: Value | None
    on_the_way: frozenset[Value]
    given: frozenset[Value]
    text: str = field(repr=False)

    def closure(self, at: int) -> set[int]:
        """Return a step and all that it rests on."""
        return {at}.union(*(self.closure(earlier) for earlier in self.steps[at].uses))


def gold(problem: Problem) -> Gold:
    """Read the gold steps of a problem; those that calculate nothing are passed over."""
    steps: list[GoldStep] = []
    trees: list[Operation] = []
    values: set[Value] = set()
    given: set[Value] = set()
    for step in problem.steps:
        wholes = [one.operation for one in sums(step) if one.operation and one.operation.parts]
        came_to = result(step)
        if not wholes or came_to is None:
            continue
        numbers = {number for whole in wholes for number in leaves(whole)}
        uses = tuple(at for at, earlier in enumerate(steps) if earlier.result in numbers)
        given |= numbers - {earlier.result for earlier in steps}
        values |= {came_to, *(one for whole in wholes for one in partial_results(_expanded(whole, steps, trees)))}
        values |= {one for whole in wholes for one in partial_results(whole)}
        steps.append(GoldStep(step.subquestion or "", came_to, tuple(_chains(wholes)), uses))
        trees.append(wholes[-1])
    answer = None if problem.answer is None else as_number(problem.answer)
    return Gold(
        tuple(steps),
        None if answer is None else value(answer),
        frozenset(values | ({value(answer)} if answer is not None else set())),
        frozenset(given),
        _text(problem),
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


def _text(problem: Problem) -> str:
    said = [part for step in problem.steps for part in (step.subquestion or "", step.solution)]
    return " ".join([problem.question, *said])
