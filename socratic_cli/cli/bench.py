"""`socratic bench`."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from socratic_cli import authors, jobs, sources
from socratic_cli.cli import options as o
from socratic_cli.cli.console import bar, out, say
from socratic_cli.cli.flags import with_settings
from socratic_cli.errors import UsageError
from socratic_cli.records import Score
from socratic_cli.settings import Decoding, Selection
from socratic_cli.stages.bench import markdown
from socratic_cli.trained import is_student


@with_settings
def verb(
    targets: Annotated[
        list[str] | None,
        typer.Argument(metavar="STUDENT|SOLUTIONS...", help="Folders of students, files of solutions, - ."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder for scores, table and solutions.")
    ] = None,
    problems: Annotated[str | None, typer.Option(help="What students solve first: gsm8k/test, a file ...")] = None,
    card: Annotated[bool, typer.Option("--card", help="Put the scores on the students' model cards.")] = False,
    load_in_8bit: o.LoadIn8Bit = None,
    skip_invalid: o.SkipInvalid = False,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    selection: Selection = ...,  # type: ignore[assignment]
    decoding: Decoding = ...,  # type: ignore[assignment]
) -> None:
    """Solutions are scored by exact match of their final answers; students solve --problems first. The table goes to
    standard output, with 95% Wilson intervals; unanswered problems count as wrong and are shown.

    \b
    socratic bench solutions.jsonl
    socratic bench s other-student --problems gsm8k/test -o scores/
    socratic bench s --problems gsm8k/test --card
    """
    wanted = targets or [jobs.STDIO]
    students = [target for target in wanted if is_student(target)]
    files = [target for target in wanted if target not in students]
    _refuse_folders(files)
    if students and problems is None:
        raise UsageError(f"{students[0]} is a student: say with --problems what it shall solve")
    if card and not students:
        raise UsageError("--card is about students that solve --problems: name a student's folder")
    aside = o.Aside(files[0] if files else jobs.STDIO, skip_invalid)
    with ExitStack() as stack:
        place = output or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for student in students:
            author = authors.find(student, None, decoding, load_in_8bit=load_in_8bit)
            found = sources.resolve(problems or "", **selection.model_dump())
            files.append(str(place / f"solutions-{Path(student).name}.jsonl"))
            with bar(f"solve {student}", selection.limit) as shown:
                jobs.solve_file(found, author, files[-1], shown.tally, resume=resume, overwrite=overwrite)
        scores = jobs.bench_files(files, output, aside.on_invalid)
    aside.tell()
    out(markdown(scores))
    if card:
        assert problems is not None
        jobs.put_on_cards(scores, students, jobs.described(problems, selection, decoding, load_in_8bit=load_in_8bit))
    warn_of_leaks(scores)


def _refuse_folders(files: list[str]) -> None:
    for target in files:
        if Path(target).is_dir():
            raise UsageError(f"{target} is a folder without a student: name a student or a file of solutions")


def warn_of_leaks(scores: list[Score]) -> None:
    """Warn of scores on questions that their author was trained on."""
    for score in scores:
        if score.leaked:
            say(f"warning: {score.author}: {score.leaked} of {score.problems} questions are in its training set")
