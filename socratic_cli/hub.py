"""Students on the Hugging Face hub: a repository that holds what the student's folder holds."""

# huggingface_hub takes most of a second to import, so every function imports it for itself.
from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from socratic_cli import __version__
from socratic_cli.card import NAME, read_card
from socratic_cli.errors import HubError, SocraticError, UsageError

_LEFT_OUT = ["*.checkpoint-*", "*.best-*", "*.tracked.json", "*.lock", "*.part", "*.invalid", ".*", "*/.*", "plan.json"]
"""What is no part of a student, wherever it came from."""
_OF_STUDENTS = ["*.safetensors", "*.json", "*.jsonl", "*.txt", "*.png", "*.jinja", "README.md"]
"""What an earlier student in the same repository may have left, of roles that this one does not have."""

_OF_ANYBODY = {".gitattributes", ".gitignore", "README.md", "LICENSE"}
"""What a new repository may hold already."""


def check(repository: str) -> None:
    """Refuse what could not be pushed to, before there is anything to push.

    Raises:
        UsageError: the name is none, or there is no token, or one that may only read.
        HubError: the hub cannot be reached, or refuses the token.
    """
    from huggingface_hub import HfApi, constants, get_token
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined]

    try:
        validate_repo_id(repository)
    except HFValidationError as fault:
        raise UsageError(f"{repository!r} is no name of a repository: write OWNER/NAME. {fault}") from None
    if constants.is_offline_mode():
        raise UsageError("HF_HUB_OFFLINE is set: nothing can be pushed")
    if get_token() is None:
        raise UsageError("there is no token for the hub: log in with `hf auth login`, or set HF_TOKEN")
    with _explained():
        who = HfApi().whoami()
    if who.get("auth", {}).get("accessToken", {}).get("role") == "read":
        raise UsageError(f"the token of {who.get('name')} may only read: make one that may write, and log in with it")


def push(folder: Path, repository: str, *, private: bool = False) -> str:
    """Push a student, and return its address. What the repository held of another student is removed.

    Raises:
        StudentError: there is no student in the folder.
        HubError: the hub cannot be reached, or refuses; or the repository is public and should be private.
    """
    from huggingface_hub import HfApi

    read_card(folder)
    with _explained():
        api = HfApi(library_name="socratic", library_version=__version__)
        made = api.create_repo(repository, private=private or None, exist_ok=True)
        found = api.model_info(made.repo_id)
        if private and not found.private:
            raise HubError(
                f"{made} is there already, and public: change that in its settings, or push without --private"
            )
        _refuse_others({file.rfilename for file in found.siblings or ()}, str(made))
        api.upload_folder(
            repo_id=made.repo_id,
            folder_path=folder,
            ignore_patterns=list(_LEFT_OUT),
            delete_patterns=_OF_STUDENTS,
            commit_message=f"A student of socratic {__version__}",
        )
    return str(made)


def _refuse_others(files: set[str], address: str) -> None:
    """Refuse a repository that holds a model of another kind: it would be mixed with the student, or lost."""
    foreign = sorted(files - _OF_ANYBODY)
    if foreign and NAME not in files:
        raise HubError(f"{address} holds no student, but {foreign[0]}: choose another name")


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except SocraticError:
        raise
    except Exception as fault:  # whatever the hub, its files and the network between may raise
        from huggingface_hub import constants

        reason = " ".join(str(fault).split()) or type(fault).__name__
        raise HubError(f"the hub {constants.ENDPOINT} does not take it: {reason}") from fault
