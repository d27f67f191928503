"""`socratic bench` on files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path

from socratic_cli import jsonl, report, sources
from socratic_cli.analysis.analyse import Analysis, analyse
from socratic_cli.analysis.bertscore import bertscore
from socratic_cli.analysis.tables import markdown as analysis_markdown
from socratic_cli.analysis.tables import rows
from socratic_cli.curve import METRICS
from socratic_cli.errors import BelowMinimum
from socratic_cli.jobs.origins import (
    differences,
    exemplar_questions,
    file_origin,
    folder_origin,
    training_questions,
)
from socratic_cli.records import Problem, Score, Solution
from socratic_cli.scoring import files, outputs
from socratic_cli.scoring.evaluation import Evaluation, Origin
from socratic_cli.scoring.foreign.fields import Fields, Gold, is_foreign
from socratic_cli.scoring.grouping import Found, Problems, found_in, found_of
from socratic_cli.scoring.tables import tables
from socratic_cli.settings import Scoring, Selection
from socratic_cli.stages.bench import assemble, scores


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


def bench_files(
    paths: Iterable[str | Path],
    folder: Path | None,
    on_invalid: jsonl.OnInvalid | None = None,
    students: Mapping[str, Path] | None = None,
) -> list[Score]:
    """Score files of solutions; scores, tables and report go to `folder` as well.

    Args:
        paths: files of solutions.
        folder: where to write; None writes nothing.
        on_invalid: takes the lines that are no solutions.
        students: the folder of each trained author, for its training curves; an author may be named by it.
    """
    evaluation = evaluate_files([Target(str(path)) for path in paths], on_invalid=on_invalid)
    if folder is not None:
        write(evaluation, folder, students=students)
    return scores(evaluation)


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
    for target in targets:
        if target.evaluation is not None:
            runs, origin = _earlier(target, target.evaluation, problems)
        else:
            lines = unknown.left_out(outputs.solutions(target.path, fields, on_invalid))
            runs = found_in(lines, problems, origin=target.path, name=target.name, reading=scoring.read, keep=keep)
            origin = file_origin(target.path, sum(len(run.outcomes) for run in runs), target.student)
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
    notes = (*evaluation.notes, *unknown.notes(), *differences(origins))
    return replace(evaluation, origins=tuple(origins), reading=scoring.read, notes=notes)


def _earlier(target: Target, folder: Path, problems: Problems) -> tuple[list[Found], Origin]:
    evaluation = files.read(folder)
    runs = found_of(evaluation, problems, origin=target.path, name=target.name)
    solutions = sum(len(run.outcomes) for run in runs)
    return runs, folder_origin(folder, files.NAME, solutions, evaluation.origins)


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


def analysed(evaluation: Evaluation, encoder: str | None = None) -> Analysis:
    """Analyse the solutions of an evaluation: whose fault, the first wrong step, and how well was asked.

    Args:
        evaluation: arms whose solutions were not kept are left out.
        encoder: the model of BERTScore, where that is wanted.
    """
    found = (one.solution for arm in evaluation.arms for run in arm.runs for one in run.outcomes)
    similarity = bertscore(encoder) if encoder is not None else None
    return analyse((solution for solution in found if solution is not None), similarity)


def write(
    evaluation: Evaluation,
    folder: Path,
    by: str = "steps",
    students: Mapping[str, Path] | None = None,
    analysis: Analysis | None = None,
) -> None:
    """Write all files of an evaluation, and the report of its solutions."""
    analysis = analysis or analysed(evaluation)
    files.write(evaluation, scores(evaluation), table(evaluation, by, analysis), folder)
    _write_analysis(analysis, folder)
    authors = {run.author: Path(run.author) for arm in evaluation.arms for run in arm.runs} | dict(students or {})
    learnt = [curve for author, place in authors.items() for curve in report.curves(author, place / METRICS)]
    findings = report.evaluated(evaluation, tables=report.analysed(analysis), curves=learnt)
    if findings is not None:
        report.write(findings, folder)


def _write_analysis(analysis: Analysis, folder: Path) -> None:
    """Write each table of an analysis as a CSV of its own."""
    for name, lines in rows(analysis).items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)


def table(evaluation: Evaluation, by: str = "steps", analysis: Analysis | None = None) -> str:
    """Return the tables of an evaluation, with slices by these features."""
    features = [feature.strip() for feature in by.split(",") if feature.strip()]
    return tables(evaluation, scores(evaluation), features) + (analysis_markdown(analysis) if analysis else "")


def require(evaluation: Evaluation, least: float | None) -> None:
    """Require an accuracy of every arm, the mean over its runs; the interval is not looked at.

    Raises:
        BelowMinimum: an arm's is below.
    """
    below = [arm for arm in evaluation.arms if least is not None and arm.result.accuracy.share < least]
    if below:
        told = ", ".join(f"{arm.name} {arm.result.accuracy.share:.1%}" for arm in below)
        raise BelowMinimum(f"accuracy below --min-accuracy {least:.1%}: {told}")


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
