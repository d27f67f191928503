"""`socratic annotate`."""

from __future__ import annotations

from typing import Annotated

import typer

from socratic_cli import jobs, sources
from socratic_cli.cli import options as o
from socratic_cli.cli.console import bar, say, summary
from socratic_cli.cli.flags import with_settings
from socratic_cli.parts import Scheme, Teacher
from socratic_cli.plugins import load
from socratic_cli.settings import Selection


@with_settings
def verb(
    problems: o.Problems = "-",
    output: o.Out = "-",
    teacher: Annotated[str, typer.Option(help="gold, litellm:MODEL ...; options follow as key=value.")] = "gold",
    scheme: o.SchemeName = "socratic",
    show: Annotated[str | None, typer.Option(help="Gold knowledge the teacher sees: answer,steps,facts.")] = None,
    exemplars: o.Exemplars = None,
    shots: Annotated[int | None, typer.Option(min=0, help="How many exemplars the teacher sees.")] = None,
    api_base: o.ApiBase = None,
    rejects: Annotated[str | None, typer.Option(help="Where rejected ones go [default: beside the output].")] = None,
    concurrency: Annotated[int, typer.Option(min=1, help="Problems asked at the same time.")] = 16,
    skip_invalid: o.SkipInvalid = False,
    resume: o.Resume = False,
    overwrite: o.Overwrite = False,
    selection: Selection = ...,  # type: ignore[assignment]
) -> None:
    """An annotation is kept if it reaches the gold answer. The others go to a file beside the output, each with its
    reason (wrong-answer, unreadable, truncated, refused, failed) and the teacher's raw replies.

    \b
    socratic annotate gsm8k/train --teacher gold --limit 500 -o annotations.jsonl
    socratic annotate my.jsonl --teacher litellm:openai/gpt-4.1-mini --scheme cot -o annotations.jsonl
    """
    aside = o.Aside(problems, skip_invalid)
    chosen = load(Teacher, teacher, api_base=api_base)
    written_as = load(Scheme, scheme or "socratic", exemplars=exemplars, shots=shots, show=show)
    found = sources.resolve(problems, **selection.model_dump(), on_invalid=aside.on_invalid)
    beside = rejects or (None if output == jobs.STDIO else f"{output.removesuffix('.jsonl')}.rejected.jsonl")
    with bar("annotate", selection.limit) as shown:
        tally = jobs.annotate_file(
            found,
            written_as,
            chosen,
            output,
            beside,
            shown.tally,
            resume=resume,
            overwrite=overwrite,
            width=concurrency,
        )
    aside.tell()
    say(summary(f"kept {tally.kept} of", tally))
    if tally.done > tally.kept:
        say(f"rejected ones: {beside}" if beside else "rejected ones were not kept: name a file with --rejects")
    if tally.reasons["failed"]:
        raise typer.Exit(3)
