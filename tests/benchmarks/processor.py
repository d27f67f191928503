"""Seconds of processor: what other work on the machine does not change much."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path


def spent() -> float:
    """Return the seconds of processor of this process and its living children."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime + sum(map(_spent, _children("self")))


def _children(process: str) -> Iterator[str]:
    for listed in Path(f"/proc/{process}/task").glob("*/children"):
        for child in listed.read_text().split():
            yield child
            yield from _children(child)


def _spent(process: str) -> float:
    """Return the seconds of processor of one process."""
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")
