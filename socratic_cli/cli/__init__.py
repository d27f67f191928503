"""The command `socratic`: one module a verb, imported when it is called, so that `--help` costs next to nothing."""

from __future__ import annotations

import inspect
import logging
import os
import sys
import warnings
from importlib import import_module
from io import TextIOWrapper
from typing import Any

import typer
from typer.core import TyperGroup

from socratic_cli import __version__, processes
from socratic_cli.errors import OutputError, ReaderGone, SocraticError, UsageError, did_you_mean

VERBS = {
    "annotate": "Write annotations: problems solved step by step by a teacher.",
    "train": "Train a student on annotations.",
    "solve": "Solve problems with a student, or with a prompted model.",
    "bench": "Score students and solutions: accuracy, intervals, leaks.",
    "push": "Push a student to the Hugging Face hub.",
    "run": "Run a recipe: all of it, for every arm, student and seed.",
    "list": "List the installed schemes, teachers, students and datasets.",
}


class Verbs(TyperGroup):
    """Finds a verb's module when the verb is called."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002
        """Return the verbs in the order of a workflow."""
        return list(VERBS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """Import one verb."""
        if cmd_name not in VERBS:
            raise UsageError(f"unknown verb {cmd_name!r}.{did_you_mean(cmd_name, VERBS)} Verbs: {', '.join(VERBS)}.")
        if processes.count() > 1 and cmd_name != "train":
            raise UsageError(f"{cmd_name} would do the same work in each process: only train is launched as several")
        verb = import_module(f"socratic_cli.cli.{cmd_name}").verb
        alone = typer.Typer(add_completion=False, rich_markup_mode=None)
        alone.command(cmd_name, help=f"{VERBS[cmd_name]}\n\n{inspect.getdoc(verb)}")(verb)
        command = typer.main.get_command(alone)
        for option in command.params:
            # Told once above all verbs; a line more for each option would drown them.
            vars(option)["show_envvar"] = bool(option.envvar)
            if option.param_type_name == "option" and not option.envvar:
                # By its flag, which is not always the name of the parameter behind it.
                flag = max(option.opts, key=len).lstrip("-").replace("-", "_")
                option.envvar = f"SOCRATIC_{cmd_name}_{flag}".upper()
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(VERBS.items()))


app = typer.Typer(
    cls=Verbs,
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    context_settings={"auto_envvar_prefix": "SOCRATIC", "help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"socratic {__version__}")
        raise typer.Exit


@app.callback()
def socratic(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Show the version."),
) -> None:
    """Distil the step-by-step reasoning of a large language model into small ones.

    Data goes to standard output, everything else to standard error; `-` or nothing is a pipe. Every option can be
    given as SOCRATIC_<VERB>_<OPTION> in the environment; --data-dir of all of them is SOCRATIC_DATA.
    """


def main() -> None:
    """Run the command line; a mendable error is one sentence and its exit code, never a traceback."""
    _show_notes()
    _speak_utf8()
    try:
        app()
    except ReaderGone as gone:
        _be_silent()  # whoever read us has enough
        sys.exit(gone.exit_code)
    except SocraticError as fault:
        _complain(str(fault))
        sys.exit(fault.exit_code)
    except OSError as fault:
        if fault.errno is None or fault.filename is None:
            raise  # not the system's own, so a bug
        _complain(f"{fault.filename}: {fault.strerror}")
        sys.exit(OutputError.exit_code)


def _complain(what: str) -> None:
    if processes.first_here():
        typer.echo(f"error: {what}", err=True)
    try:
        sys.stdout.flush()
    except OSError:
        _be_silent()


def _be_silent() -> None:
    """Write to nowhere what standard output still holds, or Python would complain once more when it flushes at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _speak_utf8() -> None:
    """Write data as UTF-8, whatever the locale says; a terminal that cannot show a letter shows its number."""
    if isinstance(sys.stdout, TextIOWrapper):
        if sys.stdout.isatty():
            sys.stdout.reconfigure(errors="backslashreplace")
        else:
            sys.stdout.reconfigure(encoding="utf-8")


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = super().format(record)
        return f"{record.levelname.lower()}: {text}" if record.levelno >= logging.WARNING else text


def _show_notes() -> None:
    """Send what socratic and its plugins note or warn of to standard error, a line each; libraries stay silent."""
    handler = logging.StreamHandler()
    handler.setFormatter(_OneLine())
    handler.addFilter(lambda record: record.name.startswith("socratic"))
    level = logging.getLevelNamesMapping().get(os.environ.get("SOCRATIC_LOG", "").upper(), logging.INFO)
    level = level if processes.first() else logging.ERROR
    logging.basicConfig(level=level, handlers=[handler])
    if not sys.warnoptions:
        warnings.simplefilter("ignore")  # what libraries say to one another
