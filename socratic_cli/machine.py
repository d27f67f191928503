"""What a result was made on: machine, versions, commit."""

from __future__ import annotations

import os
import platform
import subprocess
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

from socratic_cli import __version__

_PACKAGES = ("torch", "transformers", "peft", "bitsandbytes", "accelerate", "datasets", "litellm", "tokenizers")


@cache
def describe_machine() -> dict[str, Any]:
    """Return what a manifest says of the machine, the installed versions and the source's git commit."""
    return {
        "socratic": __version__,
        "git_commit": _commit(),
        "python": platform.python_version(),
        "packages": {name: version for name in _PACKAGES if (version := _version(name))},
        "plugins": _plugins(),
        "machine": {"system": platform.platform(), "processor": _processor(), "cpus": os.cpu_count(), "gpus": _gpus()},
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _plugins() -> dict[str, str]:
    groups = metadata.entry_points().select
    entries = [
        entry
        for kind in ("schemes", "teachers", "students", "datasets", "backends")
        for entry in groups(group=f"socratic.{kind}")
    ]
    return {entry.dist.name: entry.dist.version for entry in entries if entry.dist}


def _commit() -> str | None:
    """Return the commit of the source tree socratic runs from, if it runs from one; `+` where it was changed since."""
    root = Path(__file__).resolve().parent.parent
    if not (root / ".git").exists():
        return None
    try:
        return _git(root, "rev-parse", "HEAD") + ("+" if _git(root, "status", "--porcelain") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", "-C", str(root), *words], capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _gpus() -> list[str]:
    import torch

    return [torch.cuda.get_device_name(at) for at in range(torch.cuda.device_count())]
