"""Checkpoints of a training run: all that the next step depends on, so that a run that was killed ends the same.

<role>.checkpoint-<step>/state.json           step, losses and counters, settings of the rate's schedule
<role>.checkpoint-<step>/state.safetensors    trained weights, AdamW's moments, states of the random generators

A checkpoint is written beside, put on the disk and renamed, and only then the one before it is removed. So whenever
the power fails, the last whole one is there.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from socratic_cli import processes

log = logging.getLogger(__name__)
_SECONDS = 300.0
"""Between two checkpoints, unless a number of steps is named."""


@dataclass(frozen=True)
class State:
    """What a run is after a step: numbers and tensors, each under a name."""

    step: int
    numbers: dict[str, Any]
    tensors: dict[str, Tensor]


class Checkpoints:
    """The checkpoints of one role, in a folder of their own."""

    def __init__(self, folder: Path, role: str, every: int | None = None) -> None:
        """Keep checkpoints in `folder` every so many steps, or every five minutes."""
        self._folder, self._role, self._every = folder, role, every
        self._kept = time.monotonic()

    def due(self, step: int) -> bool:
        """Say whether there should be a checkpoint after a step."""
        if self._every is not None:
            return step % self._every == 0
        return bool(processes.of_first(time.monotonic() - self._kept >= _SECONDS))

    def last(self) -> State | None:
        """Return the last whole checkpoint, if there is one.

        Raises:
            StudentError: another process sees another one.
        """
        found = self._found()
        seen = found[-1].name if found else "no checkpoint"
        processes.check_same(seen, f"see different checkpoints, so {self._folder} is on no disk that they share")
        if not found:
            return None
        folder = found[-1]
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
        return State(state["step"], state["numbers"], load_file(folder / "state.safetensors"))

    def keep(self, make: Callable[[], State]) -> bool:
        """Write a checkpoint, and say whether it is there.

        A disk that is full does not end the run: the checkpoint before stays, and it is told. All processes make the
        state, since each has a part of it; the first one writes.
        """
        state = make()
        return processes.first() and self._write(state)

    def _write(self, state: State) -> bool:
        target = self._folder / f"{self._role}.checkpoint-{state.step:08}"
        beside = target.with_name(f".{target.name}.part")
        try:
            shutil.rmtree(beside, ignore_errors=True)
            beside.mkdir(parents=True)
            save_file({name: one.contiguous() for name, one in state.tensors.items()}, beside / "state.safetensors")
            numbers = json.dumps({"step": state.step, "numbers": state.numbers})
            (beside / "state.json").write_text(numbers, encoding="utf-8")
            for path in (*beside.iterdir(), beside):
                _sync(path)
            beside.replace(target)
            _sync(self._folder)
        except (OSError, SafetensorError) as fault:
            shutil.rmtree(beside, ignore_errors=True)
            log.warning("no checkpoint of the %s at step %d: %s", self._role, state.step, fault)
            return False
        finally:
            self._kept = time.monotonic()
        for older in self._found():
            if older != target:
                shutil.rmtree(older, ignore_errors=True)
        return True

    def clear(self) -> None:
        """Remove what is kept: the role is learnt."""
        for folder in self._found():
            shutil.rmtree(folder, ignore_errors=True)

    def _found(self) -> list[Path]:
        return sorted(self._folder.glob(f"{self._role}.checkpoint-*"))


def _sync(path: Path) -> None:
    """Put a file, or a folder's list of files, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError:
        if not path.is_dir():  # some systems cannot sync a folder
            raise
    finally:
        os.close(handle)
