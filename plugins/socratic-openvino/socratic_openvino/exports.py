"""Weights in OpenVINO's format, made once and kept in the user's cache."""

# mypy: allow-untyped-calls
from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from contextlib import suppress
from pathlib import Path

import torch

from socratic_cli.backends import Weights
from socratic_cli.errors import StudentError
from socratic_cli.students.hardware import precision
from socratic_cli.students.merging import merged
from socratic_cli.students.weights import load_tokenizer, save

_MODEL = "openvino_model.xml"


def exported(weights: Weights, role: str | None) -> Path:
    """Return the folder of a role's exported weights, or of the untrained base's; made at the first use.

    Raises:
        StudentError: OpenVINO's export does not know the model.
    """
    home = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "socratic" / "openvino"
    folder = home / _fingerprint(weights, role)
    if (folder / _MODEL).is_file():
        return folder
    home.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home) as beside:
        whole, made = Path(beside) / "whole", Path(beside) / "made"
        save(merged(weights, role, torch.float32), load_tokenizer(*weights.model_of(role)), whole)
        _export(whole, made, "fp32" if precision(weights.dtype) == torch.float32 else "fp16")
        with suppress(OSError):  # another process was quicker
            shutil.move(made, folder)
    return folder


def _fingerprint(weights: Weights, role: str | None) -> str:
    """Return a name for what is exported: other weights have another."""
    digest = hashlib.sha256(f"{weights.base} {weights.revision} {precision(weights.dtype)}".encode())
    folders = [Path(weights.base)] if Path(weights.base).is_dir() else []
    folders += [weights.folder / role] if weights.folder and role else []
    for file in sorted(file for folder in folders for file in folder.glob("*.safetensors")):
        about = file.stat()
        digest.update(f"{file.resolve()} {about.st_size} {about.st_mtime_ns}".encode())
    return digest.hexdigest()[:16]


def _export(model: Path, folder: Path, dtype: str) -> None:
    from optimum.exporters.openvino import main_export
    from optimum.intel import OVConfig

    try:
        main_export(
            str(model),
            folder,
            task="text-generation-with-past",
            ov_config=OVConfig(dtype=dtype),
            convert_tokenizer=False,
        )
    except (ValueError, KeyError, RuntimeError) as fault:
        why = next((line for line in str(fault).splitlines() if line.strip()), type(fault).__name__)
        raise StudentError(f"OpenVINO does not know this model: {why}") from fault
