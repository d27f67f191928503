"""What may happen in a story: each with the subquestions that it raises, and the sentences that answer them."""

from __future__ import annotations

from socratic_cli.datasets.stories.words import Move, Telling


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


def packed(boxes: str, did: str = "filled", do: str = "fill") -> Move:
    """Return the packing of things into boxes, or what stands for them."""
    told = _tellings(f"How many {boxes} did {{A}} {do}? {{As}} {did} {{sum}}.")
    return Move("/", (2, 12), f"{{He}} packed them all into {boxes} of {{n}}.", told, into=boxes)


def bought(items: str) -> Move:
    """Return the spending of money on things."""
    told = _tellings(f"How many {items} did {{A}} buy? {{As}} bought {{sum}}.")
    return Move("/", _FEW, f"{{He}} spent all of it on {items} at ${{n}} each.", told, into=items)


MONEY = (
    *COMPARISONS,
    *CHANGES,
    Move("/", (2, 2), "{He} kept only half of it.", _KEPT),
    Move("/", _FEW, "{He} split all of it equally among {n} {friends}.", _EACH, "each"),
    bought("notebooks"),
    bought("candles"),
    bought("toys"),
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
