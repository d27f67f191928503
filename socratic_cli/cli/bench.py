"""`socratic bench`."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from socratic_cli import authors, jobs, sources
from socratic_cli.cli import options as o
from socratic_cli.cli.console import bar, out, say
from socratic_cli.cli.flags import with_settings
from socratic_cli.errors import UsageError
from socratic_cli.jobs import Target
from socratic_cli.jobs.bench import analysis_of, claim, require, table, unknown, write
from socratic_cli.jobs.evaluating import gold_problems
from socratic_cli.jobs.paths import slug
from socratic_cli.records import Score
from socratic_cli.scoring.files import NAME as FILE
from socratic_cli.settings import Decoding, Scoring, Selection, Spread
from socratic_cli.stages.bench import scores
from socratic_cli.trained import is_student

_OF_STUDENTS = {
    "verifier",
    "load_in_8bit",
    "resume",
    "limit",
    "offset",
    *Decoding.model_fields,
    *Spread.model_fields,
}
"""Parameters that have no effect where no student solves."""


@with_settings
def verb(
    context: typer.Context,
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[NAME=]STUDENT|SOLUTIONS|SCORES...",
            help="Students, files of solutions or of other tools' outputs, folders of earlier scores or runs, - .",
        ),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for the report, tables, figures and solutions.")
    ] = None,
    problems: Annotated[
        str | None,
        typer.Option(
            help="What students solve first, and where outputs find their gold answers: gsm8k/test, a file ..."
        ),
    ] = None,
    bertscore: Annotated[
        bool, typer.Option("--bertscore", help="Compare subquestions with gold ones by BERTScore as well.")
    ] = False,
    bertscore_model: Annotated[
        str, typer.Option(help="Encoder of BERTScore: a folder, or an id of the hub.")
    ] = "microsoft/deberta-xlarge-mnli",
    card: Annotated[bool, typer.Option("--card", help="Put the scores on the students' model cards.")] = False,
    verifier: o.VerifierName = None,
    load_in_8bit: o.LoadIn8Bit = None,
    skip_invalid: o.SkipInvalid = False,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    scoring: Scoring = ...,  # type: ignore[assignment]
    selection: Selection = ...,  # type: ignore[assignment]
    decoding: Decoding = ...,  # type: ignore[assignment]
    spread: Spread = ...,  # type: ignore[assignment]
) -> None:
    """Solutions are scored by their final answers; students solve --problems first. The tables go to standard output:
    accuracy with 95% Wilson intervals, what was unanswered and why, and all arms compared on the same problems. Several
    samples of a problem (solve --keep-samples) are runs of one arm and tell pass@k. Where gold steps are known, the
    first wrong step is told by kind; where subquestions are, how well was asked; and of solutions with another player
    in a role (solve --oracle), whose fault it is.

    \b
    socratic bench solutions.jsonl
    socratic bench s other-student --problems gsm8k/test -o scores/
    socratic bench cot=a.jsonl cot=b.jsonl socratic=c.jsonl --baseline cot --by steps,operators
    socratic bench samples_gsm8k.jsonl ours.jsonl --train gsm8k/train
    socratic bench old/ new/ --min-accuracy 0.2
    socratic bench s --problems gsm8k/test --card
    """
    found = [_target(word) for word in targets or [jobs.STDIO]]
    students = [target for target in found if is_student(target.path)]
    places = _apart([target.path for target in students])
    others = [target for target in found if target not in students]
    _refuse_folders(others)
    _refuse_what_does_not_fit(students, problems, card)
    o.require_one(resume=resume, overwrite=overwrite)
    if not students:
        _refuse_what_students_take(context, others)
    if output is not None:
        o.refuse_inputs([str(output / FILE)], (target.evaluation / FILE for target in others if target.evaluation))
        claim(output, resume=resume, overwrite=overwrite)
    aside = o.Aside(others[0].path if others else jobs.STDIO, skip_invalid)
    with ExitStack() as stack:
        solving = partial(
            _solved,
            problems=problems or "",
            place=output or Path(stack.enter_context(tempfile.TemporaryDirectory())),
            selection=selection,
            decoding=decoding,
            verifier=verifier,
            load_in_8bit=load_in_8bit,
            resume=resume,
            overwrite=overwrite,
            spread=spread,
        )
        files = [solving(target, name=places[target.path]) if target in students else target for target in found]
        gold = gold_problems(problems, selection.data_dir) if others else ()
        evaluation = jobs.evaluate_files(files, scoring, selection=selection, gold=gold, on_invalid=aside.on_invalid)
    aside.tell()
    analysis = analysis_of(evaluation, bertscore_model if bertscore else None)
    if output is not None:
        write(evaluation, output, scoring.by, analysis=analysis)
    out(table(evaluation, scoring.by, analysis))
    for sentence in unknown(evaluation, scoring.by):
        say(f"warning: {sentence}")
    if card:
        told = jobs.described(problems or "", selection, decoding, load_in_8bit=load_in_8bit)
        jobs.put_on_cards(evaluation, [target.path for target in students], told)
    warn_of_leaks(scores(evaluation))
    require(evaluation, scoring.min_accuracy)


def _solved(
    student: Target,
    *,
    name: str,
    problems: str,
    place: Path,
    selection: Selection,
    decoding: Decoding,
    verifier: str | None,
    load_in_8bit: bool | None,
    **how: Any,
) -> Target:
    """Let a student solve problems into a file in `place`, and return the file; `how` is passed on."""
    author = authors.find(student.path, None, decoding, load_in_8bit=load_in_8bit)
    file = str(place / f"solutions-{name}.jsonl")
    with bar(f"solve {student.path}", selection.limit) as shown:
        tally = jobs.solve_file(
            sources.resolve(problems, **selection.model_dump()),
            author,
            file,
            shown.tally,
            decoding=decoding,
            verifier=authors.find_verifier(verifier, decoding) if verifier else None,
            **how,
        )
    if tally.others:
        raise UsageError(
            f"{file} holds {tally.others} solutions of problems that are not among these, so its score would be of"
            f" others: name all of them, pass --overwrite, or score what is there: socratic bench {file}"
        )
    return Target(file, student.name, Path(student.path))


def _apart(folders: list[str]) -> dict[str, str]:
    """Return a name for each folder: its last one, or of several that end alike the whole path.

    Raises:
        UsageError: one is given twice.
    """
    ends = Counter(Path(folder).name for folder in folders)
    names = {folder: Path(folder).name if ends[Path(folder).name] == 1 else slug(folder) for folder in folders}
    if len(set(names.values())) < len(folders):
        raise UsageError(f"two of the students have one name ({', '.join(folders)}): score them one by one")
    return names


def _refuse_what_does_not_fit(students: list[Target], problems: str | None, card: bool) -> None:
    if students and problems is None:
        raise UsageError(f"{students[0].path} is a student: say with --problems what it shall solve")
    if card and not students:
        raise UsageError("--card is about students that solve --problems: name a student's folder")


def _refuse_what_students_take(context: typer.Context, targets: list[Target]) -> None:
    """Refuse what would have no effect where nobody solves.

    Raises:
        UsageError: options of solving are given.
    """
    if given := o.typed(context, _OF_STUDENTS):
        raise UsageError(f"{targets[0].path} is no student and is scored as it is, whole: leave {', '.join(given)} out")


def _target(word: str) -> Target:
    """Read NAME=PATH; a path of that spelling goes before."""
    name, equals, path = word.partition("=")
    return Target(path, name) if equals and name and path and not Path(word).exists() else Target(word)


def _refuse_folders(targets: Iterable[Target]) -> None:
    for target in targets:
        if Path(target.path).is_dir() and target.evaluation is None:
            raise UsageError(
                f"{target.path} is a folder without a student or scores: name a student, a file of solutions or"
                " the -o of an earlier bench"
            )


def warn_of_leaks(scores: list[Score]) -> None:
    """Warn of scores on questions that their author was trained on."""
    for score in scores:
        if score.leaked:
            say(f"warning: {score.author}: {score.leaked} of {score.problems} questions are in its training set")
