"""`socratic run`."""

from __future__ import annotations

import json
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from socratic_cli import recipe, run
from socratic_cli.cli.bench import warn_of_leaks
from socratic_cli.cli.console import Bar, interruptible, out, say
from socratic_cli.jobs import Tally
from socratic_cli.jsonl import read, record
from socratic_cli.parts import Progress
from socratic_cli.records import Score


def verb(
    path: Annotated[Path, typer.Argument(metavar="RECIPE", help="A YAML file; see recipes/.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Folder of the run [default: runs/NAME].")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change the recipe: --set training.epochs=1.")
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option(envvar="SOCRATIC_DATA", help="Folder with the data sets' files; else from the hub.")
    ] = None,
    arms: Annotated[
        list[str] | None, typer.Option("--arm", metavar="NAME", help="Only this arm; may be repeated [default: all].")
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the stages, and which are done; do nothing.")
    ] = False,
) -> None:
    """Stages whose inputs and settings did not change are skipped, and a run that was stopped goes on. manifest.json
    records the recipe, versions, commit, fingerprints, times and machine.

    \b
    socratic run recipes/quickstart.yaml
    socratic run recipes/gsm8k-cpu.yaml --set train.limit=500 --dry-run
    socratic run recipes/gsm8k-cpu.yaml --arm cot --arm socratic
    """
    # Quoted, for --set reads YAML: a folder may be called 2024, or "data #2".
    data = [f"{source}.data_dir={json.dumps(str(data_dir))}" for source in ("train", "test")] if data_dir else []
    whole = recipe.read(path, [*data, *(set_ or ())])
    wanted = whole.only(arms) if arms else whole
    folder = output or Path("runs") / wanted.name
    if dry_run:
        for stage in run.plan(wanted, folder).stages:
            out(f"{'done' if stage.done else 'todo'}  {stage.verb:<9} {stage.what}  ->  {stage.folder}\n")
        return
    with Watch() as watch, interruptible(f"what is finished stays in {folder}, and the same command goes on"):
        scored = run.execute(wanted, folder, watch)
    out((scored / "table.md").read_text(encoding="utf-8"))
    warn_of_leaks(list(read(scored / "scores.jsonl", record(Score))))
    say(f"everything is in {folder}")


class Watch:
    """Shows a bar for the stage that is running."""

    def __init__(self) -> None:
        """Begin without a bar."""
        self._open = ExitStack()
        self._bar: Bar | None = None

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def stage(self, stage: run.Stage, done: bool) -> None:
        """Say which stage begins."""
        self._open.close()
        say(f"{stage.verb}: {stage.what}{' (done before)' if done else ''}")
        if not done:
            self._bar = self._open.enter_context(Bar(stage.verb))

    def tally(self, tally: Tally, total: int | None) -> None:
        """Show how far it is."""
        if self._bar:
            self._bar.tally(tally, total)

    def progress(self, progress: Progress) -> None:
        """Show how far it is."""
        if self._bar:
            self._bar.progress(progress)
