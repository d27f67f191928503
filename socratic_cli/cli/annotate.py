"""`socratic annotate`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from socratic_cli import jobs, sources
from socratic_cli.cli import options as o
from socratic_cli.cli import report
from socratic_cli.cli.console import bar, out
from socratic_cli.cli.flags import with_settings
from socratic_cli.errors import InputError, ReaderGone, SocraticError
from socratic_cli.parts import Scheme, Teacher
from socratic_cli.plugins import load
from socratic_cli.records import Problem
from socratic_cli.settings import Annotation, Asking, Selection

_Teacher = Annotated[str, typer.Option(help="gold, litellm:MODEL ...; options follow as key=value.")]
_Show = Annotated[str | None, typer.Option(help="Gold knowledge the teacher sees: answer,steps,facts.")]
_Decompose = Annotated[
    bool | None, typer.Option("--decompose-first", help="socratic: first all subquestions, then their solutions.")
]
_Rejects = Annotated[str | None, typer.Option(help="Where rejected ones go [default: beside the output].")]
_Replies = Annotated[
    Path | None, typer.Option(help="Where raw replies are kept, and looked up first [default: beside the output].")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Count calls, tokens and cost; ask nobody.")]
_ShowPrompt = Annotated[str | None, typer.Option(metavar="ID", help="Print what the teacher is asked; ask nobody.")]
_Reparse = Annotated[bool, typer.Option("--reparse", help="Make the output anew from the stored replies; ask nobody.")]


@with_settings
def verb(
    problems: o.Problems = "-",
    output: o.Out = "-",
    teacher: _Teacher = "gold",
    scheme: o.SchemeName = "socratic",
    show: _Show = None,
    decompose_first: _Decompose = None,
    exemplars: o.Exemplars = None,
    shots: Annotated[int | None, typer.Option(min=0, help="How many exemplars the teacher sees.")] = None,
    api_base: o.ApiBase = None,
    rejects: _Rejects = None,
    replies: _Replies = None,
    dry_run: _DryRun = False,
    show_prompt: _ShowPrompt = None,
    reparse: _Reparse = False,
    skip_invalid: o.SkipInvalid = False,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    annotation: Annotation = ...,  # type: ignore[assignment]
    asking: Asking = ...,  # type: ignore[assignment]
    selection: Selection = ...,  # type: ignore[assignment]
) -> None:
    """An annotation is kept if it reaches the gold answer. The others go to a file beside the output, each with its
    reason (wrong-answer, unreadable, truncated, refused, step-error, duplicate, failed) and the teacher's raw replies.

    Raw replies are kept first, in a file of their own, and looked up before the teacher is asked: whatever ends a
    run, the same command goes on and pays for what is missing only.

    \b
    socratic annotate gsm8k/train --teacher gold --limit 500 -o annotations.jsonl
    socratic annotate my.jsonl --teacher litellm:openai/gpt-4.1-mini --scheme cot --dry-run
    socratic annotate my.jsonl --teacher litellm:openai/gpt-4.1-mini --scheme cot --max-cost 5 -o annotations.jsonl
    """
    aside = o.Aside(problems, skip_invalid)
    chosen = load(Teacher, teacher, api_base=api_base)
    options = {"exemplars": exemplars, "shots": shots, "show": show, "decompose_first": decompose_first}
    written_as = load(Scheme, scheme or "socratic", **options)
    found = sources.resolve(problems, **selection.model_dump(), on_invalid=aside.on_invalid)
    paths = jobs.Paths.beside(output, rejects, replies)
    written = (paths.out, paths.rejects, str(paths.replies or "-"))
    o.refuse_inputs(written, (problems, *chosen.files, *written_as.files))
    o.require_one(resume=resume, overwrite=overwrite or reparse)
    if show_prompt is not None:
        out(report.prompt(written_as, _the_problem(found, show_prompt)))
        return
    if dry_run:
        asyncio.run(report.dry_run(found, written_as, chosen, annotation, paths))
        return
    with ExitStack() as closing:
        shown = closing.enter_context(bar("annotate", selection.limit))
        tally = jobs.Tally()
        try:
            tally = jobs.annotate_file(
                found,
                written_as,
                chosen,
                paths,
                shown.tally,
                annotation,
                asking,
                resume=resume,
                overwrite=overwrite,
                reparse=reparse,
            )
        except ReaderGone:
            raise
        except SocraticError:
            closing.close()
            if shown.last.done:
                report.annotated(shown.last, paths)
            raise
    aside.tell()
    report.annotated(tally, paths)
    if tally.reasons["failed"]:
        raise typer.Exit(3)


def _the_problem(problems: Iterable[Problem], identity: str) -> Problem:
    for problem in problems:
        if problem.id == identity:
            return problem
    raise InputError(f"there is no problem {identity!r} among the ones that were named")
