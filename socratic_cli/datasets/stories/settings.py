"""What is counted in a story, where it starts, and what may happen to it there."""

from __future__ import annotations

from socratic_cli.datasets.stories.moves import DEALT, DEEDS, MONEY, SOLD, THINGS, packed
from socratic_cli.datasets.stories.words import Setting, Start


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
        (*THINGS, packed("boxes"), DEALT, SOLD),
        _opened("collected", "filled {n} baskets with {m} eggs each"),
        ("collected {n} more", "bought {n} more"),
        ("sold {n} of them", "broke {n} of them", "used {n} of them for cakes"),
    ),
    Setting(
        "apples",
        (*THINGS, packed("bags"), DEALT, SOLD),
        _opened("picked", "picked {m} apples from each of {n} trees"),
        ("picked {n} more", "got {n} more from a neighbor"),
        ("ate {n} of them", "cooked {n} of them", "threw {n} bad ones away"),
    ),
    Setting(
        "tulips",
        (*THINGS, packed("bunches", "made", "make"), SOLD),
        _opened("planted", "planted {n} rows of {m} tulips"),
        ("planted {n} more", "was given {n} more"),
        ("lost {n} of them to frost", "gave {n} of them away"),
    ),
    # bakery and shop
    Setting(
        "muffins",
        (*THINGS, packed("boxes"), DEALT, SOLD),
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
        (*THINGS, packed("boxes"), DEALT),
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
        (*THINGS, packed("jars"), DEALT),
        _opened("bought", "bought {n} strings of {m} beads"),
        ("found {n} more", "bought {n} more"),
        ("used {n} of them for a ring", "lost {n} of them"),
    ),
    Setting(
        "shells",
        (*THINGS, packed("bags"), DEALT),
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
