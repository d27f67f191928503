"""A training followed elsewhere as well: TensorBoard, Weights & Biases and MLflow, through accelerate's trackers.

Every role is a run of its own, so that steps count from 1 in each and runs can be laid over one another. A training
that goes on after an interruption goes on with the same runs. Nothing here can end a training: a tracker that fails is
told and left alone.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from socratic_cli.errors import MissingPackage
from socratic_cli.settings import Training

log = logging.getLogger(__name__)

_PACKAGES = {"tensorboard": ("tensorboard", "tensorboardX"), "wandb": ("wandb",), "mlflow": ("mlflow", "mlflow-skinny")}
_PROJECT = "socratic"


def require(training: Training) -> None:
    """Refuse a tracker whose package is not installed, before anything is trained.

    Raises:
        MissingPackage: it is not.
    """
    packages = _PACKAGES[training.tracker] if training.tracker else ()
    if packages and not any(map(_installed, packages)):
        raise MissingPackage(f"the tracker {training.tracker}", packages[0])


def _installed(package: str) -> bool:
    # Not whether it can be imported: wandb leaves a folder of its own name wherever it runs.
    try:
        return bool(metadata.version(package))
    except metadata.PackageNotFoundError:
        return False


@dataclass(frozen=True)
class Place:
    """Where a role is trained: the folder that is being filled (.<student>.part, see trained.py) and the role."""

    folder: Path
    role: str

    @property
    def student(self) -> Path:
        """The folder that the student will have."""
        name = self.folder.name
        hidden = name.startswith(".") and name.endswith(".part")
        return self.folder.with_name(name[1 : -len(".part")]) if hidden else self.folder

    @property
    def name(self) -> str:
        """The name of the run."""
        return f"{self.student}/{self.role}"

    @property
    def memory(self) -> Path:
        """The file that remembers which run it is."""
        return self.folder / f"{self.role}.tracked.json"


class Tracker:
    """One role as a run of the tracker that a training names, or of none."""

    def __init__(self, place: Place, training: Training, after: int) -> None:
        """Begin a run, or go on with it after a step."""
        self._kind, self._run = training.tracker, None
        if training.tracker is not None:
            self._try(lambda: self._start(_KINDS[str(training.tracker)], place, training, after))

    def note(self, step: int, numbers: Mapping[str, float]) -> None:
        """Tell the numbers of a step."""
        if self._run is not None:
            self._try(lambda: self._run.log(dict(numbers), step=step))

    def close(self) -> None:
        """End the run, or leave it to be gone on with."""
        if self._run is not None:
            self._try(lambda: self._run.finish())
        self._run = None

    def _start(self, make: _Make, place: Place, training: Training, after: int) -> None:
        known = _remembered(place)
        self._run = run = make(place, after, known)
        run.start()
        if self._kind == "tensorboard":
            return  # its runs are folders, and its hyperparameters would be one more run beside each
        if known is None:
            run.store_init_configuration(
                {key: value for key, value in training.identity().items() if value is not None}
            )
        identity = run.tracker.id if self._kind == "wandb" else run.tracker.info.run_id
        place.memory.write_text(json.dumps({"tracker": self._kind, "run": identity}) + "\n", encoding="utf-8")

    def _try(self, do: Callable[[], None]) -> None:
        try:
            with redirect_stdout(sys.stderr):  # what trackers say is no data
                do()
        except Exception as fault:  # a server that is gone, a disk that is full, a login that ran out
            log.warning("%s follows the training no more: %s", self._kind, str(fault).strip() or type(fault).__name__)
            self._run = None


def _remembered(place: Place) -> str | None:
    try:
        return str(json.loads(place.memory.read_text(encoding="utf-8"))["run"])
    except (OSError, ValueError, KeyError):
        return None


_Make = Callable[[Place, int, str | None], Any]


def _tensorboard(place: Place, after: int, _known: str | None) -> Any:
    """Write beside the student, whose own folder appears at the end only: `tensorboard --logdir tensorboard`."""
    from accelerate.tracking import TensorBoardTracker

    student = place.student
    # What was told of later steps is done again, and is shown no more.
    return TensorBoardTracker(f"{student.name}/{place.role}", student.parent / "tensorboard", purge_step=after + 1)


def _wandb(place: Place, _after: int, known: str | None) -> Any:
    from accelerate.tracking import WandBTracker

    project = os.environ.get("WANDB_PROJECT", _PROJECT)
    return WandBTracker(project, name=place.name, group=str(place.student), id=known, resume="allow")


def _mlflow(place: Place, _after: int, known: str | None) -> Any:
    from accelerate.tracking import MLflowTracker

    return MLflowTracker(_PROJECT, run_id=known, run_name=place.name)


_KINDS: dict[str, _Make] = {"tensorboard": _tensorboard, "wandb": _wandb, "mlflow": _mlflow}
