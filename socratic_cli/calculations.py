"""The calculations that a text holds: marked ones (<<48/2=24>>) and those in its words ("16 - 3 = 13 eggs").

The text is cut into tokens once, so that no text, however odd, takes more than linear time. What cannot be read for
certain is not judged: units between the numbers, "half of 10 + 3", mixed numbers, times of day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise, takewhile
from typing import NamedTuple

from socratic_cli.calculator import evaluate, written
from socratic_cli.notation import EQUATION

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|\.\d+"
_TOKEN = re.compile(
    rf"(?P<number>(?:[$€£¥]\s*)?(?!0\d)(?:{_NUMBER})(?:\s*%)?(?![^\W_]|[.,:]\d))"
    r"|(?P<mark>\*\*|\\(?:times|cdot|div)\b|[-+*/×÷−–·^()])"
    r"|(?P<equals>(?<![<>=!])=(?![=>]))"
    r"|(?P<word>[^\W\d]\w*|\d[\w.,:]*|\S)"
)
_TIMES = re.compile(r"(?<=[\d)%])(?P<before>\s*)[xX](?P<after>\s*)(?=[$€£¥\d.(])")
_RATIO = re.compile(r"/(\d+/\d+)(?![\d/.])")
_FIRST_NUMBER = re.compile(_NUMBER)
# A result is said once more after its mark, perhaps after a currency.
_ECHO = re.compile(rf"\s*[$€£¥]?\s*(?P<number>{_NUMBER})")
_OPEN = re.compile(r"<<(?P<left>[^<>=]+)(?P<equals>=)[^<>=]*$")
_LATEX = {r"\times": "*", r"\cdot": "*", r"\div": "/"}
# After these a calculation is only the end of one ("half of 10 + 3 = 8").
_GO_ON = frozenset(["of", "times", "plus", "minus", "by", "than", "to", "x"])
_BRACKETS = ("(", ")")
_SCALES = frozenset(["hundred", "thousand", "million", "billion", "dozen"])


class Span(NamedTuple):
    """Where something stands in a text: the offsets of its first character and of the one after its last."""

    start: int
    end: int


class Calculation(NamedTuple):
    """A calculation as it is written, and each place where its result stands."""

    left: str
    right: str
    results: tuple[Span, ...]

    @property
    def wanted(self) -> Fraction | None:
        """The right result, or None where the written one holds or nothing is certain."""
        value = evaluate(self.left)
        return None if value is None or holds(self.left, self.right) else value

    def __str__(self) -> str:
        """Show it, and after a wrong result the right one: 3*4=11 (12)."""
        wanted = self.wanted
        return f"{self.left}={self.right}" + (f" ({written(wanted)})" if wanted is not None else "")


class Begun(NamedTuple):
    """A calculation whose result is being written: its value, and the offsets at which it and its result begin."""

    left: str
    value: Fraction
    start: int
    result: int
    marked: bool


class _Token(NamedTuple):
    kind: str
    text: str
    span: Span


def calculations(text: str) -> Iterator[Calculation]:
    """Yield the calculations of a text, marked ones first."""
    if "=" not in text:
        return
    yield from _marked(text)
    tokens = _tokens(_without_marks(text))
    at = 0
    while at < len(tokens):
        end = at
        while end < len(tokens) and tokens[end].kind != "word":
            end += 1
        if end > at:
            before = tokens[at - 1].text.lower() if at else ""
            yield from _written(_sides(tokens[at:end]), before, tokens[end : end + 2])
        at = end + 1


def begun(text: str) -> Begun | None:
    """Return the calculation of whose result the first digits end a text, marked (<<48/2=2) or in its words (48/2 = 2).

    A marked one is begun with its equals sign. A result that is written with a sign of its own is left alone.
    """
    if mark := _OPEN.search(text):
        value = evaluate(mark["left"])
        return None if value is None else Begun(mark["left"], value, mark.start(), mark.end("equals"), True)
    return _begun_in_words(text)


def _begun_in_words(text: str) -> Begun | None:
    tokens = _tokens(_without_marks(text))
    run = list(takewhile(lambda token: token.kind != "word", reversed(tokens)))[::-1]
    sides = _sides(run)
    if len(sides) < 2 or [token.kind for token in sides[-1]] != ["number"]:
        return None
    before = tokens[-len(run) - 1].text.lower() if len(sides) == 2 and len(run) < len(tokens) else ""
    left, result = _opened(sides[-2]), _digits(sides[-1][0]).start
    if not _begins(left, before) or ">>" in text[left[-1].span.end : result]:  # a mark told it already
        return None
    expression = _expression(left)
    value = evaluate(expression)
    return None if value is None else Begun(expression, value, left[0].span.start, result, False)


def holds(left: str, right: str) -> bool:
    """Say whether a result is the value of an expression, or that value rounded or cut to the places it is given in.

    A share may be told in percent and an amount in cents. What has no value is not judged, and holds.
    """
    result = evaluate(right)
    if result is None:
        return True
    value = evaluate(left)
    if value is None or _equals(value, result, right):
        return True
    # 100 - 20% may be 80 for who writes it, and 60 / 3/4 a division by 3/4.
    others = map(evaluate, {left.replace("%", ""), _RATIO.sub(r"/(\1)", left)} - {left})
    return any(other is not None and _equals(other, result, right) for other in others)


def _equals(value: Fraction, result: Fraction, right: str) -> bool:
    places = len(right.rstrip("% ").partition(".")[2])
    return abs(result - value) < Fraction(1, 10**places) or result == value * 100 or result * 100 == value


def _marked(text: str) -> Iterator[Calculation]:
    for mark in EQUATION.finditer(text):
        number = _FIRST_NUMBER.search(text, mark.start(2), mark.end(2))
        if number is None:
            continue
        results = [Span(*number.span())]
        if (echo := _ECHO.match(text, mark.end())) and echo["number"] == number[0]:
            results.append(Span(*echo.span("number")))
        yield Calculation(_bare(mark[1]), _bare(mark[2]), tuple(results))


def _without_marks(text: str) -> str:
    """Put blanks in the place of marks, which repeat what stands around them: 3*4 = <<3*4=12>>12. Offsets stay."""
    return EQUATION.sub(lambda mark: " " * len(mark[0]), text)


def _tokens(text: str) -> list[_Token]:
    text = _TIMES.sub(lambda times: f"{times['before']}*{times['after']}", text)
    return [_Token(str(found.lastgroup), found[0], Span(*found.span())) for found in _TOKEN.finditer(text)]


def _sides(tokens: list[_Token]) -> list[list[_Token]]:
    """Split at the equals signs."""
    sides: list[list[_Token]] = [[]]
    for token in tokens:
        if token.kind == "equals":
            sides.append([])
        else:
            sides[-1].append(token)
    return sides


def _written(sides: list[list[_Token]], before: str, after: list[_Token]) -> Iterator[Calculation]:
    """Yield the calculations of a chain of sides: 3*4 = 12 + 5 = 17 are two."""
    for at, (left, right) in enumerate(pairwise(sides)):
        left, right = _opened(left), _closed(right)
        is_last = at == len(sides) - 2
        if _begins(left, before if at == 0 else "") and right and right[0].kind == "number":
            found = Calculation(_expression(left), _bare(right[0].text), (_digits(right[0]),))
            # Who writes 3*4 = 12 + 5 = 17 means the 12 alone; who writes 10-2 = 4*2 = 8 means the product.
            whole = _expression(right)
            if len(right) == 1 and not (is_last and _goes_on(after)):
                yield found
            elif len(right) > 1 and evaluate(whole) is not None and not holds(found.left, found.right):
                yield Calculation(found.left, whole, ())


def _opened(left: list[_Token]) -> list[_Token]:
    """Leave out brackets before a calculation that close after it."""
    unclosed = sum((token.text == "(") - (token.text == ")") for token in left)
    while unclosed > 0 and left[0].text == "(":
        left, unclosed = left[1:], unclosed - 1
    return left


def _closed(right: list[_Token]) -> list[_Token]:
    """Leave out brackets after a result."""
    while right and right[-1].text in _BRACKETS:
        right = right[:-1]
    return right


def _begins(left: list[_Token], before: str) -> bool:
    """Say whether a side is a calculation from its first number on, and not the end of one."""
    numbers = sum(token.kind == "number" for token in left)
    is_begun = before in _GO_ON or before[-1:].isdigit()  # "4:2(30)"
    return numbers > 1 and (left[0].kind == "number" or left[0].text == "(") and not is_begun


def _goes_on(after: list[_Token]) -> bool:
    """Say whether what follows a number makes it another: "12 million", "6 eggs * 2"."""
    is_operated = len(after) > 1 and after[1].kind == "mark" and after[1].text not in _BRACKETS
    return is_operated or (bool(after) and after[0].text.lower().rstrip("s") in _SCALES)


def _expression(tokens: list[_Token]) -> str:
    parts = (_bare(_LATEX.get(token.text, token.text)) for token in tokens)
    # Two numbers side by side, 1 1/2, stay apart: they are no eleven halves.
    return re.sub(r"(?<=[\d%]) (?!\d)|(?<![\d%]) ", "", " ".join(parts))


def _digits(token: _Token) -> Span:
    """Return where the digits of a number stand, without its currency and percent sign."""
    found = _FIRST_NUMBER.search(token.text)
    assert found is not None, token  # a number has digits
    return Span(token.span.start + found.start(), token.span.start + found.end())


def _bare(text: str) -> str:
    return re.sub(r"[\s$€£¥]", "", text)
