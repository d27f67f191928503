"""Solutions become runs, and runs become arms: what belongs together, and what goes by one name but is not the same.

An author on one set of problems is a run. Runs of one arm differ by their seed, or by the number of the sample. Runs
of the same name on other problems are parts of one run, as two halves of a split; on the same problems they are runs of
different days, and become arms that are named after their files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from socratic_cli.answers import same_answer
from socratic_cli.errors import InputError
from socratic_cli.records import Problem, Solution, fingerprint, lettered
from socratic_cli.scoring.evaluation import Evaluation, Outcome
from socratic_cli.scoring.readings import judge
from socratic_cli.settings import Reading


class Key(NamedTuple):
    """What makes a run one: whose it is, of which seed and sample."""

    author: str
    seed: int | None
    sample: int


@dataclass
class Found:
    """A run, or a part of one, as it was found in a file.

    `named` if the user gave its arm a name; `seconds` is what solving took by the clock, None where nobody told;
    `parts` are the files of further parts.
    """

    arm: str
    scheme: str
    key: Key
    origin: str
    named: bool = False
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    seconds: float | None = None
    parts: list[str] = field(default_factory=list)


@dataclass
class Group:
    """The runs of an arm."""

    name: str
    scheme: str
    runs: list[Found]


class Problems:
    """The problems of an evaluation by id, each once."""

    def __init__(self) -> None:
        """Begin without problems."""
        self.by_id: dict[str, Problem] = {}
        self.differing: set[str] = set()
        self.other: dict[str, list[str]] = {}

    def add(self, problem: Problem, origin: str) -> Problem:
        """Note a problem, and whether its gold answer is another one than before.

        Returns:
            The problem, under an id of its own where another question of another file has the same.
        """
        known = self.by_id.setdefault(problem.id, problem)
        if fingerprint(known.question) != fingerprint(problem.question):
            self.other.setdefault(origin, []).append(problem.id)
            problem = problem.model_copy(update={"id": f"{problem.id} ({origin})"})
            known = self.by_id.setdefault(problem.id, problem)
        if known is not problem and not same_answer(problem.answer, known.answer or ""):
            self.differing.add(problem.id)
        return problem

    def aliases(self) -> dict[str, str]:
        """Return ids that are hashes with the id that the same question has elsewhere, where there is one.

        The same to the letter, or in its words, where no other question has these.
        """
        hashed = [one for one in self.by_id.values() if one.id == lettered(one.question)]
        named = [one for one in self.by_id.values() if one.id != lettered(one.question)]
        aliases: dict[str, str] = {}
        for spelling in (fingerprint, lettered):
            theirs, ours = _by(spelling, hashed), _by(spelling, named)
            for words in theirs.keys() & ours.keys():
                if len(theirs[words]) == len(ours[words]) == 1:
                    aliases[theirs[words][0]] = ours[words][0]
        return aliases


def _by(spelling: Callable[[str], str], problems: Iterable[Problem]) -> dict[str, list[str]]:
    """Return the ids of problems by what their questions are to a spelling."""
    ids: dict[str, list[str]] = {}
    for problem in problems:
        ids.setdefault(spelling(problem.question), []).append(problem.id)
    return ids


def found_in(
    solutions: Iterable[Solution],
    problems: Problems,
    *,
    origin: str = "",
    name: str | None = None,
    reading: Reading | None = None,
    keep: bool = True,
) -> list[Found]:
    """Judge the solutions of a file and return its runs.

    Args:
        solutions: of any number of authors.
        problems: takes their problems.
        origin: the file.
        name: what the user calls the arm.
        reading: how answers are read.
        keep: keep the solutions with their outcomes.

    Raises:
        InputError: a problem occurs twice in a run, or has no gold answer.
    """
    runs: dict[tuple[str, Key], Found] = {}
    for solution in solutions:
        key = Key(solution.author, solution.seed, solution.sample)
        arm = name or solution.arm or solution.author
        run = runs.setdefault((solution.scheme, key), Found(arm, solution.scheme, key, origin, name is not None))
        problem = problems.add(solution.problem, origin)
        if run.outcomes.keys() & {problem.id, solution.problem.id}:
            raise InputError(
                f"{solution.author} solved the problem {solution.problem.id} twice: score one run at a time"
            )
        if problem is not solution.problem:
            solution = solution.model_copy(update={"problem": problem})
        outcome = judge(solution, reading)
        run.outcomes[problem.id] = outcome if keep else replace(outcome, solution=None)
    return list(runs.values())


def found_of(evaluation: Evaluation, problems: Problems, *, origin: str, name: str | None = None) -> list[Found]:
    """Return the runs of an earlier evaluation."""
    ids = {problem.id: problems.add(problem, origin).id for problem in evaluation.problems}
    several = len(evaluation.arms) > 1
    return [
        Found(
            (f"{name} {arm.name}" if several else name) if name else arm.name,
            arm.scheme,
            Key(run.author, run.seed, run.sample),
            origin,
            False,
            {ids[one.problem]: replace(one, problem=ids[one.problem]) for one in run.outcomes},
            run.seconds,
        )
        for arm in evaluation.arms
        for run in arm.runs
    ]


def grouped(found: Iterable[Found], problems: Problems) -> list[Group]:
    """Return the arms, each under a name of its own."""
    aliases = problems.aliases()
    for alias in aliases:
        del problems.by_id[alias]
    groups: list[Group] = []
    for run in found:
        _renamed(run, aliases)
        _take(run, groups)
    _name_apart(groups)
    return groups


def _renamed(run: Found, aliases: Mapping[str, str]) -> None:
    if aliases.keys() & run.outcomes.keys():
        ids = {problem: aliases.get(problem, problem) for problem in run.outcomes}
        run.outcomes = {ids[at]: replace(outcome, problem=ids[at]) for at, outcome in run.outcomes.items()}


def _take(run: Found, groups: list[Group]) -> None:
    """Add a run to the arm it belongs to: as a part of a run, as a run of it, or as the first of a new arm."""
    for group in groups:
        if (group.name, group.scheme) != (run.arm, run.scheme):
            continue
        same = [other for other in group.runs if other.key == run.key]
        part = next((other for other in same if not other.outcomes.keys() & run.outcomes.keys()), None)
        if part is not None:
            part.outcomes |= run.outcomes
            if run.origin not in (part.origin, *part.parts):
                part.parts.append(run.origin)
            part.seconds = None if part.seconds is None or run.seconds is None else part.seconds + run.seconds
            return
        if not same or run.named:
            group.runs.append(run)
            return
    groups.append(Group(run.arm, run.scheme, [run]))


def _name_apart(groups: list[Group]) -> None:
    """Tell arms of one name apart by scheme, by file, and at last by number."""
    for told_by in (_by_scheme, _by_origin):
        for twins in _twins(groups):
            if len({told_by(group) for group in twins}) > 1:
                for group in twins:
                    group.name = f"{group.name} ({told_by(group)})"
    for twins in _twins(groups):
        for number, group in enumerate(twins, 1):
            group.name = f"{group.name} #{number}"


def _by_scheme(group: Group) -> str:
    return group.scheme


def _by_origin(group: Group) -> str:
    return group.runs[0].origin


def _twins(groups: Iterable[Group]) -> Iterator[list[Group]]:
    by_name: dict[str, list[Group]] = {}
    for group in groups:
        by_name.setdefault(group.name, []).append(group)
    yield from (twins for twins in by_name.values() if len(twins) > 1)
