"""The teller of arithmetic stories: a value, whose it is and what it counts, moved on step by step.

Values stay whole, positive and at most `LIMIT`; divisions come out even. Most steps work on the value before, some on
the two before: two holders together, or the difference between them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

from socratic_cli.datasets.stories.moves import IN_ALL
from socratic_cli.datasets.stories.settings import SETTINGS
from socratic_cli.datasets.stories.words import FRIENDS, MEN, WOMEN, Move, Operator, Setting, Telling
from socratic_cli.records import Step

LIMIT = 1000
"""No value of a story is larger."""
_START = (4, 40)
_GROUPS = (2, 9)
_OPENINGS = tuple(setting for setting in SETTINGS.values() if setting.starts)
Fields = dict[str, Any]
_WORDS = {key: setting.words for key, setting in SETTINGS.items()}


class Story(NamedTuple):
    """A question, the steps that solve it, and the answer, which is the result of the last step."""

    question: str
    steps: tuple[Step, ...]
    answer: str


class Holder(NamedTuple):
    """Whose the value is: a name and a pronoun. Only a single one can be joined by another, or deal out."""

    name: str
    he: str
    single: bool = True


class Calculation(NamedTuple):
    """A step's arithmetic."""

    left: int
    op: Operator
    right: int
    result: int

    def written(self, setting: Setting) -> str:
        """Write it with its mark and unit: 16-3 = <<16-3=13>>13 eggs."""
        sides = f"{self.left}{self.op}{self.right}"
        unit = "" if setting.sign else f" {setting.items}"
        return f"{sides} = {setting.sign}<<{sides}={self.result}>>{self.result}{unit}"


@dataclass(slots=True)
class Scene:
    """Where a story stands. `before` is whom the present holder was compared with, and that one's value."""

    setting: Setting
    holder: Holder
    value: int = 0
    before: tuple[Holder, int] | None = None
    places: tuple[str, ...] = ()
    texts: list[str] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    met: set[str] = field(default_factory=set)
    told: set[tuple[Telling, ...]] = field(default_factory=set)


def tell(rng: Random, steps: int) -> Story:
    """Tell a story of so many steps, at least 1."""
    scene = _open(rng)
    while len(scene.steps) < steps:
        _advance(rng, scene, last=len(scene.steps) == steps - 1)
    question = scene.steps[-1].subquestion or ""
    return Story(" ".join([*filter(None, scene.texts), question]), tuple(scene.steps), str(scene.value))


def _open(rng: Random) -> Scene:
    setting = rng.choice(_OPENINGS)
    start = rng.choice(setting.starts)
    scene = Scene(setting, Holder("", rng.choice(("he", "she"))), places=setting.places)
    scene.holder = _newcomer(rng, scene)
    fields = _fields(scene, scene.holder, scene.holder)
    low, high = _GROUPS if start.op == "*" else _START
    scene.value, other = rng.randint(low, high), rng.randint(low, high)
    scene.texts.append(start.text.format_map(fields | {"n": scene.value, "m": other}))
    if start.op:
        calculation = _calculate(scene.value, start.op, other)
        _note(rng, scene, IN_ALL, calculation, fields)
    return scene


def _advance(rng: Random, scene: Scene, last: bool) -> None:
    """Let something happen, and take the step that it needs."""
    move, calculation = _choose(rng, scene, last)
    friend, friends = rng.choice(FRIENDS)
    holder, other = _cast(rng, scene, move)
    fields = _fields(scene, holder, other) | {"n": calculation.right, "friend": friend, "friends": friends}
    fields["amount"] = f"{scene.setting.sign}{calculation.right}"
    for word, events in (("gain", scene.setting.gains), ("loss", scene.setting.losses)):
        fields[word] = rng.choice(events).format_map(fields) if events else ""
    scene.texts.append(move.text.format_map(fields))
    scene.before = _remembered(scene, move)
    scene.holder = _next_holder(move, holder, other, friend)
    scene.setting = SETTINGS[move.into] if move.into else scene.setting
    _note(rng, scene, move.tellings, calculation, fields)


def _choose(rng: Random, scene: Scene, last: bool) -> tuple[Move, Calculation]:
    """Return something that may happen now; to gain or to lose a little always may."""
    while True:
        move = rng.choice(scene.setting.moves)
        calculation = _fitting(rng, scene, move) if last or not move.last else None
        if calculation is not None:
            return move, calculation


