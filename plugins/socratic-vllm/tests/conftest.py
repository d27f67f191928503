"""vLLM at its edge, where it is not installed: as much of its interface as the plugin touches, and as strict.

Behind it is the model itself, read by transformers from the same files, with the adapter that a request names: one
sequence at a time, without a cache. So what the plugin makes of it can be compared with what transformers writes.
"""

# mypy: allow-untyped-calls
from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest
import torch
from peft import PeftModel
from transformers import AutoModelForCausalLM


class RequestOutputKind(Enum):
    CUMULATIVE, DELTA, FINAL_ONLY = range(3)


@dataclass
class SamplingParams:
    temperature: float = 1.0
    top_p: float = 1.0
    seed: int | None = None
    max_tokens: int = 16
    stop_token_ids: tuple[int, ...] | list[int] = ()
    logprob_token_ids: list[int] | None = None
    detokenize: bool = True
    output_kind: RequestOutputKind = RequestOutputKind.CUMULATIVE

    def __post_init__(self) -> None:
        assert self.max_tokens >= 1
        assert self.temperature >= 0
        assert self.seed is None or 0 <= self.seed < 2**63


@dataclass
class LoRARequest:
    lora_name: str
    lora_int_id: int
    lora_path: str


@dataclass
class EngineArgs:
    model: str
    skip_tokenizer_init: bool
    generation_config: str
    enable_prefix_caching: bool
    max_num_seqs: int
    gpu_memory_utilization: float
    tensor_parallel_size: int
    enforce_eager: bool
    use_tqdm_on_load: bool
    disable_log_stats: bool
    dtype: str
    max_model_len: int | None = None
    kv_cache_memory_bytes: int | None = None
    revision: str | None = None
    enable_lora: bool = False
    max_loras: int = 1
    max_lora_rank: int = 16


@dataclass
class Open:
    ids: list[int]
    params: SamplingParams
    lora: LoRARequest | None
    dice: torch.Generator
    written: int = 0


class LLMEngine:
    """Writes one token of each of the oldest `max_num_seqs` requests in a step."""

    started: ClassVar[list[LLMEngine]] = []

    def __init__(self, args: EngineArgs) -> None:
        self.args = args
        self.requests: dict[str, Open] = {}
        self.aborted: list[str] = []
        self.widest = 0
        self.is_shut = False
        self.engine_core = SimpleNamespace(shutdown=self._shut)
        self._adapters: dict[int, Any] = {}
        self._model = self._loaded()
        if args.max_model_len and args.max_model_len > self._model.config.max_position_embeddings:
            raise ValueError("User-specified max_model_len is greater than the derived max_model_len\nand more")
        LLMEngine.started.append(self)

    @classmethod
    def from_engine_args(cls, args: EngineArgs) -> LLMEngine:
        return cls(args)

    def add_request(
        self, request_id: str, prompt: dict[str, list[int]], params: SamplingParams, lora_request: Any = None
    ) -> str:
        ids = prompt["prompt_token_ids"]
        assert request_id not in self.requests
        assert ids
        assert max(ids) < self._model.config.vocab_size
        assert len(ids) < (self.args.max_model_len or math.inf)
        assert lora_request is None or self.args.enable_lora
        self.requests[request_id] = Open(ids, params, lora_request, torch.Generator())
        self.requests[request_id].dice.manual_seed(params.seed or 0)
        return request_id

    def abort_request(self, request_ids: list[str]) -> None:
        for name in request_ids:
            del self.requests[name]
            self.aborted.append(name)

    def step(self) -> list[Any]:
        assert self.requests, "a step without requests waits for ever"
        batch = list(self.requests.items())[: self.args.max_num_seqs]
        self.widest = max(self.widest, len(batch))
        return [self._written(name, request) for name, request in batch]

    def _written(self, name: str, request: Open) -> Any:
        params = request.params
        logits = self._logits(request)
        token = self._drawn(logits, request)
        request.ids.append(token)
        request.written += 1
        full = len(request.ids) >= (self.args.max_model_len or math.inf)
        finished = token in params.stop_token_ids or request.written >= params.max_tokens or full
        if finished:
            del self.requests[name]
        known = logits.log_softmax(-1)
        wanted = [token, *(params.logprob_token_ids or [])]
        logprobs = [{one: SimpleNamespace(logprob=float(known[one])) for one in wanted}]
        said = SimpleNamespace(token_ids=[token], logprobs=logprobs if params.logprob_token_ids else None)
        return SimpleNamespace(request_id=name, outputs=[said], finished=finished)

    @torch.inference_mode()
    def _logits(self, request: Open) -> Any:
        model = self._adapted(request.lora) if request.lora else self._model
        return model(input_ids=torch.tensor([request.ids]), use_cache=False).logits[0, -1].float()

    def _drawn(self, logits: Any, request: Open) -> int:
        if not request.params.temperature:
            return int(logits.argmax())
        shares = (logits / request.params.temperature).softmax(-1)
        return int(torch.multinomial(shares, 1, generator=request.dice))

    def _loaded(self) -> Any:
        dtype = getattr(torch, self.args.dtype)
        return AutoModelForCausalLM.from_pretrained(self.args.model, dtype=dtype, use_safetensors=True).eval()

    def _adapted(self, lora: LoRARequest) -> Any:
        if lora.lora_int_id not in self._adapters:
            assert len(self._adapters) < self.args.max_loras
            found: Any = PeftModel.from_pretrained(self._loaded(), lora.lora_path).eval()
            assert found.peft_config["default"].r <= self.args.max_lora_rank
            self._adapters[lora.lora_int_id] = found
        return self._adapters[lora.lora_int_id]

    def _shut(self) -> None:
        self.is_shut = True


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[LLMEngine]]:
    """Put the edge in vLLM's place, and return the engines that were started."""
    modules: dict[str, dict[str, Any]] = {
        "vllm": {"SamplingParams": SamplingParams},
        "vllm.sampling_params": {"RequestOutputKind": RequestOutputKind},
        "vllm.engine": {},
        "vllm.engine.arg_utils": {"EngineArgs": EngineArgs},
        "vllm.v1": {},
        "vllm.v1.engine": {},
        "vllm.v1.engine.llm_engine": {"LLMEngine": LLMEngine},
        "vllm.lora": {},
        "vllm.lora.request": {"LoRARequest": LoRARequest},
    }
    for name, holds in modules.items():
        module = ModuleType(name)
        module.__spec__ = SimpleNamespace(name=name)  # type: ignore[assignment]
        vars(module).update(holds)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.delitem(sys.modules, "socratic_vllm.stream", raising=False)
    LLMEngine.started.clear()
    yield LLMEngine.started
    sys.modules.pop("socratic_vllm.stream", None)
