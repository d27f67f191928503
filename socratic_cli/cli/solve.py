"""`socratic solve`."""

from __future__ import annotations

import sys
from functools import partial
from typing import Annotated

import typer

from socratic_cli import authors, casting, jobs, sources
from socratic_cli.cli import options as o
from socratic_cli.cli.console import bar, interruptible, say, summary
from socratic_cli.cli.flags import with_settings
from socratic_cli.cli.talking import Screen, asked
from socratic_cli.errors import UsageError
from socratic_cli.jobs import Tally
from socratic_cli.settings import Decoding, Selection, Spread

_OF_FILES = {
    "width",
    "from_samples",
    "skip_invalid",
    "resume",
    "overwrite",
    *Selection.model_fields,
    *Spread.model_fields,
}
"""Parameters that have no effect where dialogues are shown."""


@with_settings
def verb(
    context: typer.Context,
    author: Annotated[
        str | None,
        typer.Argument(
            metavar="STUDENT", help="Folder of a trained student, or a model to prompt; --role may name all."
        ),
    ] = None,
    problems: o.Problems = "-",
    output: o.Out = "-",
    question: Annotated[
        str | None, typer.Option("-q", "--question", help="One problem; its dialogue is shown as it is written.")
    ] = None,
    scheme: o.SchemeName = None,
    exemplars: o.Exemplars = None,
    shots: Annotated[int | None, typer.Option(min=0, help="How many exemplars a prompted model sees.")] = None,
    role: Annotated[
        list[str] | None,
        typer.Option("--role", metavar="ROLE=WHO", help="Who plays a role: a student, a model to prompt, or gold."),
    ] = None,
    oracle: Annotated[
        str, typer.Option(help="Roles that gold plays: planner,decomposer. Shows whose fault it is.")
    ] = "",
    verifier: o.VerifierName = None,
    keep_samples: Annotated[
        bool, typer.Option("--keep-samples", help="Write every chain of --samples as a solution of its own.")
    ] = False,
    from_samples: Annotated[
        str | None,
        typer.Option(
            metavar="JSONL", help="Chains that --keep-samples wrote: they are chosen among, and nothing is sampled."
        ),
    ] = None,
    api_base: o.ApiBase = None,
    load_in_8bit: o.LoadIn8Bit = None,
    width: Annotated[int, typer.Option("--concurrency", min=1, help="Problems open at once, in each worker.")] = 128,
    skip_invalid: o.SkipInvalid = False,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    selection: Selection = ...,  # type: ignore[assignment]
    decoding: Decoding = ...,  # type: ignore[assignment]
    spread: Spread = ...,  # type: ignore[assignment]
) -> None:
    """A trained student works in its own scheme, or in a --scheme that asks it the same: its roles reply to one
    another, no large model is called. Any other model (smollm2-135m, huggingface:gpt2, litellm:openai/gpt-4.1-mini) is
    prompted with exemplars of --scheme. Gold answers are hidden from it. --role casts: a student's roles can be played
    by another one, by a prompted model, or by gold (the gold rationale).

    With -q, or on a terminal without problems, dialogues are shown as they are written, with tokens and seconds.

    With --samples, several chains of a problem vote over its answer, or --verifier weighs them. What --keep-samples
    writes is what a verifier learns from; with --from-samples it is chosen among, in one way after another.

    \b
    socratic solve s -q "Ann has 3 hens and buys 2 more. How many hens has she?"
    socratic solve s gsm8k/test --limit 100 -o solutions.jsonl
    socratic solve s problems.jsonl --workers 4 -o solutions.jsonl
    socratic solve litellm:openai/gpt-4.1-mini --scheme cot gsm8k/test -o solutions.jsonl
    socratic solve s --role solver=litellm:openai/gpt-4.1-mini gsm8k/test -o solutions.jsonl
    socratic solve s gsm8k/train --samples 8 --temperature 0.7 --keep-samples -o samples.jsonl
    socratic solve s gsm8k/test --samples 8 --temperature 0.7 --verifier v -o solutions.jsonl
    socratic solve s gsm8k/test --samples 4 --temperature 0.7 --from-samples chains.jsonl -o four.jsonl
    """
    roles = o.roles(role or [], oracle)
    student, problems = _told_apart(author, problems, cast_by_role=bool(roles))
    shown = question is not None or (problems == jobs.STDIO == output and sys.stdin.isatty())
    if shown:
        _refuse_what_files_take(context, question, problems, output)
    cast = casting.cast(
        student,
        roles,
        o.scheme(scheme, exemplars=exemplars, shots=shots) if scheme or not role else None,
        decoding,
        coaching={"exemplars": exemplars, "shots": shots},
        api_base=api_base,
        load_in_8bit=load_in_8bit,
    )
    solving = partial(
        jobs.solve_file,
        author=cast.author,
        out=output,
        decoding=decoding,
        verifier=authors.find_verifier(verifier, decoding) if verifier else None,
        keep_samples=keep_samples,
        from_samples=from_samples,
        oracle=cast.gold,
    )
    if shown:
        screen = Screen()
        solving(asked(screen, question), report=lambda _: None, width=1, told=screen)
        return
    o.refuse_inputs((output,), (problems, from_samples, exemplars))
    o.require_one(resume=resume, overwrite=overwrite)
    aside = o.Aside(problems, skip_invalid)
    found = sources.resolve(problems, **selection.model_dump(), on_invalid=aside.on_invalid)
    chains = decoding.samples if keep_samples else 1
    stays = "what was written stays" + (f" in {output}, and --resume goes on" if output != jobs.STDIO else "")
    with interruptible(stays), bar("solve", selection.limit and selection.limit * chains) as progress:
        tally = solving(found, report=progress.tally, resume=resume, overwrite=overwrite, width=width, spread=spread)
    aside.tell()
    _tell(tally)


def _refuse_what_files_take(context: typer.Context, question: str | None, problems: str, output: str) -> None:
    """Refuse what would have no effect where one dialogue after another is shown.

    Raises:
        UsageError: problems, an output or options of them are given.
    """
    given = [word for word, value in (("PROBLEMS", problems), ("--output", output)) if value != jobs.STDIO]
    given += o.typed(context, _OF_FILES)
    if given:
        why = (
            "--question is one problem, and its dialogue is shown"
            if question is not None
            else "no problems are named, so they are asked for here and their dialogues shown"
        )
        raise UsageError(f"{why}: leave {', '.join(given)} out")


def _told_apart(first: str | None, second: str, *, cast_by_role: bool) -> tuple[str | None, str]:
    """Return the student and the problems; where --role names who plays, one word alone may be the problems."""
    if first is not None and second == jobs.STDIO and cast_by_role and not authors.is_known(first):
        return None, first
    return first, second


def _tell(tally: Tally) -> None:
    """Say what was done, warn of questions that the student was trained on, and exit with 3 if a service failed."""
    say(summary("solved", tally))
    if tally.others:
        say(f"warning: the output holds {tally.others} solutions of other problems as well")
    if tally.leaked:
        say(f"warning: {tally.leaked} of {tally.done} questions are in the student's training set")
    if tally.reasons["failed"]:
        raise typer.Exit(3)
