"""What stories are worded with: names, and the forms of what is counted and of what may happen to it.

A template's fields: {A} holds the value ({As} begins a sentence; {he}, {He} as a pronoun); {B} is somebody new, or in
a difference the second of two ({Bs}, {Then_B} begin a sentence); {n} is the operand, {amount} the same with its sign;
{sum} is the calculation with its result and unit; {gain} and {loss} are the setting's own events; the rest are words
of the setting. Stories are told in the past tense, so that no verb has to agree with its subject.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

Operator = Literal["+", "-", "*", "/"]
Whose = Literal["same", "other", "both", "difference", "each"]

# fmt: off
WOMEN = (
    "Ann", "Bella", "Carla", "Dora", "Emma", "Fiona", "Grace", "Hana", "Iris", "Julia", "Kira", "Lena", "Maya", "Nora",
    "Olga", "Paula", "Rosa", "Sara",
)
MEN = (
    "Adam", "Ben", "Carl", "David", "Eric", "Felix", "Gus", "Hugo", "Ivan", "Jack", "Karl", "Leo", "Max", "Noah",
    "Omar", "Paul", "Ravi", "Sam",
)
# fmt: on
FRIENDS = (("friend", "friends"), ("cousin", "cousins"), ("neighbor", "neighbors"), ("child", "children"))


class Telling(NamedTuple):
    """A subquestion and the sentence that answers it."""

    ask: str
    tell: str

    @classmethod
    def of(cls, text: str) -> Telling:
        """Cut "How many ...? There were ..." after its question mark."""
        ask, mark, tell = text.partition("? ")
        return cls(ask + mark.rstrip(), tell)


class Move(NamedTuple):
    """What may happen: it changes the value, and perhaps whose it is (`whose`) or what is counted (`into`)."""

    op: Operator
    operands: tuple[int, int]
    text: str
    tellings: tuple[Telling, ...]
    whose: Whose = "same"
    into: str = ""
    last: bool = False


class Start(NamedTuple):
    """How a story starts: with the value n, or already with the step n `op` m."""

    text: str
    op: Operator | None = None


class Setting(NamedTuple):
    """What is counted and the words for it. A story opens in a setting that has starts."""

    items: str
    moves: tuple[Move, ...]
    starts: tuple[Start, ...] = ()
    gains: tuple[str, ...] = ()
    losses: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    had: str = "had"
    have: str = "have"
    many: str = "many"
    less: str = "fewer"
    sign: str = ""
    by_then: bool = True

    @property
    def words(self) -> dict[str, str]:
        """The words that templates name. Amounts of money stand without a noun: $5 more."""
        noun = "" if self.sign else f" {self.items}"
        words = {key: value for key, value in self._asdict().items() if isinstance(value, str)}
        return words | {"more": f"more{noun}", "less": f"{self.less}{noun}"}
