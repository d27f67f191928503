"""`socratic bench` on files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from socratic_cli import jsonl, report
from socratic_cli.analysis.analyse import Analysis, analyse
from socratic_cli.analysis.bertscore import bertscore
from socratic_cli.analysis.tables import markdown as analysis_markdown
from socratic_cli.analysis.tables import rows
from socratic_cli.curve import METRICS
from socratic_cli.errors import BelowMinimum
from socratic_cli.jobs.evaluating import Target, evaluate_files
from socratic_cli.records import Score, Solution
from socratic_cli.scoring import files
from socratic_cli.scoring.evaluation import Arm, Evaluation
from socratic_cli.scoring.tables import tables
from socratic_cli.stages.bench import scores


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


def analysed(evaluation: Evaluation, encoder: str | None = None) -> Analysis:
    """Analyse the solutions of an evaluation: whose fault, the first wrong step, and how well was asked.

    Args:
        evaluation: arms whose solutions were not kept are left out.
        encoder: the model of BERTScore, where that is wanted.
    """
    similarity = bertscore(encoder) if encoder is not None else None
    return analyse((one for arm in evaluation.arms for one in _as_scored(arm)), similarity)


def _as_scored(arm: Arm) -> Iterator[Solution]:
    """Yield the solutions of an arm as they were read and judged, and under the name that it was scored by."""
    name = arm.name.removesuffix(f" ({arm.scheme})")
    for outcome in (one for run in arm.runs for one in run.outcomes):
        if (solution := outcome.judged) is not None:
            known = name == (solution.arm or solution.author)
            yield solution if known else solution.model_copy(update={"arm": name})


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
