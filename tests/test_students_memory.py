"""Memory that is freed stays with the process, and is handed out again without new pages."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

_FAULTS = """
import resource, sys, torch
from socratic_cli.students.memory import keep_freed_memory
if sys.argv[1] == "kept":
    assert keep_freed_memory()
torch.set_num_threads(1)
torch.ones(128 * 2**20)  # 512 MB, freed at once
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(5):
    torch.ones(16 * 2**20)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(way: str) -> int:
    """Return how many pages were touched for the first time when 64 MB are taken five times after 512 are freed."""
    done = subprocess.run([sys.executable, "-c", _FAULTS, way], capture_output=True, text=True, check=True)
    return int(done.stdout)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_what_was_freed_is_handed_out_again() -> None:
    assert faults("kept") < 100
    assert faults("given back") > 5 * 16  # at least a page of 4 MB each, however large its pages are
