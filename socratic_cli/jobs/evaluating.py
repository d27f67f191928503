"""What `socratic bench` scores: files of solutions, of this or another tool, and earlier evaluations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from socratic_cli import jsonl, sources
from socratic_cli.jobs.origins import (
    differences,
    exemplar_questions,
    file_origin,
    folder_origin,
    solving_seconds,
    training_questions,
)
from socratic_cli.records import Problem, Solution
from socratic_cli.scoring import files, outputs
from socratic_cli.scoring.evaluation import Evaluation, Origin
from socratic_cli.scoring.foreign.fields import Fields, Gold, is_foreign
from socratic_cli.scoring.grouping import Found, Problems, found_in, found_of
from socratic_cli.settings import Reading, Scoring, Selection
from socratic_cli.stages.bench import assemble

_AS_GIVEN: Reading = "same-answer"
"""How answers are read where nobody says otherwise."""


@dataclass(frozen=True)
class Target:
    """What is scored: a file of solutions or the folder of an earlier evaluation, by the name the user gave it.

    `student` is the folder of the student that wrote the file just now.
    """

    path: str
    name: str | None = None
    student: Path | None = None

    @property
    def evaluation(self) -> Path | None:
        """The folder of an earlier evaluation, if it is one or that of a run, whose newest it then is."""
        own = Path(self.path)
        if (own / files.NAME).is_file():
            return own
        of_run = sorted(own.glob(f"bench/*/{files.NAME}"), key=lambda path: path.stat().st_mtime)
        return of_run[-1].parent if of_run else None


def evaluate_files(
    targets: Iterable[Target],
    scoring: Scoring | None = None,
    *,
    selection: Selection | None = None,
    gold: Iterable[Problem] = (),
    on_invalid: jsonl.OnInvalid | None = None,
    keep: bool = True,
) -> Evaluation:
    """Evaluate files of solutions, of this or another tool, and earlier evaluations.

    Args:
        targets: what is scored.
        scoring: how.
        selection: the fields of other tools' files, and where training data lies.
        gold: problems by whose questions or ids the lines of other tools' files are known.
        on_invalid: receives lines that cannot be read.
        keep: keep the solutions in the tree, for a report.

    Raises:
        InputError: a line cannot be read, or a problem has no gold answer.
        UsageError: no arm has the name of the baseline.
    """
    scoring, selection = scoring or Scoring(), selection or Selection()
    problems, known_gold = Problems(), Gold(gold)
    fields, unknown = _fields(scoring, selection, known_gold), Unknown(bool(known_gold))
    found: list[Found] = []
    origins: list[Origin] = []
    otherwise: list[str] = []
    for target in targets:
        if target.evaluation is not None:
            runs, origin, reading = _earlier(target, target.evaluation, problems)
            if reading != scoring.read:
                otherwise.append(
                    f"{target.path} was scored with answers read as {reading or _AS_GIVEN}, and is told so: score its"
                    f" solutions anew to read them as {scoring.read or _AS_GIVEN}."
                )
        else:
            lines = unknown.left_out(outputs.solutions(target.path, fields, on_invalid))
            runs = found_in(lines, problems, origin=target.path, name=target.name, reading=scoring.read, keep=keep)
            solutions = sum(len(run.outcomes) for run in runs)
            origin = file_origin(target.path, solutions, target.student)
            if len(runs) == 1:
                runs[0].seconds = solving_seconds(target.path, solutions)
        found += runs
        origins.append(origin)
    known = exemplar_questions(run.scheme for run in found)
    if scoring.train:
        known = chain(training_questions(scoring.train, selection.question_field, selection.data_dir), known)
    evaluation = assemble(
        found,
        problems,
        baseline=scoring.baseline,
        known=known,
        near=scoring.near,
        verdicts=scoring.label_field is not None,
    )
    notes = (*evaluation.notes, *otherwise, *unknown.notes(), *differences(origins))
    return replace(evaluation, origins=tuple(origins), reading=scoring.read, notes=notes)


def _earlier(target: Target, folder: Path, problems: Problems) -> tuple[list[Found], Origin, Reading | None]:
    evaluation = files.read(folder)
    runs = found_of(evaluation, problems, origin=target.path, name=target.name)
    solutions = sum(len(run.outcomes) for run in runs)
    return runs, folder_origin(folder, files.NAME, solutions, evaluation.origins), evaluation.reading


class Unknown:
    """Leaves out what other tools wrote on questions without a gold answer, where gold answers were named."""

    def __init__(self, named: bool) -> None:
        """Begin with nothing left out."""
        self._named = named
        self._count = 0

    def left_out(self, solutions: Iterable[Solution]) -> Iterator[Solution]:
        """Pass the others on."""
        for solution in solutions:
            if self._named and solution.problem.answer is None and is_foreign(solution):
                self._count += 1
            else:
                yield solution

    def notes(self) -> Iterator[str]:
        """Say how many were left out."""
        if self._count:
            yield f"{self._count} outputs were left out: their questions are not among --problems."


def _fields(scoring: Scoring, selection: Selection, gold: Gold) -> Fields:
    return Fields(
        question=selection.question_field,
        answer=selection.answer_field,
        output=scoring.output_field,
        identity=scoring.id_field,
        label=scoring.label_field,
        gold=gold,
    )


def solutions(source: str | Path, on_invalid: jsonl.OnInvalid | None = None) -> Iterator[Solution]:
    """Read solutions lazily.

    Raises:
        InputError: a line is no solution.
    """
    convert = jsonl.record(Solution)
    return jsonl.read(source, convert) if on_invalid is None else jsonl.read(source, convert, on_invalid)


def gold_problems(ref: str | None, data_dir: Path | None) -> Iterator[Problem]:
    """Yield the problems that a reference names, or none where it names none.

    The fields that a user names are those of the outputs; a file of problems names its own in the reference.
    """
    if ref is not None:
        yield from sources.resolve(ref, data_dir=data_dir)
