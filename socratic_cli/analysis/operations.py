"""What a step calculates: its calculations with their results, and the operations they are made of.

Values are compared to two places, as word problems round them; a percent sign is a unit, as in answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations

from socratic_cli.answers import as_number
from socratic_cli.calculations import calculations, holds
from socratic_cli.calculator import Operation, evaluate, parse
from socratic_cli.records import Step

Value = int
"""A number in hundredths, rounded: what is the same for whoever rounds to cents."""

_SUM, _PRODUCT, _POWER = "sum", "product", "power"
_KINDS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "^": _POWER}
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\w)")
# Of more parts than this not all partial results are worked out.
_MOST_PARTS = 7


@dataclass(frozen=True, slots=True)
class Sum:
    """A calculation of a step: `result` is what was written, `operation` what was calculated, None where unreadable."""

    text: str
    result: Value
    operation: Operation | None
    holds: bool


def value(number: Fraction) -> Value:
    """Return a number as it is compared."""
    return round(number * 100)


def sums(step: Step) -> list[Sum]:
    """Return the calculations of a step, each once."""
    found: dict[tuple[str, str], Sum] = {}
    for one in calculations(step.solution):
        result = _result(one.right)
        if result is not None:
            found.setdefault((one.left, one.right), Sum(str(one), result, parse(one.left), holds(one.left, one.right)))
    return list(found.values())


def result(step: Step) -> Value | None:
    """Return what a step comes to: the result of its last calculation, or else the last number it says."""
    written = sums(step)
    return written[-1].result if written else said(step)


def said(step: Step) -> Value | None:
    """Return the last number a step says, or None."""
    numbers = _NUMBER.findall(step.solution)
    return _result(numbers[-1]) if numbers else None


def numbers(text: str) -> set[Value]:
    """Return the numbers that stand in a text as digits."""
    return {found for word in _NUMBER.findall(text) if (found := _result(word)) is not None}


def _result(text: str) -> Value | None:
    number = as_number(text)
    number = evaluate(text) if number is None else number
    return None if number is None else value(number)


def operations(whole: Operation) -> Iterator[Operation]:
    """Yield the operations of an expression, in the order in which they are worked out."""
    for part in whole.parts:
        yield from operations(part)
    if whole.parts:
        yield whole


def operands(whole: Operation) -> list[Value]:
    """Return the values of the parts of one operation, in order."""
    return [value(part.value) for part in whole.parts]


def leaves(whole: Operation) -> Iterator[Value]:
    """Yield the numbers of an expression."""
    if not whole.parts:
        yield value(whole.value)
    for part in whole.parts:
        yield from leaves(part)


@dataclass(frozen=True, slots=True)
class Chain:
    """A sum or product as it is thought of: 16-3-4 is one sum of three parts, and its operators."""

    parts: tuple[Value, ...]
    operators: tuple[str, ...]


def chains(whole: Operation) -> tuple[Chain, ...]:
    """Return an operation as two parts, and as the longest sum or product that ends in it."""
    pair = Chain(tuple(operands(whole)), (whole.operator,))
    signed = list(_flat(whole, _KINDS[whole.operator]))
    long = Chain(tuple(value(part) for _, part in signed), tuple(sign for sign, _ in signed[1:]))
    return (pair,) if len(signed) == 2 else (pair, long)


def _flat(whole: Operation, kind: str, sign: str = "") -> Iterator[tuple[str, Fraction]]:
    """Yield the parts of a sum or product, each with its operator; the first keeps the one it is given."""
    first = sign or ("+" if kind == _SUM else "*")
    if not whole.parts or _KINDS[whole.operator] != kind or kind == _POWER:
        yield first, whole.value
        return
    left, right = whole.parts
    yield from _flat(left, kind, first)
    turned = first in "-/"
    other = {"+": "-", "-": "+", "*": "/", "/": "*"}
    yield from _flat(right, kind, other[whole.operator] if turned else whole.operator)


def partial_results(whole: Operation) -> Iterator[Value]:
    """Yield every value on some way to the value of an expression: sums and products may be taken in any order.

    A common factor may be taken out, and a product with a sum may be taken part by part.
    """
    for one in operations(whole):
        yield value(one.value)
        signed = list(_flat(one, _KINDS[one.operator]))
        if len(signed) <= _MOST_PARTS:
            yield from _of_parts(signed)
    yield from _distributed(whole)


def _of_parts(signed: list[tuple[str, Fraction]]) -> Iterator[Value]:
    for size in range(2, len(signed)):
        for chosen in combinations(signed, size):
            for total in _taken(chosen):
                yield value(total)


def _taken(chosen: Iterable[tuple[str, Fraction]]) -> Iterator[Fraction]:
    """Yield the value of some parts of a sum, with either sign, or of a product, either way up."""
    total, is_sum = None, True
    for sign, part in chosen:
        is_sum = sign in "+-"
        signed = -part if sign == "-" else part
        if total is None:
            total = signed if sign != "/" else (1 / part if part else Fraction(0))
        elif is_sum:
            total += signed
        elif sign == "*":
            total *= part
        elif part:
            total /= part
    if total is not None:
        yield total
        if is_sum or total:
            yield -total if is_sum else 1 / total


def _distributed(whole: Operation) -> Iterator[Value]:
    """Yield a*b and a*c of a*(b+c), and b+c of a*b + a*c."""
    for one in operations(whole):
        left, right = one.parts
        if one.operator in "*/":
            for factor, other in ((left, right), (right, left)):
                if other.operator and other.operator in "+-" and not (one.operator == "/" and factor is left):
                    for part in other.parts:
                        product = factor.value * part.value if one.operator == "*" else _divided(part, factor)
                        yield value(product)
        elif one.operator in "+-" and left.operator == right.operator == "*":
            for common in left.parts:
                if common.value and common.value in [part.value for part in right.parts]:
                    yield value(one.value / common.value)


def _divided(part: Operation, factor: Operation) -> Fraction:
    return part.value / factor.value if factor.value else Fraction(0)
