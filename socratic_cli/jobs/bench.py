"""`socratic bench` on files."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from socratic_cli import jsonl, report
from socratic_cli.analysis.analyse import Analysis, analyse
from socratic_cli.analysis.bertscore import bertscore
from socratic_cli.analysis.tables import TABLES, rows
from socratic_cli.analysis.tables import markdown as analysis_markdown
from socratic_cli.curve import METRICS
from socratic_cli.errors import BelowMinimum, OutputError, did_you_mean
from socratic_cli.jobs.evaluating import Target, evaluate_files
from socratic_cli.records import Score, Solution
from socratic_cli.scoring import files
from socratic_cli.scoring.evaluation import Arm, Evaluation
from socratic_cli.scoring.features import BUILT_IN
from socratic_cli.scoring.tables import tables
from socratic_cli.stages.bench import scores
from socratic_cli.trained import is_student

_WRITTEN = ".written"
"""The record of what an evaluation wrote into its folder."""
_OWN = (
    *("report.html", "report.md", "outcomes.jsonl", "scores.jsonl", "table.md"),
    *(f"{table}.csv" for table in ("scores", "comparisons", "slices", "passes", "leaks", *TABLES)),
)
"""What evaluations write into a folder, beside tables/ and figures/."""


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


def analysis_of(evaluation: Evaluation, encoder: str | None = None) -> Analysis:
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
    """Write all files of an evaluation, and the report of its solutions; those of an earlier one are taken away.

    Raises:
        OutputError: the folder cannot be written.
    """
    analysis = analysis or analysis_of(evaluation)
    try:
        _clear(folder)
        before = _places(folder)
        files.write(evaluation, scores(evaluation), table(evaluation, by, analysis), folder)
        _write_analysis(analysis, folder)
    except OSError as fault:
        raise OutputError(f"{fault.filename or folder} cannot be written: {fault.strerror}") from fault
    authors = {run.author: Path(run.author) for arm in evaluation.arms for run in arm.runs} | dict(students or {})
    learnt = [curve for author, place in authors.items() for curve in report.curves(author, place / METRICS)]
    findings = report.evaluated(evaluation, tables=report.analysed(analysis), curves=learnt)
    if findings is not None:
        report.write(findings, folder)
    written = sorted({*(_places(folder) - before), *filter(_is_own, _places(folder))})
    (folder / _WRITTEN).write_text("".join(f"{place}\n" for place in written), encoding="utf-8")


def claim(folder: Path, *, resume: bool = False, overwrite: bool = False) -> None:
    """Make a folder ready for an evaluation, whose files would otherwise replace others.

    Raises:
        OutputError: it holds an evaluation that is neither gone on with nor overwritten, or a student; or it is no
            folder, or cannot be made.
    """
    if is_student(folder):
        raise OutputError(f"{folder} is a student, and an evaluation would replace its scores: name another -o")
    if not (resume or overwrite):
        if (folder / files.NAME).is_file():
            raise OutputError(f"{folder} holds an evaluation: pass --overwrite to replace it, or name another -o")
        if folder.is_dir() and (mine := sorted(place for place in _places(folder) if "/" in place or _is_own(place))):
            raise OutputError(
                f"{folder} holds {mine[0]}, which is of no evaluation: name another -o, or pass --overwrite to replace"
                " what has the name of something in an evaluation"
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as fault:
        raise OutputError(f"{folder} cannot be a folder of results: {fault.strerror}") from fault


def _clear(folder: Path) -> None:
    """Take away what an earlier evaluation wrote, by its own record: tables and figures that may not be made again."""
    record = folder / _WRITTEN
    for place in record.read_text(encoding="utf-8").splitlines() if record.is_file() else ():
        path = folder / place
        if folder.resolve() in path.resolve().parents:
            path.unlink(missing_ok=True)


def _places(folder: Path) -> set[str]:
    """Return the files where a report is: in the folder itself, and with its tables and figures."""
    found = (path for part in (".", "tables", "figures") for path in (folder / part).glob("*") if path.is_file())
    return {path.relative_to(folder).as_posix() for path in found}


def _is_own(place: str) -> bool:
    return place in _OWN or place == files.NAME


def _write_analysis(analysis: Analysis, folder: Path) -> None:
    """Write each table of an analysis as a CSV of its own."""
    for name, lines in rows(analysis).items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(lines[0]))
            writer.writeheader()
            writer.writerows(lines)


def table(evaluation: Evaluation, by: str = "steps", analysis: Analysis | None = None) -> str:
    """Return the tables of an evaluation, with slices by these features."""
    text = tables(evaluation, scores(evaluation), _features(by))
    return text + (analysis_markdown(analysis) if analysis else "")


def _features(by: str) -> list[str]:
    return [feature.strip() for feature in by.split(",") if feature.strip()]


def unknown(evaluation: Evaluation, by: str) -> Iterator[str]:
    """Yield a sentence on each feature of which the problems tell nothing, so that there are no slices by it."""
    told = [one.feature for arm in evaluation.arms for one in arm.slices]
    known = list(dict.fromkeys([*BUILT_IN, *told]))
    for feature in _features(by):
        if feature not in known:
            near = did_you_mean(feature, known)
            yield (
                f"nothing is sliced by {feature!r}: no problem tells it, or all the same, or each another value."
                f"{near} Known: {', '.join(known)}."
            )


def require(evaluation: Evaluation, least: float | None) -> None:
    """Require an accuracy of every arm, the mean over its runs; the interval is not looked at.

    Raises:
        BelowMinimum: an arm's is below.
    """
    below = [arm for arm in evaluation.arms if least is not None and arm.result.accuracy.share < least]
    if below:
        told = ", ".join(f"{arm.name} {arm.result.accuracy.share:.2%}" for arm in below)
        raise BelowMinimum(f"accuracy below --min-accuracy {least:.2%}: {told}")
