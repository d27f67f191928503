"""How alike two subquestions are, and whether one is about its problem at all; by their words, without a model."""

from __future__ import annotations

import re
from functools import lru_cache

# Likeness above which two questions are the same.
SAME = 0.8
# Words that every question has; what is left names what is asked for.
_COMMON = frozenset(
    re.findall(
        r"\w+",
        "a an and are as at be been by can could did do does for from had has have he her his how i if in is it its"
        " many much of on or she so that the their them then there they this to was we were what when which who will"
        " with would you",
    )
)


@lru_cache(maxsize=4096)
def content(text: str) -> frozenset[str]:
    """Return the words of a text that say something, without plural and possessive endings."""
    words = re.findall(r"[^\W_]+", re.sub(r"['\u2019]s?\b", "", text.casefold()))
    return frozenset(_stem(word) for word in words if word not in _COMMON)


def likeness(one: str, other: str) -> float:
    """Return the F1 of the words that two questions share, from 0 to 1."""
    left, right = content(one), content(other)
    return 2 * len(left & right) / (len(left) + len(right)) if left and right else 0.0


def alike(one: str | None, other: str | None) -> bool:
    """Say whether two subquestions are nearly the same, word by word."""
    return likeness(one or "", other or "") >= SAME


def coverage(text: str, source: str) -> float:
    """Return the share of the words of a text that occur in another; 1 where it has none that say anything."""
    words = content(text)
    return len(words & content(source)) / len(words) if words else 1.0


def normal(question: str) -> str:
    """Return a question without case, punctuation and doubled blanks."""
    return " ".join(re.findall(r"\w+", question.casefold()))


def _stem(word: str) -> str:
    for ending in ("ies", "es", "s"):
        if word.endswith(ending) and len(word) > len(ending) + 2 and not word.endswith("ss"):
            return word[: -len(ending)] + ("y" if ending == "ies" else "")
    return word
