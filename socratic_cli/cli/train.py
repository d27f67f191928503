"""`socratic train`."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from socratic_cli import hub, jobs, processes, tracking
from socratic_cli.card import Card
from socratic_cli.cli import options as o
from socratic_cli.cli.console import bar, say
from socratic_cli.cli.flags import with_settings
from socratic_cli.errors import HubError, InputError, Interrupted, SocraticError, UsageError
from socratic_cli.jobs.train import refuse_existing, train_and_save
from socratic_cli.parts import Progress, Scheme, Student
from socratic_cli.plugins import load
from socratic_cli.settings import Training
from socratic_cli.stages.train import prepare


@with_settings
def verb(
    annotations: Annotated[str, typer.Argument(help="What `socratic annotate` wrote; - is standard input.")] = "-",
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder of the student.")] = ...,  # type: ignore[assignment]
    student: Annotated[
        str, typer.Option(help="smollm2-135m, huggingface:gpt2 ...; options follow as key=value.")
    ] = ...,  # type: ignore[assignment]
    scheme: o.SchemeName = None,
    ask: o.Ask = None,
    guidance: o.Guide = None,
    lora: Annotated[bool | None, typer.Option("--lora", help="Train adapters, one a role, on one frozen base.")] = None,
    load_in_8bit: o.LoadIn8Bit = None,
    push: Annotated[
        str | None, typer.Option(metavar="OWNER/NAME", help="Push the student to the hub when it is trained.")
    ] = None,
    private: o.Private = False,
    overwrite: o.Overwrite = False,
    skip_invalid: o.SkipInvalid = False,
    training: Training = ...,  # type: ignore[assignment]
) -> None:
    """Each role of the scheme learns its own replies; examples that extend one another are trained as one sequence.
    The scheme is the annotations' own unless --scheme names another.

    \b
    socratic train annotations.jsonl -o s --student smollm2-135m --lora --epochs 1 --learning-rate 1e-3
    socratic train annotations.jsonl -o s --student huggingface:gpt2-large --load-in-8bit --scheme cot
    socratic train annotations.jsonl -o s --student huggingface:gpt2 --push me/gsm8k-gpt2 --tracker wandb
    """
    refuse_existing(output, overwrite=overwrite)
    if annotations == jobs.STDIO and processes.count() > 1:
        raise UsageError("several processes cannot read one pipe: name a file of annotations")
    tracking.require(training)
    if push is not None:
        hub.check(push)  # what would fail after the training fails before it
    elif private:
        raise UsageError("--private is about --push: say with it where to")
    chosen = load(Student, student, lora=lora, load_in_8bit=load_in_8bit)
    _refuse_inside(output, [annotations, *(one for one in dict(chosen).values() if isinstance(one, str))])
    aside = o.Aside(annotations, skip_invalid)
    solutions = jobs.solutions(annotations, aside.on_invalid)
    first = next(solutions, None)
    if first is None:
        aside.tell()
        raise InputError(f"no line of {annotations} is an annotation that can be read")
    written_as = load(Scheme, scheme or first.scheme, ask=ask, guidance=guidance)
    lesson = prepare(chain([first], solutions), written_as, training.held_out)
    aside.tell()
    for reason, count in lesson.left_out.items():
        say(f"warning: {count} annotations left out: {reason}")
    with bar("train") as shown, jobs.Stop("the step, and a checkpoint") as stop:

        def report(progress: Progress) -> None:
            shown.progress(progress)
            if stop.is_set():
                raise Interrupted("stopped after a checkpoint: the same command goes on", stop.signal)

        card = train_and_save(lesson, written_as, chosen, training, output, report, overwrite=overwrite)
    say(_summary(card, output))
    if push is not None and processes.first():
        _push(output, push, private)


def _refuse_inside(folder: Path, inputs: Iterable[str]) -> None:
    """Refuse a folder that holds what the student is made from: to overwrite it would lose that.

    Raises:
        UsageError: it does.
    """
    for path in map(Path, inputs):
        if folder.is_dir() and folder.resolve() in (path.resolve(), *path.resolve().parents) and path.exists():
            raise UsageError(f"{path} is in {folder}, which the student would replace: name another -o")


def _push(student: Path, repository: str, private: bool) -> None:
    try:
        say(hub.push(student, repository, private=private))
    except SocraticError as fault:
        again = shlex.join(["socratic", "push", str(student), repository, *(["--private"] if private else [])])
        raise HubError(f"{fault}\nThe student is trained and safe in {student}; to try again: {again}") from fault


def _summary(card: Card, output: Path) -> str:
    lines = [f"{output}: {card.problems} problems"]
    for role in card.roles:
        speed = role.tokens / role.seconds if role.seconds else 0.0
        lines.append(
            f"  {role.role}: {role.sequences} sequences, {role.steps} steps, loss {role.loss:.3f},"
            f" {speed:.0f} tokens/s in {role.dtype}, {role.padding:.0%} padding"
            + (f", {role.left_out} too long and left out" if role.left_out else "")
            + (f", step {role.kept_step} kept" if role.kept_step is not None else "")
        )
    return "\n".join(lines)
