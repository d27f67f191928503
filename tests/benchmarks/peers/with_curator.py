"""Bespoke Curator with its OpenAI backend, which is aiohttp underneath and quicker than its litellm one.

Its cache is off, and its limits (requests and tokens a minute) are out of the way.
"""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.peers.task import MAX_TOKENS, MODEL, TEMPERATURE, Message, done, given

os.environ |= {"CURATOR_DISABLE_CACHE": "true", "CURATOR_DISABLE_RICH_DISPLAY": "1", "CURATOR_VIEWER": "0"}
# It counts tokens with a vocabulary that it would fetch; litellm, which it needs anyhow, brings the same one along.
_litellm = find_spec("litellm")
if _litellm and _litellm.origin:
    os.environ["TIKTOKEN_CACHE_DIR"] = str(Path(_litellm.origin).parent / "litellm_core_utils" / "tokenizers")

# Only the environment made for it has it; where the other variables are read is at its import.
from bespokelabs import curator  # type: ignore[import-not-found]  # noqa: E402
from bespokelabs.curator.request_processor.online import (  # type: ignore[import-not-found]  # noqa: E402
    openai_online_request_processor as processor,
)

PLENTY = 1_000_000_000


def _no_limits(_: object) -> tuple[int, int]:
    """Stand in for the request without messages by which it asks for its limits: the server knows no such thing."""
    return 0, 0


class Asked(curator.LLM):  # type: ignore[misc]
    """A model that is asked the messages of a row."""

    def prompt(self, row: dict[str, list[Message]]) -> list[Message]:
        """Return what is asked."""
        return row["messages"]

    def parse(self, _: object, response: str) -> dict[str, str]:
        """Return what was said as a row."""
        return {"text": response}


if __name__ == "__main__":
    processor.OpenAIOnlineRequestProcessor.get_header_based_rate_limits = _no_limits
    task = given()
    asked = Asked(
        model_name=MODEL,
        backend="openai",
        generation_params={"temperature": TEMPERATURE, "max_tokens": MAX_TOKENS},
        backend_params={
            "base_url": task.url,
            "max_concurrent_requests": task.concurrency,
            "max_requests_per_minute": PLENTY,
            "max_tokens_per_minute": PLENTY,
        },
    )
    said = asked([{"messages": messages} for messages in task.prompts], working_dir=str(task.folder))
    done(task, said.dataset["text"])
