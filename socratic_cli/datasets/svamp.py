"""SVAMP: short word problems with small twists, which a reader of keywords gets wrong (Patel et al., 2021)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import ClassVar

from socratic_cli import fields
from socratic_cli.calculator import OPERATIONS
from socratic_cli.datasets import origin
from socratic_cli.errors import InputError
from socratic_cli.jsonl import Line
from socratic_cli.parts import Dataset
from socratic_cli.records import Problem, Step

REPOSITORY = "ChilleD/SVAMP"


class SVAMP(Dataset):
    """SVAMP: 700 + 300 word problems of one or two operations, with gold steps made from their equations."""

    repository: ClassVar[str | None] = REPOSITORY
    splits: ClassVar[tuple[str, ...]] = ("train", "test")

    def problems(self, split: str) -> Iterator[Problem]:
        """Yield the problems in the order of the split."""
        return map(_problem, self._local(split) if self.data_dir else origin.hub(REPOSITORY, split))

    def _local(self, split: str) -> Iterator[Line]:
        assert self.data_dir is not None
        path = origin.local(self.data_dir, "svamp", "SVAMP.json")
        positions = origin.json_file(origin.local(self.data_dir, "svamp", "split_700_300.json"))[split]
        lines = list(origin.numbered(path, origin.json_file(path)))
        return (lines[position] for position in positions)


def _problem(line: Line) -> Problem:
    value = line.value.get("Answer")
    answer = fields.answer(float(value) if isinstance(value, str) else value, line.where)
    steps = worked(fields.text(line, "Equation"), line.where)
    return Problem(
        id=f"svamp/{fields.text(line, 'ID')}",
        question=f"{_sentence(fields.text(line, 'Body'))} {fields.text(line, 'Question')}",
        answer=answer,
        # One equation does not come to the answer beside it: it is no gold.
        steps=tuple(Step(solution=step) for step in steps) if steps and steps[-1].endswith(f">>{answer}") else (),
        # One record spells its type otherwise than the 165 of its kind.
        metadata={"type": fields.text(line, "Type").replace("Divison", "Division")},
    )


def _sentence(body: str) -> str:
    """End the body with the full stop that 358 of 1,000 lack."""
    return body if body.endswith((".", "!", "?")) else f"{body}."


def worked(equation: str, where: str) -> list[str]:
    """Work an equation out, a step an operation; nothing is evaluated but + - * / on exact numbers.

    >>> worked("( ( 8.0 + 5.0 ) * 2.0 )", "")
    ['8+5 = <<8+5=13>>13', '13*2 = <<13*2=26>>26']

    Raises:
        InputError: it is no equation, or divides by zero.
    """
    steps: list[str] = []
    tokens = equation.split()
    try:
        _value(tokens, steps)
        if tokens:
            raise ValueError(f"{tokens[0]!r} is left over")
    except (ValueError, IndexError, ZeroDivisionError) as fault:
        raise InputError(f"{where}: the equation {equation!r} cannot be worked out: {fault}") from None
    return steps


def _value(tokens: list[str], steps: list[str]) -> Fraction:
    """Take `number` or `( value operator value )` off the tokens, note the steps, and return its value."""
    if (token := tokens.pop(0)) != "(":
        return Fraction(token)
    left = _value(tokens, steps)
    operator = tokens.pop(0)
    right = _value(tokens, steps)
    if tokens.pop(0) != ")":
        raise ValueError("a ) is missing")
    if operator not in OPERATIONS:
        raise ValueError(f"{operator!r} is no operator")
    result = OPERATIONS[operator](left, right)
    sides = f"{_written(left)}{operator}{_written(right)}"
    steps.append(f"{sides} = <<{sides}={_written(result)}>>{_written(result)}")
    return result


def _written(value: Fraction) -> str:
    """Write a number exactly: 5, 2.5, 11/3."""
    decimal = fields.number(float(value))
    return decimal if Fraction(decimal) == value else str(value)
