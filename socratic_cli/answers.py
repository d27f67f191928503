"""When two answers are the same, by kind of answer. Nothing is ever evaluated.

number    1,200 = 1200; $5.00 = 5; 50% = 50; 1/2 = .5; -3; 12.0 = 12; "18 dollars" = 18; "14 + 4 = 18" = 18
yes-no    Yes. = yes = true; "Yes, he could." = yes
choice    (B) = B = b) = "B) Paris"
text      compared without case, punctuation, articles and doubled blanks; where there are digits or relations with the
          signs that make another value of them: (1, 2) is not (-1, 2), nor x > 5 the same as x < 5

What a reasonable reader could take for two numbers, or for another one, is not read at all.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from itertools import takewhile
from math import prod
from typing import Literal

Kind = Literal["number", "yes-no", "choice", "text"]

# Characters of a text, and digits of a number, that are still believed to be an answer.
_MAX_LENGTH = 200
_MAX_DIGITS = 60
_PLAIN = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_NUMBER = re.compile(
    rf"""(?P<sign>[-+]?)(?P<gap>\s*)[$€£¥]?\s*(?P<sign2>[-+]?)
         (?: (?P<whole>\d+)\s+(?P<part>\d+/\d+) | (?P<top>{_PLAIN})\s*/\s*(?P<bottom>{_PLAIN}) | (?P<plain>{_PLAIN}) )
         (?:\s*%)?""",
    re.VERBOSE,
)
# A calculation before its result: "63 - 57 =".
_CALCULATION = re.compile(r"(?<![\w.])[-($€£¥\d.][-+*/\u00d7\u00f7\u00b7x=\d\s.,$€£¥%()]*[\d)%]\s*=")
_LATEX_FRACTION = re.compile(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}")
# Markdown's, and not the power of "2**3".
_EMPHASIS = re.compile(r"(?<![\w*])(\*{1,3}|_{1,3})(?=\S)([^*_]+)(?<=\S)\1(?![\w*])")
_MINUS = re.compile(r"\b(?:minus|negative)\s*$", re.IGNORECASE)
# Before a number: part of a name, an operand, or a word that says it is not this number.
_NOT_THIS = re.compile(r"[\w.]$|[*/^\u00d7\u00f7]\s*$|\b(?:not|than)\s*$", re.IGNORECASE)
_NAMED = re.compile(r"\W*(?!\w\s*=|minus\b|negative\b)[^\W\d]", re.IGNORECASE)
_TIMES = {"hundred": 10**2, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
# After a number: an exponent, an operator, or a word that makes another number of it.
_SWALLOWED = re.compile(
    r"\s*(?:[*^\u00d7\u00f7+\u03c0\u221a]|\\(?:pi|sqrt|cdot|times)\b|[ex](?![^\W\d_])|(?:dozen|score)\b|and\s+(?:a|one)\s+(?:half|third|quarter)\b)|k\b|(?-i:[MB])\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"\w+")
# A hyphen that ends a word is none: "Apollo-11".
_SIGNED = re.compile(r"\d+\.\d+|\w+|(?<![^\W\d_])-|[+*/^<>=:%\u2264\u2265\u2260\u221a]")
_WORDS = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_YES_NO = re.compile(r"\W*(yes|no|true|false)\b(?:\s*[.,;:!*\"')—-]+(?P<more>.*)|\s*)", re.IGNORECASE | re.DOTALL)
_CHOICE = re.compile(r"\(?([A-Z])[).:]?", re.IGNORECASE)
_CHOSEN = re.compile(r"\(?([A-Z])(?:[).:]?|[).:]+\s.*)", re.IGNORECASE | re.DOTALL)


def kind_of(answer: str) -> Kind:
    """Infer the kind of a gold answer."""
    if answer.strip().strip("\"'*.! ").casefold() in _WORDS:
        return "yes-no"
    # A gold number may have a unit; words before it make a name of it, as in "Apollo 11".
    if as_number(answer) is not None and not _NAMED.match(_plain_characters(answer)):
        return "number"
    return "choice" if _CHOICE.fullmatch(answer.strip()) else "text"


def same_answer(given: str | None, gold: str, kind: Kind | None = None) -> bool:
    """Say whether `given` is the answer `gold`; the kind is inferred from `gold` unless it is told.

    An answer that cannot be read as the gold answer's kind is not the same. None, no answer, never is.
    """
    if given is None:
        return False
    kind = kind or kind_of(gold)
    normal = {"number": as_number, "yes-no": _yes_no, "choice": _choice, "text": _text}[kind]
    wanted = normal(gold)
    return wanted is not None and normal(given) == wanted


def as_number(text: str) -> Fraction | None:
    """Read a number, exactly; units around it are passed over, a second number makes it unreadable.

    A percent sign is a unit: "50%" is 50, as data sets write it.
    """
    if len(text) > _MAX_LENGTH:
        return None
    text = _CALCULATION.sub("", _plain_characters(text)).strip()
    match = _NUMBER.search(text)
    if match is None or sum(map(str.isdigit, match[0])) > _MAX_DIGITS:
        return None
    start = match.end() - len(match[0].lstrip())
    return _in_context(text[:start], match, text[match.end() :])


def _plain_characters(text: str) -> str:
    """Write fractions, minus signs, powers and LaTeX's ways with numbers in plain characters, without emphasis."""
    text = _EMPHASIS.sub(r"\2", text)
    text = _LATEX_FRACTION.sub(r" \1/\2", text.replace("{,}", ",").replace("\\!", ""))
    return "".join(map(_plain_character, text))


