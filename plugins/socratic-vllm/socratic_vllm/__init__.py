"""A backend that runs students by vLLM, on GPUs or on a CPU.

What a reply is stays with socratic: where it ends, what a calculator adds, whether it repeats itself, how long a role
may speak. vLLM brings the next token of every reply. It keeps what was read (prefix caching), so that the turns of a
dialogue and what a calculator interrupts cost their new tokens only, and reads an adapter (LoRA) for each role.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from socratic_cli.backends import ADAPTER, Backend, Weights
from socratic_cli.dialogue import Model
from socratic_cli.errors import MissingPackage, StudentError, UsageError
from socratic_cli.settings import Decoding
from socratic_vllm.ending import WATCHED

if TYPE_CHECKING:  # transformers takes seconds to import: a list of backends must not
    from socratic_vllm.stream import VLLMStream

_RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""Ranks of adapters that vLLM makes room for."""


class VLLM(Backend):
    """Runs weights by vLLM. Options are vLLM's own, of the same names."""

    gpu_memory_utilization: float = Field(0.9, gt=0, le=1, description="Share of a GPU's memory that is taken.")
    kv_cache_memory_bytes: int | None = Field(
        None, gt=0, description="Bytes for keys and values [default: what that share leaves, 2 GiB on a CPU]."
    )
    max_model_len: int | None = Field(
        None, gt=0, description="Tokens of the longest prompt with its reply [default: the model's context]."
    )
    tensor_parallel_size: int = Field(1, gt=0, description="GPUs that share each model.")
    enforce_eager: bool = Field(False, description="Start sooner and run slower: nothing is compiled.")

    @contextmanager
    def open(self, weights: Weights, decoding: Decoding) -> Iterator[Model]:
        """Start an engine for the base with the adapters of all roles, or one for each role's own weights."""
        if weights.bits:
            raise UsageError("the backend vllm runs no weights in 8 or 4 bit, as this student's are: transformers does")
        _prepare()
        from socratic_cli.students.engine import Engine
        from socratic_cli.students.streaming import Streaming

        with ExitStack() as engines:
            opened = Engine(self._speakers(weights, decoding, engines), Streaming, decoding)
            try:
                yield opened
            finally:
                opened.close()

    def _speakers(self, weights: Weights, decoding: Decoding, engines: ExitStack) -> Callable[[str], VLLMStream]:
        """Start what is needed, and return who speaks for a role."""
        own = {role: weights.folder / role for role in weights.roles} if weights.folder and not weights.adapted else {}
        share = self.gpu_memory_utilization / max(1, len(own))
        if own:
            served = {
                role: engines.enter_context(
                    self._started(Weights(str(folder), dtype=weights.dtype), {}, share, decoding)
                )
                for role, folder in own.items()
            }
            return lambda role: served[weights.played_by(role)]
        folder = weights.folder
        adapters = {role: folder / role for role in weights.roles} if folder else {}
        only = engines.enter_context(self._started(weights, adapters, share, decoding))
        return lambda role: only.playing(role, weights.played_by(role))

    @contextmanager
    def _started(
        self, weights: Weights, adapters: Mapping[str, Path], share: float, decoding: Decoding
    ) -> Iterator[VLLMStream]:
        from socratic_cli.students.hardware import precision
        from socratic_cli.students.language import load_language
        from socratic_vllm.stream import VLLMStream

        language = load_language(weights.base, weights.revision)
        known = [length for length in (language.context, self.max_model_len) if length]
        arguments: dict[str, Any] = {
            "model": weights.base,
            "revision": weights.revision,
            "dtype": str(precision(weights.dtype)).removeprefix("torch."),
            "skip_tokenizer_init": True,  # prompts and replies are tokens
            "generation_config": "vllm",  # a base's own taste must not mix with the user's settings
            "enable_prefix_caching": True,
            "max_num_seqs": decoding.batch_size,
            "max_model_len": min(known, default=None),
            "gpu_memory_utilization": share,
            "kv_cache_memory_bytes": self.kv_cache_memory_bytes,
            "tensor_parallel_size": self.tensor_parallel_size,
            "enforce_eager": self.enforce_eager,
            "use_tqdm_on_load": False,
            "disable_log_stats": True,
            **_adapting(adapters),
        }
        engine = _start(arguments)
        try:
            shortest = replace(language, context=min(known, default=None))
            yield VLLMStream(shortest, engine, _requests(adapters), decoding)
        finally:
            engine.engine_core.shutdown()


def _prepare() -> None:
    """Let vLLM tell its story on standard error, where it matters, since standard output is for data; and let its
    processes end with this one.

    Raises:
        MissingPackage: it is not installed.
    """
    os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
    os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
    os.environ.setdefault("VLLM_NO_USAGE_STATS", "1")
    os.environ.setdefault("VLLM_CPU_KVCACHE_SPACE", "2")
    os.environ.setdefault(WATCHED, "1")
    if find_spec("vllm") is None:
        raise MissingPackage("the backend vllm (vllm-cpu, where there is no GPU)", "vllm")


def _start(arguments: Mapping[str, Any]) -> Any:
    """Start an engine.

    Raises:
        StudentError: vLLM does not run this model, or not here.
    """
    from vllm.engine.arg_utils import EngineArgs
    from vllm.v1.engine.llm_engine import LLMEngine

    try:
        return LLMEngine.from_engine_args(EngineArgs(**arguments))
    except (ValueError, RuntimeError, OSError) as fault:
        why = next((line.strip() for line in str(fault).splitlines() if line.strip()), type(fault).__name__)
        raise StudentError(
            f"vLLM does not run {arguments['model']} here: {why} (VLLM_LOGGING_LEVEL=INFO tells more)"
        ) from fault


def _adapting(adapters: Mapping[str, Path]) -> dict[str, Any]:
    """Return the arguments that make room for adapters."""
    if not adapters:
        return {}
    rank = max(json.loads((folder / ADAPTER).read_text(encoding="utf-8"))["r"] for folder in adapters.values())
    room = next((known for known in _RANKS if known >= rank), None)
    if room is None:
        raise StudentError(f"vLLM has room for adapters of rank {_RANKS[-1]}, and these have {rank}")
    return {"enable_lora": True, "max_loras": len(adapters), "max_lora_rank": room}


def _requests(adapters: Mapping[str, Path]) -> dict[str, Any]:
    if not adapters:
        return {}
    from vllm.lora.request import LoRARequest

    return {role: LoRARequest(role, number, str(folder)) for number, (role, folder) in enumerate(adapters.items(), 1)}
