"""From a recipe to its stages: every arm with every student and seed, and the score of all."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from socratic_cli import authors, plugins
from socratic_cli.authors import Author
from socratic_cli.casting import cast
from socratic_cli.fingerprints import identity
from socratic_cli.jobs.paths import Care
from socratic_cli.parts import Scheme, Student, Teacher
from socratic_cli.recipe import Arm, Recipe, Verifying, merged, sampling
from socratic_cli.records import GOLD
from socratic_cli.run.data import Data, learnt, sampled
from socratic_cli.run.stages import Stage, Stages, key_of
from socratic_cli.run.works import ANNOTATIONS, SOLUTIONS, STUDENT, Solving, annotating, scoring, training
from socratic_cli.settings import Decoding, Training
from socratic_cli.stages.solving import with_roles
from socratic_cli.trained import TrainedStudent, is_student


def planned(recipe: Recipe, folder: Path, data: Mapping[str, Data]) -> list[Stage]:
    """Return the stages of a recipe, in an order in which they can be run."""
    stages, students = Stages(folder), dict[str, Path]()
    solved = [
        _Planner(recipe, stages, students, data, name, arm, plugins.load(Student, student), seed, roles).solved()
        for name, arm in recipe.arms.items()
        for student in arm.students or recipe.students
        for seed in arm.seeds or recipe.seeds
        for roles in ({}, *arm.castings)
    ]
    files = [stage.folder / SOLUTIONS for stage in solved]
    key = key_of("bench", *(stage.key for stage in solved))
    stages.add("bench", f"{len(solved)} arms", "", key, scoring(files, students))
    return list(stages.found.values())


@dataclass(frozen=True)
class _Solver:
    """Who solves an arm's problems: `key` is of all that it is made from."""

    key: str
    author: Callable[[Decoding], Author]