def _plain_character(character: str) -> str:
    if character in "\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d":
        return "-"
    if unicodedata.decomposition(character).startswith("<super>"):
        return "^"
    plain = unicodedata.normalize("NFKC", character).replace("\u2044", "/")
    # "3½" is 3 1/2: without the blank it would be 31/2.
    return f" {plain}" if len(plain) > 1 and "/" in plain else plain


def _in_context(before: str, match: re.Match[str], after: str) -> Fraction | None:
    """Return the number with its sign and "million", unless what stands around makes another number of it."""
    if re.search(r"\d", before + after) or _NOT_THIS.search(before) or _SWALLOWED.match(after):
        return None
    if match["sign"] and match["gap"] and re.search(r"\w\s*$", before):
        return None  # "n - 5", or a dash
    minuses = [match["sign"] == "-", match["sign2"] == "-", _MINUS.search(before) is not None]
    if sum(minuses) > 1:
        return None
    value = _value(match)
    times = prod(_TIMES[word] for word in takewhile(_TIMES.__contains__, re.findall(r"[a-z]+", after.lower())))
    return value * times * (-1 if any(minuses) else 1) if value is not None else None


def _value(match: re.Match[str]) -> Fraction | None:
    try:
        if match["whole"]:
            return Fraction(match["whole"]) + Fraction(match["part"])
        if match["top"]:
            return _fraction(match["top"]) / _fraction(match["bottom"])
        return _fraction(match["plain"])
    except ZeroDivisionError:
        return None


def _fraction(digits: str) -> Fraction:
    return Fraction(digits.replace(",", "").rstrip("."))


def _yes_no(text: str) -> str | None:
    """Read yes or no, alone or before a comma or a full stop; "no one" and "yes and no" are neither."""
    match = _YES_NO.fullmatch(text.strip())
    if match is None:
        return None
    said = _WORDS[match[1].casefold()]
    others = {_WORDS.get(word) for word in re.findall(r"\w+", (match["more"] or "").casefold())} - {None}
    return said if others <= {said} else None


def _choice(text: str) -> str | None:
    match = _CHOSEN.fullmatch(text.strip().rstrip("."))
    return match[1].upper() if match else None


def _text(text: str) -> str | None:
    plain = "".join(map(_plain_character, text)).strip(" *_`$.")
    found = _SIGNED if re.search(r"[\d<>=^\u221a\\]", plain) else _WORD
    words = found.findall(unicodedata.normalize("NFKC", plain).casefold())
    return " ".join(word for word in words if word not in {"a", "an", "the"}) or None
