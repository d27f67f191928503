"""A calculator for the arithmetic of word problems: exact, small, and never `eval`.

    evaluate("48/2") = 24      evaluate("$1,200 * 5%") = 60      evaluate("2*(3+4)") = 14

What cannot be read for certain, or is larger than any word problem needs, is None.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

OPERATIONS: Mapping[str, Callable[[Fraction, Fraction], Fraction]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
"""What the four signs do to two numbers."""

# Characters, digits of a number, brackets within brackets, and an exponent, that are still believed to be arithmetic.
_MAX_LENGTH = 200
_MAX_DIGITS = 30
_MAX_DEPTH = 20
_MAX_EXPONENT = 12
_MAX_PLACES = 6

_TOKEN = re.compile(
    r"\s*(?:[$€£¥]\s*)?(?:(?P<number>(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+)(?P<percent>\s*%)?"
    r"|(?P<mark>\*\*|[-+*/^()]))\s*"
)
_PLAIN = str.maketrans({"×": "*", "÷": "/", "−": "-", "–": "-", "·": "*", "[": "(", "]": ")"})
_TIMES = re.compile(r"(?<=[\d)%])\s*[xX]\s*(?=[$€£¥\d.(])")


class _Unreadable(Exception):
    """The text is no arithmetic."""


@dataclass(frozen=True, slots=True)
class Operation:
    """An expression in the order in which it is worked out: an operator between two parts, or a number alone."""

    value: Fraction
    operator: str = ""
    parts: tuple[Operation, ...] = ()


def evaluate(expression: str) -> Fraction | None:
    """Return the value of an expression, or None where it has none that is certain.

    Numbers with thousands' commas, decimals, a currency before and a percent sign after them (5% is 0.05);
    + - * / x × ÷, powers with small whole exponents, brackets.
    """
    whole = parse(expression)
    return None if whole is None else whole.value


@lru_cache(maxsize=1024)  # a step writes most calculations twice, marked and in its words
def parse(expression: str) -> Operation | None:
    """Return an expression as operations, or None where it has no value that is certain."""
    if len(expression) > _MAX_LENGTH:
        return None
    try:
        return _Parser(list(_tokens(_TIMES.sub("*", expression.translate(_PLAIN))))).whole()
    except (_Unreadable, ZeroDivisionError):
        return None


def written(value: Fraction) -> str:
    """Write a number as word problems do: whole, as a decimal that ends within six places, else rounded to two.

    >>> written(Fraction(5, 2)), written(Fraction(1, 3))
    ('2.5', '0.33')
    """
    scaled = value * 10**_MAX_PLACES
    places = _MAX_PLACES if scaled.denominator == 1 else 2
    rounded = round(abs(value) * 10**places)
    digits = str(rounded).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}".rstrip("0").rstrip(".")
    return f"-{text}" if value < 0 and rounded else text


def _tokens(text: str) -> Iterator[Fraction | str]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.end() == at:
            raise _Unreadable
        at = found.end()
        number = found["number"]
        if number is None:
            yield "^" if found["mark"] == "**" else found["mark"]
        elif len(number) > _MAX_DIGITS:
            raise _Unreadable
        else:
            digits = number.replace(",", "")
            value = Fraction(digits) if "." in digits else Fraction(int(digits))
            yield value / 100 if found["percent"] else value


class _Parser:
    """Recursive descent: sums of products of powers."""

    def __init__(self, tokens: list[Fraction | str]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Operation:
        found = self._sum()
        if self._at < len(self._tokens):
            raise _Unreadable
        return found

    def _next(self, *marks: str) -> str | None:
        """Take the next token if it is one of some marks."""
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if not isinstance(token, str) or token not in marks:
            return None
        self._at += 1
        return token

    def _sum(self) -> Operation:
        found = self._product()
        while mark := self._next("+", "-"):
            found = _operate(found, mark, self._product())
        return found

    def _product(self) -> Operation:
        found = self._signed()
        while mark := self._next("*", "/"):
            found = _operate(found, mark, self._signed())
        return found

    def _signed(self) -> Operation:
        negative = False
        while mark := self._next("+", "-"):
            negative ^= mark == "-"
        found = self._power()
        if not negative:
            return found
        return _operate(_ZERO, "-", found) if found.parts else Operation(-found.value)

    def _power(self) -> Operation:
        base = self._atom()
        return _operate(base, "^", self._signed()) if self._next("^") else base

    def _atom(self) -> Operation:
        token = self._tokens[self._at] if self._at < len(self._tokens) else None
        if isinstance(token, Fraction):
            self._at += 1
            return Operation(token)
        if not self._next("(") or self._depth == _MAX_DEPTH:
            raise _Unreadable
        self._depth += 1
        found = self._sum()
        self._depth -= 1
        if not self._next(")"):
            raise _Unreadable
        return found


_ZERO = Operation(Fraction(0))


def _operate(left: Operation, sign: str, right: Operation) -> Operation:
    value = OPERATIONS[sign](left.value, right.value) if sign in OPERATIONS else _raised(left.value, right.value)
    return Operation(value, sign, (left, right))


def _raised(base: Fraction, exponent: Fraction) -> Fraction:
    if exponent.denominator != 1 or abs(exponent) > _MAX_EXPONENT:
        raise _Unreadable
    value = base ** int(exponent)
    if not isinstance(value, Fraction):
        raise _Unreadable
    return value
