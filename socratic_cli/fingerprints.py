"""Fingerprints of files: which weights a saved student has, and whether it is still the one it was."""

from __future__ import annotations

import hashlib
from pathlib import Path

from socratic_cli.card import NAME as CARD
from socratic_cli.hashing import sha256


def weights(folder: Path) -> dict[str, str]:
    """Return the fingerprint of every weights file below a folder, checkpoints left out, by its path there."""
    return {path: sha256(folder / path) for path in _files(folder, "*.safetensors")}


def identity(folder: Path) -> str:
    """Return one fingerprint of all that a student's replies depend on: its card, and what lies in its roles' folders.

    What tells people of it (a model card, scores, curves) changes nothing.
    """
    inside = (path for path in _files(folder, "*") if path == CARD or Path(path).parts[1:])
    digest = hashlib.sha256()
    for path in inside:
        digest.update(f"{path} {sha256(folder / path)}\n".encode())
    return digest.hexdigest()


def _files(folder: Path, pattern: str) -> list[str]:
    found = (str(path.relative_to(folder)) for path in folder.rglob(pattern) if path.is_file())
    return sorted(path for path in found if "checkpoint" not in path)
