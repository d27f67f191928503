"""What litellm makes of a response, read: the reply that stands in it, and the tokens that it tells."""

from __future__ import annotations

import re
from typing import Any

from socratic_cli.dialogue import Reply, cut
from socratic_cli.prompts import NEXT_PROBLEM
from socratic_cli.records import Usage

# The opening mark is often in the chat template, so only the closing one is sure to be there.
_THINKING = re.compile(r"\A\s*<think(?:ing)?>", re.DOTALL)
_THOUGHT = re.compile(r"\A\s*(?:<think(?:ing)?>)?(?P<thinking>.*?)</think(?:ing)?>\s*", re.DOTALL)


def said(choice: Any) -> Reply:
    """Read a choice of a response."""
    finish_reason = choice.finish_reason or "stop"
    message = getattr(choice, "message", None)
    if message is None:  # a completion
        return Reply(cut(_sound(choice.text or ""), (NEXT_PROBLEM,)), finish_reason)
    refusal = (getattr(message, "provider_specific_fields", None) or {}).get("refusal")
    if refusal:
        return Reply(_sound(refusal), "content_filter")
    apart = (getattr(message, "reasoning_content", None) or "").strip()  # by the service, or by litellm
    thinking, text = _without_thinking(_sound(message.content or ""))
    return Reply(text.lstrip() if apart else text, finish_reason, thinking=thinking or _sound(apart))


def tokens_told(response: Any) -> Usage:
    """Return the tokens that a response tells; a number that cannot be is none."""
    counted = getattr(response, "usage", None)
    details = getattr(counted, "completion_tokens_details", None)
    tokens = {
        "prompt_tokens": getattr(counted, "prompt_tokens", 0),
        "completion_tokens": getattr(counted, "completion_tokens", 0),
        "reasoning_tokens": getattr(details, "reasoning_tokens", 0),
    }
    whole = {name: max(0, count or 0) for name, count in tokens.items()}
    return Usage(**{name: count for name, count in whole.items() if count or name != "reasoning_tokens"})


def _sound(text: str) -> str:
    """Replace halves of characters (surrogates), which JSON can carry and no file can."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _without_thinking(text: str) -> tuple[str, str]:
    """Return what a model thought aloud, and what it said then."""
    thought = _THOUGHT.match(text)
    if thought:
        return thought["thinking"].strip(), text[thought.end() :]
    return (text, "") if _THINKING.match(text) else ("", text)