def _fitting(rng: Random, scene: Scene, move: Move) -> Calculation | None:
    """Return the calculation of a move, or None where it does not fit the holders or its result is out of bounds."""
    if move.whose in ("both", "difference"):
        pair = _pair(scene, move.op)
        return _within(_calculate(pair[0], move.op, pair[1])) if pair else None
    if not _suits(scene, move):
        return None
    low, high = move.operands
    if move.op == "/":
        divisors = [size for size in range(low, high + 1) if scene.value % size == 0]
        return _within(_calculate(scene.value, "/", rng.choice(divisors))) if divisors else None
    return _within(_calculate(scene.value, move.op, rng.randint(low, high)))


def _suits(scene: Scene, move: Move) -> bool:
    """Say whether a move has whom it needs, and does not bring back the one subquestion it has."""
    if move.whose == "other":
        return bool(_strangers(scene)[0])
    if move.whose == "each" and not scene.holder.single:
        return False
    return len(move.tellings) > 1 or move.tellings not in scene.told


def _pair(scene: Scene, op: Operator) -> tuple[int, int] | None:
    if scene.before is None or not scene.holder.single:
        return None
    return (scene.before[1], scene.value) if op == "+" else (scene.value, scene.before[1])


def _calculate(left: int, op: Operator, right: int) -> Calculation:
    results = {"+": left + right, "-": left - right, "*": left * right, "/": left // right}
    return Calculation(left, op, right, results[op])


def _within(calculation: Calculation) -> Calculation | None:
    return calculation if 2 <= calculation.result <= LIMIT else None


def _cast(rng: Random, scene: Scene, move: Move) -> tuple[Holder, Holder]:
    """Return the two that a move names: the holder and somebody new, or the two of a comparison."""
    if move.whose == "other":
        return scene.holder, _newcomer(rng, scene)
    if move.whose in ("both", "difference") and scene.before:
        return scene.before[0], scene.holder
    return scene.holder, scene.holder


def _strangers(scene: Scene) -> tuple[list[str], str]:
    """Return who was not met yet, with their pronoun: places, or people of the other sex, to keep she and he clear."""
    if scene.places:
        names, he = scene.places, "it"
    else:
        names, he = (MEN, "he") if scene.holder.he == "she" else (WOMEN, "she")
    return [name for name in names if name not in scene.met], he


def _newcomer(rng: Random, scene: Scene) -> Holder:
    names, he = _strangers(scene)
    name = rng.choice(names)
    scene.met.add(name)
    return Holder(name, he)


def _remembered(scene: Scene, move: Move) -> tuple[Holder, int] | None:
    """Return whom the next holder can be joined with: the other one of a comparison, while both count the same."""
    if move.whose == "other":
        return (scene.holder, scene.value) if scene.holder.single else None
    return scene.before if move.whose == "same" and move.op in "+-" else None


def _next_holder(move: Move, holder: Holder, other: Holder, friend: str) -> Holder:
    if move.whose == "each":
        return Holder(f"each {friend}", f"each {friend}", single=False)
    if move.whose == "both":
        return Holder(f"{holder.name} and {other.name}", "they", single=False)
    return other


def _note(rng: Random, scene: Scene, told: tuple[Telling, ...], calculation: Calculation, fields: Fields) -> None:
    """Write a step down, with a subquestion that was not asked yet if there is one."""
    asked = {step.subquestion for step in scene.steps}
    asks = [telling.ask.format_map(fields) for telling in told]
    new = [at for at, ask in enumerate(asks) if ask not in asked] or [0]
    at = rng.choice(new[:3])
    scene.told.add(told)
    fields["sum"] = calculation.written(scene.setting)
    scene.steps.append(Step(subquestion=asks[at], solution=told[at].tell.format_map(fields)))
    scene.value = calculation.result


def _fields(scene: Scene, holder: Holder, other: Holder) -> Fields:
    """Return what the templates name of a scene and the two it is about."""
    return {
        **_WORDS[scene.setting.items],
        "A": holder.name,
        "As": _capital(holder.name),
        "he": holder.he,
        "He": _capital(holder.he),
        "B": other.name,
        "Bs": _capital(other.name),
        "Then_B": f"By then {other.name}" if scene.setting.by_then and len(scene.texts) > 1 else _capital(other.name),
    }


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
