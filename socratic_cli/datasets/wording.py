"""The wording of the arithmetic stories: what is counted, and what may happen to it.

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


def _tellings(*texts: str) -> tuple[Telling, ...]:
    return tuple(Telling.of(text) for text in texts)


_ADDED, _TAKEN, _FEW = (2, 30), (2, 30), (2, 8)

IN_ALL = _tellings("How {many} {items} did {A} {have} in all? {As} {had} {sum} in all.")
_MORE = _tellings(
    "How {many} {items} did {A} {have} then? {As} {had} {sum} then.",
    "How {many} {items} did {A} {have} in all? {As} {had} {sum} in all.",
    "How {many} {items} did {A} {have} after that? {As} {had} {sum} after that.",
    "How {many} {items} did {A} {have} with the {amount} more? {As} {had} {sum} then.",
)
_LEFT = _tellings(
    "How {many} {items} did {A} have left? {As} had {sum} left.",
    "How {many} {items} did {A} keep? {As} kept {sum}.",
    "How {many} {items} did {A} have left after that? {As} had {sum} left after that.",
    "How {many} {items} did {A} have without the {amount}? {As} had {sum} left.",
)
_DONE = _tellings(
    "How many {items} did {A} {have} in total? {As} {had} {sum} in total.",
    "How many {items} did {A} {have} altogether? {As} {had} {sum} altogether.",
    "How many {items} did {A} {have} with the {n} more? {As} {had} {sum}.",
)
_KEPT = _LEFT[:3]
_LATER = _tellings("How {many} {items} did {A} have a month later? {As} had {sum} a month later.")
_OTHER = _tellings("How {many} {items} did {B} {have}? {Bs} {had} {sum}.")
_APART = _tellings("How {many} more {items} did {B} {have} than {A}? {Bs} {had} {sum} more than {A}.")
_TOGETHER = _tellings("How {many} {items} did {A} and {B} {have} together? {As} and {B} {had} {sum} together.")
_EACH = _tellings("How {many} {items} did each {friend} get? Each {friend} got {sum}.")
_PAID = _tellings("How much money did {A} get? {As} got {sum}.")

COMPARISONS = (
    Move("+", _ADDED, "{Then_B} {had} {amount} {more} than {A}.", _OTHER, "other"),
    Move("-", _TAKEN, "{Then_B} {had} {amount} {less} than {A}.", _OTHER, "other"),
    Move("*", (2, 2), "{Then_B} {had} twice as {many} {items} as {A}.", _OTHER, "other"),
    Move("*", (3, 5), "{Then_B} {had} {n} times as {many} {items} as {A}.", _OTHER, "other"),
    Move("/", (2, 2), "{Then_B} {had} half as {many} {items} as {A}.", _OTHER, "other"),
    Move("/", (3, 3), "{Then_B} {had} a third as {many} {items} as {A}.", _OTHER, "other"),
    Move("/", (4, 4), "{Then_B} {had} a quarter as {many} {items} as {A}.", _OTHER, "other"),
    Move("-", (0, 0), "", _APART, "difference", last=True),
)
CHANGES = (
    Move("+", _ADDED, "{He} {gain}.", _MORE),
    Move("+", _ADDED, "Then {he} {gain}.", _MORE),
    Move("-", _TAKEN, "{He} {loss}.", _LEFT),
    Move("-", _TAKEN, "Then {he} {loss}.", _LEFT),
    Move("*", (2, 2), "A month later, {he} had twice as {many}.", _LATER),
    Move("*", (3, 4), "A month later, {he} had {n} times as {many}.", _LATER),
    Move("+", (0, 0), "{As} and {B} put all their {items} together.", _TOGETHER, "both"),
)
THINGS = (
    *COMPARISONS,
    *CHANGES,
    Move("/", (2, 2), "{He} kept only half of them.", _KEPT),
    Move("/", (3, 3), "{He} kept only a third of them.", _KEPT),
)
SOLD = Move("*", _FEW, "{He} sold them all for ${n} each.", _PAID, into="money")
DEALT = Move("/", _FEW, "{He} shared them all equally among {n} {friends}.", _EACH, "each")


def _packed(boxes: str, did: str = "filled", do: str = "fill") -> Move:
    told = _tellings(f"How many {boxes} did {{A}} {do}? {{As}} {did} {{sum}}.")
    return Move("/", (2, 12), f"{{He}} packed them all into {boxes} of {{n}}.", told, into=boxes)


def _bought(items: str) -> Move:
    told = _tellings(f"How many {items} did {{A}} buy? {{As}} bought {{sum}}.")
    return Move("/", _FEW, f"{{He}} spent all of it on {items} at ${{n}} each.", told, into=items)


MONEY = (
    *COMPARISONS,
    *CHANGES,
    Move("/", (2, 2), "{He} kept only half of it.", _KEPT),
    Move("/", _FEW, "{He} split all of it equally among {n} {friends}.", _EACH, "each"),
    _bought("notebooks"),
    _bought("candles"),
    _bought("toys"),
)
DEEDS = (
    *COMPARISONS,
    Move("+", _ADDED, "{He} {had} {n} more the next day.", _DONE),
    Move("+", _ADDED, "Later, {he} {had} {n} more.", _DONE),
    Move(
        "*",
        _FEW,
        "{He} did this on {n} days in all.",
        _tellings("How many {items} did {A} {have} on the {n} days? {As} {had} {sum} on the {n} days."),
    ),
    Move(
        "/",
        _FEW,
        "{He} spread this evenly over {n} days.",
        _tellings("How many {items} did {A} {have} each day? {As} {had} {sum} each day."),
        last=True,
    ),
    Move("*", _FEW, "{He} got ${n} for each of them.", _PAID, into="money"),
    Move("+", (0, 0), "", _TOGETHER, "both", last=True),
)


def _opened(verb: str, groups: str) -> tuple[Start, ...]:
    """Return a plain start, one of equal groups, and one of two days."""
    return (
        Start(f"{{As}} {verb} {{n}} {{items}}."),
        Start(f"{{As}} {groups}.", "*"),
        Start(f"{{As}} {verb} {{n}} {{items}} on Monday and {{m}} on Tuesday.", "+"),
    )


def _deed(items: str, had: str, have: str) -> Setting:
    starts = (
        Start(f"{{As}} {had} {{n}} {items}."),
        Start(f"{{As}} {had} {{n}} {items} a day for {{m}} days.", "*"),
        Start(f"{{As}} {had} {{n}} {items} on Monday and {{m}} on Tuesday.", "+"),
    )
    return Setting(items, DEEDS, starts, had=had, have=have, by_then=False)


_LIBRARIES = ("the town library", "the school library", "the old library", "the village library")
_SCHOOLS = ("the north school", "the south school", "the new school", "the village school")
_SHOPS = ("the corner shop", "the station shop", "the market stall", "the garden shop")
_SAVED = (
    Start("{As} saved ${n}."),
    Start("{As} saved ${n} a week for {m} weeks.", "*"),
    Start("{As} earned ${n} on Saturday and ${m} on Sunday.", "+"),
)

_TABLE = (
    # farm and garden
    Setting(
        "eggs",
        (*THINGS, _packed("boxes"), DEALT, SOLD),
        _opened("collected", "filled {n} baskets with {m} eggs each"),
        ("collected {n} more", "bought {n} more"),
        ("sold {n} of them", "broke {n} of them", "used {n} of them for cakes"),
    ),
    Setting(
        "apples",
        (*THINGS, _packed("bags"), DEALT, SOLD),
        _opened("picked", "picked {m} apples from each of {n} trees"),
        ("picked {n} more", "got {n} more from a neighbor"),
        ("ate {n} of them", "cooked {n} of them", "threw {n} bad ones away"),
    ),
    Setting(
        "tulips",
        (*THINGS, _packed("bunches", "made", "make"), SOLD),
        _opened("planted", "planted {n} rows of {m} tulips"),
        ("planted {n} more", "was given {n} more"),
        ("lost {n} of them to frost", "gave {n} of them away"),
    ),
    # bakery and shop
    Setting(
        "muffins",
        (*THINGS, _packed("boxes"), DEALT, SOLD),
        _opened("baked", "baked {n} trays of {m} muffins"),
        ("baked {n} more", "made {n} more"),
        ("sold {n} of them", "burnt {n} of them", "gave {n} of them to the neighbors"),
    ),
    Setting(
        "lamps",
        THINGS,
        _opened("had", "got {n} crates of {m} lamps"),
        ("ordered {n} more", "got {n} more"),
        ("sold {n} of them", "sent {n} of them back"),
        places=_SHOPS,
    ),
    # school and library
    Setting(
        "books",
        THINGS,
        _opened("bought", "filled {n} shelves with {m} books each"),
        ("bought {n} more", "was given {n} more"),
        ("lent {n} of them", "sold {n} old ones"),
        places=_LIBRARIES,
    ),
    Setting(
        "chairs",
        THINGS,
        _opened("bought", "set up {n} rows of {m} chairs"),
        ("bought {n} more", "borrowed {n} more"),
        ("lent {n} of them", "threw {n} broken ones away"),
        places=_SCHOOLS,
    ),
    Setting(
        "pencils",
        (*THINGS, _packed("boxes"), DEALT),
        _opened("bought", "bought {n} packs of {m} pencils"),
        ("bought {n} more", "found {n} more in a drawer"),
        ("lost {n} of them", "gave {n} of them away"),
    ),
    # hobbies
    Setting(
        "stamps",
        (*THINGS, DEALT, SOLD),
        _opened("collected", "filled {n} pages with {m} stamps each"),
        ("bought {n} more", "got {n} more as a gift"),
        ("traded {n} of them for a coin", "lost {n} of them"),
    ),
    Setting(
        "beads",
        (*THINGS, _packed("jars"), DEALT),
        _opened("bought", "bought {n} strings of {m} beads"),
        ("found {n} more", "bought {n} more"),
        ("used {n} of them for a ring", "lost {n} of them"),
    ),
    Setting(
        "shells",
        (*THINGS, _packed("bags"), DEALT),
        _opened("found", "found {m} shells on each of {n} beaches"),
        ("found {n} more", "got {n} more from a friend"),
        ("dropped {n} of them", "gave {n} of them away"),
    ),
    # travel, reading, work
    _deed("kilometers", "cycled", "cycle"),
    _deed("miles", "drove", "drive"),
    _deed("pages", "read", "read"),
    _deed("laps", "swam", "swim"),
    _deed("songs", "played", "play"),
    _deed("fences", "painted", "paint"),
    # savings
    Setting(
        "money",
        MONEY,
        _SAVED,
        ("earned ${n} more", "got ${n} as a gift", "found ${n} in an old coat"),
        ("spent ${n} on lunch", "spent ${n} on a ticket", "paid ${n} for a book", "lent ${n} to a friend"),
        many="much",
        less="less",
        sign="$",
    ),
    # what things are packed into, and what money buys
    Setting("boxes", (*THINGS, SOLD), (), ("filled {n} more",), ("gave {n} of them away", "sold {n} of them")),
    Setting("bags", (*THINGS, SOLD), (), ("filled {n} more",), ("gave {n} of them away", "sold {n} of them")),
    Setting("bunches", (*THINGS, SOLD), (), ("made {n} more",), ("sold {n} of them",)),
    Setting("jars", (*THINGS, SOLD), (), ("filled {n} more",), ("gave {n} of them away", "broke {n} of them")),
    Setting("notebooks", (*THINGS, DEALT), (), ("found {n} more",), ("gave {n} of them away",)),
    Setting("candles", (*THINGS, DEALT), (), ("made {n} more",), ("burnt {n} of them",)),
    Setting("toys", (*THINGS, DEALT), (), ("got {n} more as a gift",), ("gave {n} of them away",)),
)

SETTINGS = {setting.items: setting for setting in _TABLE}
"""By what is counted."""
