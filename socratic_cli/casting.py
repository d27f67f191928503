"""Who plays which role, where not one author plays all of them: another student, a prompted model, the gold rationale.

A model that was not trained for a role is coached: it is told what the role is, and shown the role's own part in
solved exemplars, in the very words in which students are asked. What it replies is read as a student's reply is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from socratic_cli import authors, plugins
from socratic_cli.authors import Author
from socratic_cli.dialogue import Model, Reply, Turn
from socratic_cli.errors import UsageError
from socratic_cli.parts import Scheme, Student, Teacher
from socratic_cli.records import GOLD
from socratic_cli.settings import Decoding
from socratic_cli.stages.solving import with_roles
from socratic_cli.trained import is_student


@dataclass(frozen=True)
class Cast:
    """An author, perhaps with others in some of its roles, and the roles that the gold rationale plays."""

    author: Author
    gold: tuple[str, ...] = ()


@dataclass(frozen=True)
class Ensemble:
    """A model that is several: one for each role that is named, and one for the others."""

    own: Model
    players: Mapping[str, Model]

    async def reply(self, turn: Turn) -> Reply:
        """Let the role's player reply."""
        return await self.players.get(turn.role, self.own).reply(turn)


@dataclass(frozen=True)
class Coached:
    """A model that was not trained, in a role of a scheme."""

    model: Model
    scheme: Scheme

    async def reply(self, turn: Turn) -> Reply:
        """Reply as a student would, if the reply is whole."""
        reply = await self.model.reply(self.scheme.coached(turn))
        is_whole = reply.finish_reason == "stop" or any(mark in reply.text.strip() for mark in turn.stop)
        return replace(reply, text=self.scheme.heard(turn, reply.text)) if is_whole else reply


def cast(
    target: str | None,
    roles: Mapping[str, str],
    scheme: Scheme | None,
    decoding: Decoding,
    *,
    coaching: Mapping[str, Any] | None = None,
    **options: Any,
) -> Cast:
    """Return who solves problems together.

    Args:
        target: who plays the roles that are not in `roles`; its name is on the solutions. Without it that is the
            first trained student among `roles`, or else the first of them.
        roles: who plays a role: a student's folder, a model to prompt, or "gold".
        scheme: what is played where nobody was trained; trained students bring their own.
        decoding: how students write.
        coaching: options of the scheme that say what a prompted model is shown: exemplars, shots.
        options: options of students and teachers.

    Raises:
        UsageError: somebody is unknown, roles are left over or nobody plays them, or the schemes do not agree.
    """
    gold = tuple(role for role, who in roles.items() if who == GOLD)
    others = [who for who in roles.values() if who != GOLD]
    if target is None and not others:
        raise UsageError("name a student or a model to prompt, or say with --role who plays which role")
    if target is not None and not others and (is_student(target) or not gold):
        return Cast(_with_gold(authors.find(target, scheme, decoding, **options), gold), gold)
    found = _found([*([target] if target else []), *others], scheme, decoding, options)
    main = target or next((who for who in others if is_student(who)), others[0])
    played = found[main].scheme
    _require_roles(played, roles)
    by_role = {role: roles.get(role, main) for role in played.roles if target or role in roles}
    _require_players(played, by_role, found)
    if target is not None and all(role in roles for role in played.roles):
        raise UsageError(f"{target} has no role left to play: {played.label} has {', '.join(played.roles)}")
    coach = plugins.load(Scheme, played.label, **(coaching or {}))
    return Cast(_together(main, by_role, found, coach), gold)


def _found(
    names: Iterable[str], scheme: Scheme | None, decoding: Decoding, options: Mapping[str, Any]
) -> dict[str, Author]:
    """Return the authors of these names, in one scheme: that of those who were trained, if somebody was."""
    names = dict.fromkeys(names)
    of_students = _of(Student, options)
    trained = {name: authors.find(name, scheme, decoding, **of_students) for name in names if is_student(name)}
    played = _agreed(trained) or scheme
    return {name: trained.get(name) or _prompted(name, played, decoding, options) for name in names}


def _together(main: str, by_role: Mapping[str, str], found: Mapping[str, Author], coach: Scheme) -> Author:
    """Return the main author with the others in their roles; who was not trained is coached."""
    ready = {name: replace(one, prompted=False, coach=coach if one.prompted else None) for name, one in found.items()}
    players = {role: ready[who] for role, who in by_role.items() if who not in (main, GOLD)}
    named = {role: found[who].label if who in found else GOLD for role, who in by_role.items() if who != main}
    saw = _Seen(tuple(one.saw for one in found.values()))
    return replace(ready[main], label=with_roles(found[main].label, named), players=players, roles=named, saw=saw)


@dataclass(frozen=True)
class _Seen:
    """Whether a question was in anybody's training set; unlike a function within a function, it can travel."""

    saw: tuple[Callable[[str], bool], ...]

    def __call__(self, question: str) -> bool:
        return any(one(question) for one in self.saw)


def _with_gold(author: Author, gold: tuple[str, ...]) -> Author:
    """Return an author with the gold rationale beside it."""
    if not gold:
        return author
    _require_roles(author.scheme, gold)
    roles = {role: GOLD for role in author.scheme.roles if role in gold}
    return replace(author, label=with_roles(author.label, roles), roles=roles)


def _prompted(name: str, scheme: Scheme | None, decoding: Decoding, options: Mapping[str, Any]) -> Author:
    return authors.find(name, scheme, decoding, **_of(Teacher if authors.is_teacher(name) else Student, options))


def _of(kind: type[Teacher] | type[Student], options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options that are students' or teachers'."""
    wanted = ("api_base",) if kind is Teacher else ("load_in_8bit",)
    return {name: value for name, value in options.items() if name in wanted}


def _agreed(trained: Mapping[str, Author]) -> Scheme | None:
    """Return the scheme that all trained ones play, or None where nobody was trained."""
    first = next(iter(trained.values()), None)
    for name, one in trained.items():
        if first is not None and not one.scheme.agrees(first.scheme):
            raise UsageError(
                f"{name} was trained as {one.scheme.label}, {first.label} as {first.scheme.label}: they would ask one"
                " another what the other never learnt. Cast students of one scheme"
            )
    return first.scheme if first is not None else None


def _require_roles(scheme: Scheme, roles: Iterable[str]) -> None:
    for fault in scheme.role_faults(roles):
        raise UsageError(fault)


def _require_players(scheme: Scheme, by_role: Mapping[str, str], found: Mapping[str, Author]) -> None:
    for role in scheme.roles:
        if role not in by_role:
            raise UsageError(f"nobody plays the {role} of {scheme.label}: name a student, or --role {role}=...")
        learnt = found[by_role[role]].learnt if by_role[role] in found else ()
        if learnt and role not in learnt:
            raise UsageError(f"{by_role[role]} was not trained as a {role}: it is a {', '.join(learnt)}")
