"""The fingerprint of a file's content."""

from __future__ import annotations

import hashlib
from pathlib import Path


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


_PROBES, _PROBE = 64, 1 << 16


def probed(folder: Path) -> str:
    """Return a fingerprint of the files in a folder that is quick whatever they hold: by their sizes and by probes.

    Of a file some megabytes are read, in places all over it, since a merged adapter leaves embeddings as they were.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        size = path.stat().st_size
        digest.update(f"{path.name} {size} ".encode())
        with path.open("rb") as stream:
            for probe in range(_PROBES):
                stream.seek(probe * max(_PROBE, size // _PROBES))
                digest.update(stream.read(_PROBE))
    return digest.hexdigest()
