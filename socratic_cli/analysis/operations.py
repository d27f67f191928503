"""What a step calculates: its calculations with their results, and the operations they are made of.

Values are compared to two places, as word problems round them; a percent sign is a unit, as in answers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import prod

from socratic_cli.answers import as_number
from socratic_cli.calculations import calculations, holds
from socratic_cli.calculator import Operation, evaluate, parse
from socratic_cli.records import Step

Value = int
"""A number in hundredths, rounded: what is the same for whoever rounds to cents."""

_SUM, _PRODUCT, _POWER = "sum", "product", "power"
_KINDS = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "^": _POWER}
_NUMBER = re.compile(r"(?<![\w.])[-+]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?!\w)")
_SMALL = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
_WORDS = {word: 100 * at for at, word in enumerate(_SMALL)}
_WORDS |= {"eleven": 1100, "twelve": 1200, "dozen": 1200, "twenty": 2000, "hundred": 10000, "thousand": 100000}
_WORDS |= {"half": 50, "quarter": 25, "twice": 200, "double": 200, "thrice": 300, "triple": 300}
# "60 meters / 3 sprints = 20": units, which stand between numbers and signs in steps without marks.
_UNITS = re.compile(r"(?<=[\d%])(?:\s+[^\W\d]+){1,3}(?=\s*[-+*/=\u00d7\u00f7]|\s+x\s)")
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
    """Return the calculations of a step, each once; where none can be read, without units."""
    found: dict[tuple[str, str], Sum] = {}
    text = step.solution
    for one in list(calculations(text)) or calculations(_UNITS.sub("", text)):
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


def told(text: str) -> set[Value]:
    """Return the numbers that a text tells, in digits or words, and those that need no telling."""
    digits = (_result(word) for word in _NUMBER.findall(text))
    words = (_WORDS.get(word) for word in re.findall(r"[a-z]+", text.lower()))
    return {value(Fraction(0)), value(Fraction(1)), *(one for one in (*digits, *words) if one is not None)}


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


Way = tuple[tuple[Value, ...], Value]
"""Some numbers, in order of size, and what may be calculated from them on the way to a result."""


def way(parts: Iterable[Value], came_to: Value) -> Way:
    """Return a way as it is compared."""
    return tuple(sorted(parts)), came_to


def ways(whole: Operation) -> Iterator[Way]:
    """Yield every step on some way to the value of an expression: sums and products may be taken in any order.

    A common factor may be taken out, and a product with a sum may be taken part by part.
    """
    for one in operations(whole):
        signed = list(_flat(one, _KINDS[one.operator]))
        if len(signed) <= _MOST_PARTS:
            for size in range(2, len(signed) + 1):
                for chosen in combinations(signed, size):
                    yield from _both_ways(chosen)
        yield from _distributed(one)


def _both_ways(chosen: tuple[tuple[str, Fraction], ...]) -> Iterator[Way]:
    """Yield the value of some parts of a sum, with either sign, or of a product, either way up."""
    parts = [value(part) for _, part in chosen]
    if chosen[0][0] in "+-":
        total = sum((part if sign == "+" else -part for sign, part in chosen), Fraction(0))
        yield way(parts, value(total))
        yield way(parts, value(-total))
    elif all(part for _, part in chosen):
        total = prod((part if sign == "*" else 1 / part for sign, part in chosen), start=Fraction(1))
        yield way(parts, value(total))
        yield way(parts, value(1 / total))


def _distributed(one: Operation) -> Iterator[Way]:
    """Yield a*b and a*c of a*(b+c), a/c and b/c of (a+b)/c, and a+b of a*c + b*c."""
    left, right = one.parts
    if one.operator == "*":
        for factor, other in ((left, right), (right, left)):
            yield from (_product(factor.value, part.value) for part in other.parts if other.operator in "+-")
    elif one.operator == "/" and left.operator in ("+", "-") and right.value:
        for part in left.parts:
            yield way((value(part.value), value(right.value)), value(part.value / right.value))
    elif one.operator in "+-" and left.operator == right.operator == "*":
        for a, b in ((0, 0), (0, 1), (1, 0), (1, 1)):
            if left.parts[a].value == right.parts[b].value != 0:
                others = (value(left.parts[1 - a].value), value(right.parts[1 - b].value))
                yield way(others, value(one.value / left.parts[a].value))


def _product(factor: Fraction, part: Fraction) -> Way:
    return way((value(factor), value(part)), value(factor * part))
