"""What the model says: what was recorded for the question, or the number that the question itself gives away."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.server import Said, as_recorded, asked, recorded

_MARK = re.compile(r"\[= (-?\d+)\]")

Model = Callable[[dict[str, Any]], Said]


def model(data_dir: str | None) -> Model:
    """Return a model that answers requests, with the recorded replies where there are some."""
    samples = recorded(Path(data_dir)) if data_dir else {}

    def answer(request: dict[str, Any]) -> Said:
        sample = samples.get(asked(request["messages"]))
        if sample is not None:
            return Said(as_recorded(sample), finish_reason=sample["reasoning_finish_reason"])
        mark = _MARK.search(request["messages"][-1]["content"])
        return Said(f"I count once, and once more.\n#### {mark[1]}" if mark else "I do not know.")

    return answer


def completion(request: dict[str, Any], said: Said, name: str, fault: str | None = None) -> dict[str, Any]:
    """Return what a request is answered; a faulty one where the fault is about what is answered."""
    text, reason = said.text or "", said.finish_reason
    if fault == "length":
        text, reason = text[: len(text) // 2], "length"
    elif fault == "filtered":
        text, reason = "", "content_filter"
    message = {"role": "assistant", "content": text, "refusal": None}
    choices: list[Any] | None = [{"index": 0, "finish_reason": reason, "message": message, "logprobs": None}]
    if fault in ("no-choices", "null-choices"):
        choices = [] if fault == "no-choices" else None
    return {
        "id": f"chatcmpl-{name}",
        "object": "chat.completion",
        "created": 1,
        "model": request["model"],
        "choices": choices,
        "usage": _usage(request, text),
    }


def _usage(request: dict[str, Any], text: str) -> dict[str, int]:
    read = sum(len(message["content"].split()) for message in request["messages"])
    wrote = len(text.split())
    return {"prompt_tokens": read, "completion_tokens": wrote, "total_tokens": read + wrote}
