"""`socratic push`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from socratic_cli import hub
from socratic_cli.cli import options as o
from socratic_cli.cli.console import out


def verb(
    student: Annotated[Path, typer.Argument(help="Folder of a trained student.")],
    repository: Annotated[str, typer.Argument(metavar="OWNER/NAME", help="Its name on the hub; made if it is new.")],
    private: o.Private = False,
) -> None:
    """Weights, model card, training curve, metrics, scores and fingerprints of the training questions are pushed;
    checkpoints are not. The token is that of HF_TOKEN, or of `hf auth login`.

    \b
    socratic push s me/gsm8k-smollm2-socratic --private
    """
    hub.check(repository)
    out(f"{hub.push(student, repository, private=private)}\n")
