"""Loading and saving a causal language model and its tokenizer: safetensors only, no code of strangers, one device."""

# mypy: allow-untyped-calls
# (parts of transformers are not annotated)
from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from huggingface_hub import ModelCard, hf_hub_download
from safetensors import SafetensorError
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging
from yaml import YAMLError  # type: ignore[import-untyped]

from socratic_cli import processes
from socratic_cli.errors import StudentError
from socratic_cli.students.hardware import device
from socratic_cli.students.memory import is_exhausted, keep_freed_memory
from socratic_cli.students.shards import whole


@dataclass(frozen=True, slots=True)
class Source:
    """Where weights come from and how they are held in memory."""

    model: str
    revision: str | None = None
    dtype: torch.dtype = torch.float32
    bits: Literal[4, 8] | None = None


def load_model(source: Source) -> PreTrainedModel:
    """Load weights onto the device.

    Raises:
        StudentError: there are none, or they are no causal language model in safetensors.
    """
    _check_folder(source.model)
    # bitsandbytes places the weights itself as it quantises them; `to` would refuse afterwards.
    more = {"quantization_config": _quantised(source)} if source.bits else {}
    if source.bits:
        logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)  # a warning a call
    with quiet(), _explained(source.model):
        model: Any = AutoModelForCausalLM.from_pretrained(
            source.model,
            revision=source.revision or "main",
            dtype=source.dtype,
            use_safetensors=True,
            trust_remote_code=False,
            **more,
        )
        if not (source.bits or processes.sharded()):  # a part of it moves when it is sharded
            model.to(device())
    if model.device.type == "cpu":
        keep_freed_memory()
    # A base's own taste (temperature, repetition penalty) must not mix with the user's settings, and where it
    # contradicts itself it could not even be saved again. What ends a text is a fact, and stays.
    model.generation_config = GenerationConfig(eos_token_id=model.generation_config.eos_token_id)
    model.eval()
    return model  # type: ignore[no-any-return]


def _quantised(source: Source) -> BitsAndBytesConfig:
    """Return LLM.int8 (Dettmers et al., 2022), or doubly quantised NF4 (QLoRA, Dettmers et al., 2023)."""
    if source.bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=source.dtype,
    )


def license_of(model: str, revision: str | None = None) -> str | None:
    """Return the licence that a base's own model card names, or None where there is no card or it names none."""
    local = Path(model) / "README.md"
    with suppress(OSError, ValueError, YAMLError):  # no card, no network, no YAML
        card = local if Path(model).is_dir() else hf_hub_download(model, "README.md", revision=revision)
        named = ModelCard.load(card).data.get("license")
        return str(named) if named else None
    return None


def load_tokenizer(model: str, revision: str | None = None) -> PreTrainedTokenizerBase:
    """Load the tokenizer saved beside the weights.

    Raises:
        StudentError: there is none, or it has no end-of-sequence token.
    """
    with quiet(), _explained(model):
        tokenizer = AutoTokenizer.from_pretrained(model, revision=revision or "main", trust_remote_code=False)
    if tokenizer.eos_token_id is None:
        raise StudentError(f"the tokenizer of {model} has no end-of-sequence token, so a reply could never end")
    return tokenizer


def save(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, folder: Path) -> None:
    """Save a model with its tokenizer; every process that holds a part of the weights must ask for it."""
    state = {name: whole(one) for name, one in model.state_dict().items()} if processes.sharded() else None
    if not processes.first():
        return
    with quiet():
        model.save_pretrained(folder, state_dict=state)
        tokenizer.save_pretrained(folder)


def context(config: PreTrainedConfig) -> int | None:
    """Return the positions a model knows, or None where they are unlimited."""
    known = getattr(config.get_text_config(), "max_position_embeddings", None)
    return known if isinstance(known, int) and known > 0 else None


def load_config(model: str, revision: str | None = None) -> PreTrainedConfig:
    """Load what is told of a model without its weights.

    Raises:
        StudentError: there is none.
    """
    with quiet(), _explained(model):
        return AutoConfig.from_pretrained(model, revision=revision or "main", trust_remote_code=False)  # type: ignore[no-any-return]


@contextmanager
def _explained(model: str) -> Iterator[None]:
    """Turn what a user can mend into a sentence: a name or a file that is not there, an unknown type, no memory."""
    try:
        yield
    except (OSError, ValueError, KeyError, SafetensorError) as fault:
        reason = " ".join(str(fault).split())
        raise StudentError(
            f"{model} cannot be loaded: {reason[:300]}. Give a folder with config.json and model.safetensors, or the"
            " id of a causal language model on huggingface.co; without a network it must be in the local cache"
            " (download it with `hf download ID`)"
        ) from fault
    except (MemoryError, RuntimeError) as fault:
        if not is_exhausted(fault):
            raise
        raise StudentError(
            f"there is not enough memory for {model}: load it with --load-in-8bit or load_in_4bit=true, or take a"
            " smaller model"
        ) from fault


def _check_folder(model: str) -> None:
    """Refuse a folder whose weights are missing or pickled, before transformers answers with a page of text."""
    folder = Path(model)
    if not folder.is_dir():
        return
    if any(folder.glob("*.safetensors")):
        return
    pickled = sorted(path.name for pattern in ("*.bin", "*.pt", "*.pth", "*.ckpt") for path in folder.glob(pattern))
    if pickled:
        raise StudentError(
            f"{folder} holds pickled weights only ({pickled[0]}), which can run code when they are loaded: save them"
            " as safetensors (save_pretrained of a recent transformers does)"
        )
    raise StudentError(f"{folder} holds no weights: a file named *.safetensors is missing")


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the bars and notes of transformers: what matters is told by us."""
    level = transformers_logging.get_verbosity()
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        transformers_logging.set_verbosity(level)
        if shown:
            transformers_logging.enable_progress_bar()
