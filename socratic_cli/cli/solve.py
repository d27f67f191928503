"""`socratic solve`."""

from __future__ import annotations

from typing import Annotated

import typer

from socratic_cli import authors, jobs, sources
from socratic_cli.cli import options as o
from socratic_cli.cli.console import bar, say, summary
from socratic_cli.cli.flags import with_settings
from socratic_cli.jobs import Tally
from socratic_cli.records import GOLD
from socratic_cli.settings import Decoding, Selection
from socratic_cli.stages.solve import with_roles


@with_settings
def verb(
    author: Annotated[
        str, typer.Argument(metavar="STUDENT", help="Folder of a trained student, or a model to prompt.")
    ],
    problems: o.Problems = "-",
    output: o.Out = "-",
    scheme: o.SchemeName = None,
    exemplars: o.Exemplars = None,
    shots: Annotated[int | None, typer.Option(min=0, help="How many exemplars a prompted model sees.")] = None,
    oracle: Annotated[
        str, typer.Option(help="Roles that reply with the gold rationale: planner,decomposer. Shows whose fault it is.")
    ] = "",
    verifier: o.VerifierName = None,
    keep_samples: Annotated[
        bool, typer.Option("--keep-samples", help="Write every chain of --samples as a solution of its own.")
    ] = False,
    api_base: o.ApiBase = None,
    load_in_8bit: o.LoadIn8Bit = None,
    width: Annotated[int, typer.Option("--concurrency", min=1, help="Problems open at the same time.")] = 128,
    skip_invalid: o.SkipInvalid = False,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    selection: Selection = ...,  # type: ignore[assignment]
    decoding: Decoding = ...,  # type: ignore[assignment]
) -> None:
    """A trained student works in its own scheme: its roles reply to one another, no large model is called. Any other
    model (smollm2-135m, huggingface:gpt2, litellm:openai/gpt-4.1-mini) is prompted with exemplars of --scheme. Gold
    answers are hidden from it.

    With --samples, several chains of a problem vote over its answer, or --verifier weighs them. What --keep-samples
    writes is what a verifier learns from.

    \b
    socratic solve s gsm8k/test --limit 100 -o solutions.jsonl
    socratic solve litellm:openai/gpt-4.1-mini --scheme cot gsm8k/test -o solutions.jsonl
    socratic solve s gsm8k/train --samples 8 --temperature 0.7 --keep-samples -o samples.jsonl
    socratic solve s gsm8k/test --samples 8 --temperature 0.7 --verifier v -o solutions.jsonl
    """
    aside = o.Aside(problems, skip_invalid)
    chosen = authors.find(
        author,
        o.scheme(scheme, exemplars=exemplars, shots=shots),
        decoding,
        api_base=api_base,
        load_in_8bit=load_in_8bit,
    )
    roles = [role for role in oracle.split(",") if role]
    chosen = authors.renamed(chosen, with_roles(chosen.label, dict.fromkeys(roles, GOLD)))
    found = sources.resolve(problems, **selection.model_dump(), on_invalid=aside.on_invalid)
    chains = decoding.samples if keep_samples else 1
    with bar("solve", selection.limit and selection.limit * chains) as shown:
        tally = jobs.solve_file(
            found,
            chosen,
            output,
            shown.tally,
            decoding=decoding,
            verifier=authors.find_verifier(verifier, decoding) if verifier else None,
            keep_samples=keep_samples,
            oracle=roles,
            resume=resume,
            overwrite=overwrite,
            width=width,
        )
    aside.tell()
    say(summary("solved", tally))
    warn_of_leaks(tally)
    if tally.reasons["failed"]:
        raise typer.Exit(3)


def warn_of_leaks(tally: Tally) -> None:
    """Warn of questions that the student was trained on."""
    if tally.leaked:
        say(f"warning: {tally.leaked} of {tally.done} questions are in the student's training set")
