"""A recipe's stages: what each is made from, which are done, and a record of everything that went in.

A stage's key is a hash of its settings and of the keys of what it is made from. Its folder carries the key in its
name, so that changed settings never overwrite what was made (or paid for) with others, and a stage whose folder
has its mark is skipped. Annotating and solving go on inside a stage that was killed.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from socratic_cli import __version__, authors, jobs, plugins, sources
from socratic_cli.jobs import Tally
from socratic_cli.machine import describe_machine
from socratic_cli.parts import Progress, Scheme, Student, Teacher
from socratic_cli.recipe import Arm, Recipe, Source, merged
from socratic_cli.records import Problem
from socratic_cli.settings import Decoding, Training
from socratic_cli.stages.train import prepare
from socratic_cli.trained import TrainedStudent, train_and_save

_MARK, _MANIFEST = "stage.json", "manifest.json"


class Watcher(Protocol):
    """Whoever shows how a run is going."""

    def stage(self, stage: Stage, done: bool) -> None:
        """Say that a stage begins, or that it is done already."""

    def tally(self, tally: Tally, total: int | None) -> None:
        """Say how far annotating or solving is."""

    def progress(self, progress: Progress) -> None:
        """Say how far training is."""


@dataclass(frozen=True)
class Stage:
    """A piece of work with a folder of its own."""

    verb: str
    what: str
    folder: Path
    key: str
    do: Callable[[Watcher], dict[str, Any]] = field(repr=False)

    @property
    def done(self) -> bool:
        """Whether it was finished with the same inputs and settings."""
        mark = self.folder / _MARK
        return mark.is_file() and json.loads(mark.read_text(encoding="utf-8")).get("key") == self.key

    def run(self, watcher: Watcher) -> None:
        """Do the work and leave the mark, last."""
        self.folder.mkdir(parents=True, exist_ok=True)
        began = time.time()
        outcome = self.do(watcher)
        record = {"key": self.key, "what": self.what, "began": began, "seconds": time.time() - began, **outcome}
        beside = self.folder / f".{_MARK}"
        beside.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
        beside.replace(self.folder / _MARK)


@dataclass(frozen=True)
class Data:
    """The problems of a source, with a fingerprint of their content."""

    source: Source
    key: str
    count: int

    def problems(self) -> Iterator[Problem]:
        """Yield the problems anew."""
        return _problems(self.source)


@dataclass(frozen=True)
class Plan:
    """What a recipe comes to: its data, and its stages in an order in which they can be run."""

    recipe: Recipe
    folder: Path
    data: dict[str, Data]
    stages: list[Stage]


def execute(recipe: Recipe, folder: Path, watcher: Watcher) -> Path:
    """Run every stage that is not done, and return the folder of the scores.

    Raises:
        SocraticError: a stage failed; those before it stay done.
    """
    planned = plan(recipe, folder)
    for stage in planned.stages:
        done = stage.done
        watcher.stage(stage, done)
        if not done:
            stage.run(watcher)
        _write_manifest(planned)
    return planned.stages[-1].folder


def plan(recipe: Recipe, folder: Path) -> Plan:
    """Return the stages of a recipe, each once. The data is read (not kept) to know whether it changed."""
    train, test = _data(recipe.train), _data(recipe.test)
    stages = _Planner(recipe, folder, train, test).stages()
    return Plan(recipe, folder, {"train": train, "test": test}, stages)


@dataclass
class _Planner:
    recipe: Recipe
    folder: Path
    train_data: Data
    test_data: Data
    found: dict[str, Stage] = field(default_factory=dict)
    students: dict[str, Path] = field(default_factory=dict)

    def stages(self) -> list[Stage]:
        solved = [
            self._arm(name, arm, plugins.load(Student, student), seed)
            for name, arm in self.recipe.arms.items()
            for student in arm.students or self.recipe.students
            for seed in arm.seeds or self.recipe.seeds
        ]
        self._bench(solved)
        return list(self.found.values())

    def _arm(self, name: str, arm: Arm, student: Student, seed: int) -> Stage:
        scheme = plugins.load(Scheme, arm.scheme)
        seeds = arm.seeds or self.recipe.seeds
        label = f"{name} {student.label}" + (f" seed={seed}" if len(seeds) > 1 else "")
        decoding = merged(self.recipe.decoding, {**arm.decoding, "seed": seed})
        if not arm.trained:
            made_from = _key("untrained", scheme.label, student.label)
            author = authors.untrained(student, scheme, decoding)
            return self._solve(label, arm, lambda: author, made_from, decoding)
        teacher = plugins.load(Teacher, arm.teacher or self.recipe.teacher)
        annotated = self._annotate(scheme.annotator, teacher)
        training = merged(self.recipe.training, {**arm.training, "seed": seed})
        trained = self._train(scheme, student, training, annotated)
        path = trained.folder / "student"
        self.students[label] = path
        return self._solve(
            label, arm, lambda: authors.trained(TrainedStudent.load(path, decoding)), trained.key, decoding
        )

    def _annotate(self, scheme: Scheme, teacher: Teacher) -> Stage:
        wanted = self.recipe.annotation.model_dump_json()
        key = _key("annotate", self.train_data.key, scheme.label, teacher.label, wanted)
        folder = self._place("annotate", f"{scheme.label}-{teacher.label}", key)

        def do(watcher: Watcher) -> dict[str, Any]:
            out, rejects = str(folder / "annotations.jsonl"), str(folder / "rejected.jsonl")
            tally = jobs.annotate_file(
                self.train_data.problems(),
                scheme,
                teacher,
                jobs.Paths(out, rejects, self.folder / "replies" / f"{_slug(teacher.label)}.jsonl"),
                lambda so_far: watcher.tally(so_far, self.train_data.count),
                self.recipe.annotation,
                self.recipe.asking,
                resume=True,
            )
            return {"kept": tally.rationales, "rejected": dict(tally.reasons), "spent": tally.spent}

        return self._stage(
            "annotate", f"{self.recipe.train.source} by {teacher.label} as {scheme.label}", folder, key, do
        )

    def _train(self, scheme: Scheme, student: Student, training: Training, annotated: Stage) -> Stage:
        key = _key("train", annotated.key, scheme.label, student.label, json.dumps(training.identity()))
        folder = self._place("train", f"{scheme.label}-{student.label}-s{training.seed}", key)

        def do(watcher: Watcher) -> dict[str, Any]:
            lesson = prepare(jobs.solutions(annotated.folder / "annotations.jsonl"), scheme, training.held_out)
            card = train_and_save(
                lesson, scheme, student, training, folder / "student", watcher.progress, overwrite=True
            )
            return {"roles": [role.model_dump() for role in card.roles], "weights": _weights(folder)}

        return self._stage("train", f"{student.label} as {scheme.label}, seed {training.seed}", folder, key, do)

    def _solve(
        self, label: str, arm: Arm, author: Callable[[], authors.Author], made_from: str, decoding: Decoding
    ) -> Stage:
        key = _key("solve", made_from, label, decoding.model_dump_json(), *arm.oracle, self.test_data.key)
        folder = self._place("solve", label, key)

        def do(watcher: Watcher) -> dict[str, Any]:
            found = author()
            tally = jobs.solve_file(
                self.test_data.problems(),
                authors.renamed(found, label),
                str(folder / "solutions.jsonl"),
                lambda so_far: watcher.tally(so_far, self.test_data.count),
                samples=decoding.samples,
                oracle=arm.oracle,
                resume=True,
            )
            return {"solved": tally.done, "leaked": tally.leaked}

        return self._stage("solve", f"{self.recipe.test.source} by {label}", folder, key, do)

    def _bench(self, solved: list[Stage]) -> Stage:
        key = _key("bench", *(stage.key for stage in solved))
        folder = self._place("bench", "", key)

        def do(_watcher: Watcher) -> dict[str, Any]:
            files = [stage.folder / "solutions.jsonl" for stage in solved]
            scores = jobs.bench_files(files, folder, students=self.students)
            return {"scores": [score.line() for score in scores]}

        return self._stage("bench", f"{len(solved)} arms", folder, key, do)

    def _place(self, verb: str, label: str, key: str) -> Path:
        return self.folder / verb / "-".join(filter(None, (_slug(label), key[:8])))

    def _stage(self, verb: str, what: str, folder: Path, key: str, do: Callable[[Watcher], dict[str, Any]]) -> Stage:
        return self.found.setdefault(key, Stage(verb, what, folder, key, do))


def _slug(label: str) -> str:
    return re.sub(r"[^\w.=-]+", "-", label).strip("-")


def _key(*inputs: str) -> str:
    return hashlib.sha256(json.dumps([__version__, *inputs]).encode()).hexdigest()


def _problems(source: Source) -> Iterator[Problem]:
    return sources.resolve(source.source, **source.model_dump(exclude={"source"}))


def _data(source: Source) -> Data:
    digest, count = hashlib.sha256(), 0
    for problem in _problems(source):
        digest.update(problem.model_dump_json().encode())
        count += 1
    return Data(source, digest.hexdigest(), count)


def _weights(folder: Path) -> dict[str, str]:
    """Return the fingerprint of every weights file, so that a report can be traced to the very model."""
    files = sorted(folder.rglob("*.safetensors"))
    return {str(path.relative_to(folder)): _file_hash(path) for path in files}


def _file_hash(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write_manifest(plan: Plan) -> None:
    done = {str(stage.folder.relative_to(plan.folder)): _mark_of(stage) for stage in plan.stages if stage.done}
    data = {name: {"problems": found.count, "sha256": found.key} for name, found in plan.data.items()}
    manifest = {"recipe": plan.recipe.model_dump(mode="json"), "data": data, **describe_machine(), "stages": done}
    plan.folder.mkdir(parents=True, exist_ok=True)
    beside = plan.folder / f".{_MANIFEST}"
    beside.write_text(json.dumps(manifest, indent=2) + "\n", encoding="utf-8")
    beside.replace(plan.folder / _MANIFEST)


def _mark_of(stage: Stage) -> Any:
    return json.loads((stage.folder / _MARK).read_text(encoding="utf-8"))