@dataclass(frozen=True)
class _Planner:
    """One arm with one student and one seed; `roles` are played by others than the student."""

    recipe: Recipe
    stages: Stages
    students: dict[str, Path]
    data: Mapping[str, Data]
    name: str
    arm: Arm
    student: Student
    seed: int
    roles: Mapping[str, str]

    def solved(self) -> Stage:
        """Add everything up to the solutions of the test problems."""
        solver = self._trained() if self.arm.trained else self._untrained()
        decoding = merged(self.recipe.decoding, {**self.arm.decoding, "seed": self.seed})
        verifying = self.arm.verifier
        verifier = self._verifier(verifying, solver) if verifying else None
        chains = self._chains(solver, decoding) if decoding.samples > 1 else None
        data, label = self.data["test"], self._label
        oracle = tuple(role for role, who in self.roles.items() if who == GOLD)
        others = [f"{role}={_identity(who)}" for role, who in self.roles.items() if who != GOLD]
        made_from = (solver.key, self._group, decoding.model_dump_json(), *oracle, *others, data.key)
        work = Solving(
            label,
            self._group,
            partial(solver.author, decoding),
            decoding,
            data,
            verifier=partial(_find_verifier, verifier, decoding),
            oracle=oracle,
            chains=chains,
            care=self._care,
        )
        key = key_of("solve", *made_from, *(stage.key for stage in (verifier, chains) if stage))
        place = f"{self._group} s{self.seed}"
        return self.stages.add("solve", f"{data.source.source} by {label}", place, key, work)

    @property
    def _care(self) -> Care:
        return Care(self.recipe.asking, self.stages.folder / "replies")

    @property
    def _scheme(self) -> Scheme:
        return plugins.load(Scheme, self.arm.scheme)

    @property
    def _lessons(self) -> Data:
        """The problems that the arm learns from."""
        return self.data[learnt(self.name) if self.arm.train else "train"]

    @property
    def _group(self) -> str:
        """What the arm's authors have in common, whatever their seed."""
        return with_roles(f"{self.name} {self.student.label}", self.roles)

    @property
    def _label(self) -> str:
        return with_roles(self._alone, self.roles)

    @property
    def _alone(self) -> str:
        """The name of the student that plays all roles."""
        several = len(self.arm.seeds or self.recipe.seeds) > 1
        return f"{self._one} seed={self.seed}" if several else self._one

    @property
    def _one(self) -> str:
        """The name of a student of one seed; a second seed changes it, and solutions that are there keep theirs."""
        return f"{self.name} {self.student.label}"

    def _untrained(self) -> _Solver:
        key = key_of("untrained", self._scheme.identity, self.student.identity)
        return _Solver(key, partial(authors.untrained, self.student, self._scheme))

    def _trained(self) -> _Solver:
        settings = merged(self.recipe.training, {**self.arm.training, "seed": self.seed})
        source = self._annotated()
        stage = self._learnt(source, ANNOTATIONS, self._scheme, self.student, settings)
        self.students[self._alone] = stage.folder / STUDENT
        self.students.setdefault(self._one, stage.folder / STUDENT)
        played = plugins.load(Scheme, self.arm.solving) if self.arm.solving else None
        key = key_of("played", stage.key, played.label) if played else stage.key
        return _Solver(key, partial(_players, stage.folder / STUDENT, self.roles, played))

    def _annotated(self) -> Stage:
        scheme, data = self._scheme.annotator, self._lessons
        teacher = plugins.load(Teacher, self.arm.teacher or self.recipe.teacher)
        annotation = merged(self.recipe.annotation, self.arm.annotation)
        key = key_of("annotate", data.key, scheme.identity, teacher.identity, annotation.model_dump_json())
        what = f"{data.source.source} by {teacher.label} as {scheme.label}"
        work = annotating(data, scheme, teacher, self._care.file(teacher), annotation, self.recipe.asking)
        return self.stages.add("annotate", what, f"{scheme.label}-{teacher.label}", key, work)

    def _learnt(self, source: Stage, file: str, scheme: Scheme, student: Student, settings: Training) -> Stage:
        key = key_of("train", source.key, scheme.label, student.identity, json.dumps(settings.identity()))
        what = f"{student.label} as {scheme.label}, seed {settings.seed}"
        work = training(source.folder / file, scheme, student, settings)
        return self.stages.add("train", what, f"{scheme.label}-{student.label}-s{settings.seed}", key, work)

    def _verifier(self, wanted: Verifying, solver: _Solver) -> Stage:
        """Add a verifier of what a student writes, and what it learns from: the student's own samples."""
        student = plugins.load(Student, wanted.student) if wanted.student else self.student
        settings = merged(merged(self.recipe.training, self.arm.training), {**wanted.training, "seed": self.seed})
        return self._learnt(
            self._sampled(wanted, solver), SOLUTIONS, plugins.load(Scheme, wanted.scheme), student, settings
        )

    def _sampled(self, wanted: Verifying, solver: _Solver) -> Stage:
        decoding = merged(self.recipe.decoding, {**sampling(self.arm, wanted), "seed": self.seed})
        return self._samples(solver, decoding, self.data[sampled(self.name)] if wanted.train else self._lessons)

    def _chains(self, solver: _Solver, decoding: Decoding) -> Stage:
        """Add the chains of the test problems, which arms share that differ in how one of them is chosen."""
        return self._samples(solver, decoding.model_copy(update={"choose": None}), self.data["test"])

    def _samples(self, solver: _Solver, decoding: Decoding, data: Data) -> Stage:
        label = f"{self._scheme.label} {self.student.label} s{self.seed}"
        key = key_of("sample", solver.key, decoding.model_dump_json(), data.key)
        author = partial(solver.author, decoding)
        work = Solving(label, label, author, decoding, data, keep_samples=True)
        what = f"{data.source.source} by {label}, {decoding.samples} each"
        return self.stages.add("sample", what, label, key, work)


def _players(folder: Path, roles: Mapping[str, str], scheme: Scheme | None, decoding: Decoding) -> Author:
    """Return a trained student, with who plays some of its roles; they are named as the recipe names them."""
    if not roles:
        return authors.trained(TrainedStudent.load(folder, decoding), scheme)
    return replace(cast(str(folder), roles, scheme, decoding).author, roles=dict(roles))


def _identity(who: str) -> str:
    """Return a name with the fingerprint of what it stands for, a student or files: others may lie there tomorrow."""
    if is_student(who):
        return f"{who} {identity(Path(who))}"
    if authors.is_teacher(who):
        return plugins.load(Teacher, who).identity
    return plugins.load(Student, who).identity


def _find_verifier(stage: Stage | None, decoding: Decoding) -> Author | None:
    return authors.find_verifier(str(stage.folder / STUDENT), decoding) if stage else None
