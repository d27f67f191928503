"""Options that several verbs share, each told once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer

from socratic_cli import jsonl, processes
from socratic_cli.cli.console import say
from socratic_cli.cli.flags import pairs
from socratic_cli.errors import InputError, UsageError
from socratic_cli.parts import Scheme
from socratic_cli.plugins import load
from socratic_cli.records import GOLD

Problems = Annotated[str, typer.Argument(help="gsm8k/train, svamp/test, arithmetic:2-3/test, a JSONL file, or - .")]
Out = Annotated[str, typer.Option("-o", "--output", help="JSONL file to write; - is standard output.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with an existing output: only what is missing is done.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing output.")]
SkipInvalid = Annotated[
    bool, typer.Option("--skip-invalid", help="Set lines that cannot be read aside (FILE.invalid) instead of stopping.")
]
SchemeName = Annotated[
    str | None,
    typer.Option("--scheme", help="answer, cot, socratic-unified, socratic ...; options follow as key=value."),
]
Ask = Annotated[str | None, typer.Option(help="socratic: ask all subquestions at once, or the next one (all, next).")]
Guide = Annotated[str | None, typer.Option("--guidance", help="socratic: none, count, operators or equations.")]
Exemplars = Annotated[
    str | None, typer.Option(help="Solved problems a prompted model sees: gsm8k, svamp, strategyqa, a file.")
]
ApiBase = Annotated[str | None, typer.Option(help="litellm: address of the model's server.")]
Private = Annotated[bool, typer.Option("--private", help="Push to a private repository.")]
LoadIn8Bit = Annotated[bool | None, typer.Option("--load-in-8bit", help="Load the student's weights in 8 bit.")]

VerifierName = Annotated[
    str | None, typer.Option("--verifier", help="Who weighs the samples: a trained verifier, or a model to prompt.")
]


def scheme(spec: str | None, **options: Any) -> Scheme | None:
    """Return the scheme of the flags, or None if none was named.

    Raises:
        UsageError: an option of a scheme was given and no scheme.
    """
    if spec is not None:
        return load(Scheme, spec, **options)
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise UsageError(f"--{given[0].replace('_', '-')} is an option of a scheme: name it with --scheme")
    return None


def refuse_inputs(outputs: Iterable[str | None], inputs: Iterable[str | Path | None]) -> None:
    """Refuse an output that is read as well, or is named twice, by whatever path: to overwrite it would lose it.

    Raises:
        UsageError: there is one.
    """
    written = [Path(output) for output in outputs if output is not None and output != "-"]
    read = [Path(one) for one in inputs if one is not None and one != "-"]
    for at, output in enumerate(written):
        for other in (*written[:at], *read):
            if output == other or (output.is_file() and other.is_file() and output.samefile(other)):
                raise UsageError(f"{output} would be written, and {other} is the same file: name another output")


def roles(words: Iterable[str], gold: str) -> dict[str, str]:
    """Return who plays which role: of words as role=who, and of a list of roles that gold plays.

    Raises:
        UsageError: a word is not role=who, or a role is given twice.
    """
    told = [*words, *(f"{role}={GOLD}" for role in gold.split(",") if role)]
    return pairs("--role", told, "role=who, as decomposer=student")


def require_one(*, resume: bool, overwrite: bool) -> None:
    """Refuse to go on with an output and to replace it at once.

    Raises:
        UsageError: both are wanted.
    """
    if resume and overwrite:
        raise UsageError("--resume goes on with an output, and --overwrite replaces it: leave one of them out")


def typed(context: typer.Context, names: Iterable[str]) -> list[str]:
    """Return the flags of those parameters that stand in the command itself; a shell's environment is for every one."""
    wanted = set(names)
    return [
        max(option.opts, key=len)
        for option in context.command.params
        if option.name in wanted
        and (source := context.get_parameter_source(option.name)) is not None
        and source.name == "COMMANDLINE"
    ]


def _refuse(invalid: jsonl.Invalid) -> None:
    raise InputError(f"{invalid.fault}\nMend the line, or pass --skip-invalid to set such lines aside.")


class Aside:
    """Keeps lines that could not be read in a file beside, when the user asked to skip them."""

    def __init__(self, source: str, skip: bool) -> None:
        """Name the file after the input."""
        self._path = Path("stdin.invalid" if source == "-" else f"{Path(source).name}.invalid")
        self.on_invalid: jsonl.OnInvalid = self._keep if skip else _refuse
        self.reasons: Counter[str] = Counter()

    def _keep(self, invalid: jsonl.Invalid) -> None:
        path = self._path if processes.first() else Path(os.devnull)
        with path.open("wb" if not self.reasons else "ab") as stream:
            stream.write(invalid.raw.rstrip(b"\n") + b"\n")
        self.reasons[invalid.fault] += 1

    def tell(self) -> None:
        """Say how many lines were set aside, and the first one's fault."""
        if self.reasons:
            first = next(iter(self.reasons))
            say(f"warning: {self.reasons.total()} lines set aside in {self._path}; the first: {first}")
