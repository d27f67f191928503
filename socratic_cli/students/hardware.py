"""Where a student computes, and in which type."""

from __future__ import annotations

import logging

import torch

from socratic_cli.settings import Dtype

log = logging.getLogger(__name__)


def device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def native_bfloat16() -> bool:
    """Say whether the hardware multiplies bfloat16 itself; emulated it is up to 60 times slower than float32."""
    if torch.cuda.is_available():
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return any(able.get(name, False) for name in ("avx512_bf16", "amx_bf16", "arm_bf16", "bf16"))


def precision(dtype: Dtype) -> torch.dtype:
    """Return the type in which a student computes; `auto` is bfloat16 where that is native, else float32."""
    if dtype == "auto":
        return torch.bfloat16 if native_bfloat16() else torch.float32
    if dtype != "float32" and device().type == "cpu" and not (dtype == "bfloat16" and native_bfloat16()):
        log.warning("this CPU has no %s of its own and will be very slow: dtype=float32 or dtype=auto is faster", dtype)
    return {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}[dtype]
