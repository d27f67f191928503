"""When two answers are the same, by kind of answer. Nothing is ever evaluated.

number    1,200 = 1200; $5.00 = 5; 50% = 50; 1/2 = .5; -3; 12.0 = 12; "18 dollars" = 18
yes-no    Yes. = yes = true
choice    (B) = B = b)
text      compared without case, punctuation, articles and doubled blanks
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction
from typing import Literal

Kind = Literal["number", "yes-no", "choice", "text"]

# Digits of a number that is still believed to be an answer: beyond, exact arithmetic only costs time.
_MAX_DIGITS = 60
_PLAIN = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d*)?|\.\d+"
_NUMBER = re.compile(
    rf"""(?P<sign>[-+]?)\s*[$€£¥]?\s*(?P<sign2>[-+]?)
         (?: (?P<whole>\d+)\s+(?P<part>\d+/\d+) | (?P<top>{_PLAIN})\s*/\s*(?P<bottom>{_PLAIN}) | (?P<plain>{_PLAIN}) )
         \s*%?""",
    re.VERBOSE,
)
_WORDS = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
_CHOICE = re.compile(r"\(?([A-Z])[).:]?", re.IGNORECASE)


def kind_of(answer: str) -> Kind:
    """Infer the kind of a gold answer."""
    if _yes_no(answer) is not None:
        return "yes-no"
    if as_number(answer) is not None:
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
    text = unicodedata.normalize("NFKC", text).replace("\u2044", "/").replace("\u2212", "-").strip()
    match = _NUMBER.search(text)
    if match is None or not _only_units(text[: match.start()], text[match.end() :]):
        return None
    if sum(map(str.isdigit, match[0])) > _MAX_DIGITS:
        return None
    value = _value(match)
    negative = (match["sign"] + match["sign2"]).count("-") % 2
    return -value if value is not None and negative else value


def _value(match: re.Match[str]) -> Fraction | None:
    try:
        if match["whole"]:
            return Fraction(match["whole"]) + Fraction(match["part"])
        if match["top"]:
            return _plain(match["top"]) / _plain(match["bottom"])
        return _plain(match["plain"])
    except ZeroDivisionError:
        return None


def _plain(digits: str) -> Fraction:
    return Fraction(digits.replace(",", "").rstrip(".") or "0")


def _only_units(before: str, after: str) -> bool:
    """Allow "x = ", "about" or a unit around a number, not another number or a word that swallows it."""
    if before and (before[-1].isalnum() or before[-1] in "_."):
        return False
    if re.match(r"\w", after):
        # 5kg and 3rd are numbers with units; 1e9 or 12x4 are not ours to read.
        after_word = re.match(r"[^\W\d_]+(?![\d])", after)
        if after_word is None or after_word[0].lower() in {"e", "x"}:
            return False
    return not re.search(r"\d", before + after) and len(before + after) <= 80


def _yes_no(text: str) -> str | None:
    return _WORDS.get(text.strip().strip(".!\"'*").casefold())


def _choice(text: str) -> str | None:
    match = _CHOICE.fullmatch(text.strip().rstrip("."))
    return match[1].upper() if match else None


def _text(text: str) -> str:
    words = re.findall(r"\w+", unicodedata.normalize("NFKC", text).casefold())
    return " ".join(word for word in words if word not in {"a", "an", "the"})
