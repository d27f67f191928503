"""What a user can mend, as one small tree.

    SocraticError            exit 1   something went wrong; the message says what, where and how to mend it
    |- InputError            exit 1   a record or a file that cannot be read (file and line)
    |- OutputError           exit 2   an output that exists, or cannot be written
    |- TeacherError          exit 1   a teacher that gave no reply to one problem, and will not give one
    |  |- TeacherBusy        exit 1   a teacher that may reply if it is asked again
    |  |- NotStored          exit 1   no reply is stored, and nobody is to be asked
    |  `- TeacherUnusable    exit 1   a teacher that cannot be reached, or refuses the key or the model
    |- BudgetReached         exit 5   the next reply could cost more than is left of --max-cost
    |- StudentError          exit 1   a student that cannot be loaded, trained or saved
    |- WorkerError          exit 1   workers that cannot be started, or have a bug
    |  `- WorkerGone        exit 1   a worker that died; what it had is given to another
    |- HubError              exit 1   a hub that cannot be reached, or refuses
    |- Interrupted           exit 130 Ctrl-C, or 143 after a termination; the same command goes on
    |- ReaderGone            exit 141 standard output was closed by its reader, as by `| head`; not worth a sentence
    `- UsageError            exit 2   an unknown name, a flag that does not fit
       |- RecipeError        exit 2   a recipe with faults, all of them listed
       `- MissingPackage     exit 2   an optional package, with the pip command that installs it

The command line prints these as one sentence without a traceback. Anything else that is raised is a bug of ours
and keeps its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class SocraticError(Exception):
    """An error that its reader can mend; `exit_code` is what the process ends with."""

    exit_code = 1


class InputError(SocraticError):
    """A record or file that cannot be read."""


class OutputError(SocraticError):
    """An output that exists already or cannot be written."""

    exit_code = 2


class TeacherError(SocraticError):
    """A teacher that could not reply."""


class TeacherBusy(TeacherError):
    """A teacher that gave no reply now, and may give one when asked again.

    Attributes:
        retry_after: seconds it asked to be left alone, if it did.
        overloaded: whether it said that it is asked too much.
        billed: whether it may have counted the request all the same: its reply was lost on the way.
    """

    def __init__(
        self, message: str, retry_after: float | None = None, overloaded: bool = False, billed: bool = False
    ) -> None:
        super().__init__(message, retry_after, overloaded, billed)
        self.retry_after = retry_after
        self.overloaded = overloaded
        self.billed = billed

    def __str__(self) -> str:
        return str(self.args[0])


class NotStored(TeacherError):
    """No reply is stored, and nobody is to be asked for one."""


class BelowMinimum(SocraticError):
    """An accuracy that is below what was required."""

    exit_code = 4


class BudgetReached(SocraticError):
    """What may be spent is spent; everything that was paid for is kept."""

    exit_code = 5


class Interrupted(SocraticError):
    """A run that a signal ended in good order; the code is what a shell gives a program that the signal ended."""

    def __init__(self, message: str, signal: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal


class TeacherUnusable(TeacherError):
    """A teacher that will reply to no problem of the run, so that going on would only reject them all."""


class StudentError(SocraticError):
    """A student that could not be loaded, trained, saved or asked."""


class WorkerError(SocraticError):
    """Workers that cannot be started, or that failed at what they do."""


class WorkerGone(WorkerError):
    """A worker that died with work in its hands; `began` says whether it had come as far as to begin with it."""

    def __init__(self, message: str, began: bool = True) -> None:
        super().__init__(message, began)
        self.began = began

    def __str__(self) -> str:
        return str(self.args[0])


class HubError(SocraticError):
    """A hub that could not be reached, or does not take what it is given."""


class ReaderGone(SocraticError):
    """Standard output was closed by its reader; the code is what a shell gives a program that SIGPIPE ended."""

    exit_code = 128 + 13


class UsageError(SocraticError):
    """A command that cannot be carried out as written."""

    exit_code = 2


class RecipeError(UsageError):
    """A recipe with faults; the message lists all of them, each with its line."""


class MissingPackage(UsageError):
    """An optional package that is not installed."""

    def __init__(self, what: str, package: str) -> None:
        super().__init__(what, package)  # as given, so that it can be sent from a worker

    def __str__(self) -> str:
        what, package = self.args
        return f"{what} needs the package {package}: pip install {package}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'x'?" for the known word nearest to `word`, or an empty text."""
    near = difflib.get_close_matches(word, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
