"""A teacher behind an API: every provider that litellm knows, and every local server that speaks OpenAI's dialect.

    litellm:openai/gpt-4.1-mini                     key in OPENAI_API_KEY
    litellm:hosted_vllm/NAME api_base=http://localhost:8000/v1

Keys are their providers' own environment variables, never options: so they get into no recipe, label or record.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator
from types import ModuleType
from typing import Any, ClassVar
from urllib.parse import urlsplit

from pydantic import Field, PrivateAttr, field_validator

from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import TeacherError, TeacherUnusable
from socratic_cli.parts import Teacher
from socratic_cli.records import Usage

# Payment, key, rights, model: what one request is told here, every other will be told too.
_UNUSABLE = {401, 402, 403, 404}
_PREFIX = re.compile(r"^(?:(?:litellm\.)?\w*(?:Error|Exception|Timeout)\s*[:-]\s*)+")
_SECRET = re.compile(r"\b(?:sk|pk|gsk|xai|hf)[-_][\w*.-]{6,}|\bBearer \S+")


class LiteLLM(Teacher):
    """A large model asked through litellm."""

    main_option: ClassVar[str | None] = "model"

    model: str = Field(min_length=1, description="Provider and model as litellm writes them: openai/gpt-4.1-mini.")
    api_base: str | None = Field(None, description="Address of a local or private server: http://localhost:8000/v1.")
    temperature: float = Field(0.0, ge=0, description="0 is the likeliest reply; some reasoning models want 1.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus of the sampled tokens.")
    max_tokens: int = Field(512, gt=0, description="Tokens of one reply, hidden reasoning included.")
    reasoning_effort: str | None = Field(None, description="How long reasoning models think: low, medium, high.")
    seed: int | None = Field(None, description="Seed of sampling, where the provider takes one.")
    timeout: float = Field(120.0, gt=0, description="Seconds to wait for one reply.")

    _reached: bool = PrivateAttr(False)

    @field_validator("api_base")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        url = urlsplit(value or "http://default")
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise ValueError("an address such as http://localhost:8000/v1 is due")
        if url.username or url.password or url.query:
            raise ValueError("keys belong in the environment, not in an address")
        return value

    async def reply(self, turn: Turn) -> Reply:
        """Reply to a turn.

        Raises:
            TeacherUnusable: no request will be answered: the key, the model or the address is wrong.
            TeacherError: this request was not answered.
        """
        litellm, openai = _imported()
        try:
            response = await self._send(litellm, messages(turn))
        except litellm.ContentPolicyViolationError:
            return Reply("", finish_reason="content_filter")
        except openai.OpenAIError as fault:  # the root of all of litellm's
            # It is not chained: it holds the request, and the request the key.
            raise self._explained(fault) from None
        self._reached = True
        return read(response)

    async def _send(self, litellm: ModuleType, said: list[dict[str, str]]) -> Any:
        """Send one request, once: litellm's retries and the client's lose requests under load."""
        options = self.model_dump(exclude_none=True)
        return await litellm.acompletion(messages=said, num_retries=0, max_retries=0, **options)

    def _explained(self, fault: Exception) -> TeacherError:
        causes = list(_causes(fault))
        unreached = next((cause for cause in reversed(causes) if isinstance(cause, OSError)), None)
        where = f" ({self.api_base or 'the provider'}: {_sentence(unreached)})" if unreached else ""
        # Before the first reply there is little hope that the next request fares better; a slow one is no such sign.
        hopeless = not self._reached and unreached is not None and not isinstance(unreached, TimeoutError)
        kind = TeacherUnusable if hopeless or any(map(_concerns_all, causes)) else TeacherError
        return kind(f"{self.name}:{self.model}: {_sentence(fault)}{where}")

    async def close(self) -> None:
        """Close the connections, and forget them: litellm keeps them for all teachers of the process."""
        litellm, _ = _imported()
        await litellm.close_litellm_async_clients()
        litellm.in_memory_llm_clients_cache.flush_cache()


def messages(turn: Turn) -> list[dict[str, str]]:
    """Render a turn as a chat. Its stop marks are not sent: an API takes them off, and what is cut is then unknown."""
    said = [("system", turn.instruction)] if turn.instruction else []
    for shot in turn.shots:
        said += [("user", shot.prompt), ("assistant", shot.completion)]
    return [{"role": role, "content": text} for role, text in [*said, ("user", turn.prompt)]]


def read(response: Any) -> Reply:
    """Read a response; a refusal, in whatever form, is a reply that was filtered."""
    counted = getattr(response, "usage", None)
    usage = Usage(**{key: getattr(counted, key, 0) or 0 for key in Usage.model_fields})
    if not response.choices:
        raise TeacherError("the provider's response holds no reply")
    choice = response.choices[0]
    refusal = (getattr(choice.message, "provider_specific_fields", None) or {}).get("refusal")
    finish_reason = "content_filter" if refusal else choice.finish_reason or "stop"
    return Reply(refusal or choice.message.content or "", finish_reason, usage)


def _imported() -> tuple[ModuleType, ModuleType]:
    """Import litellm and openai, which takes seconds; litellm without its own voice and without fetching prices."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm
    import openai

    litellm.suppress_debug_info = True
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    return litellm, openai


def _causes(fault: BaseException | None) -> Iterator[BaseException]:
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__


def _concerns_all(fault: BaseException) -> bool:
    """Say whether a fault is one of key, rights, model or option, or of a package that is missing."""
    litellm, openai = _imported()
    return (
        getattr(fault, "status_code", None) in _UNUSABLE
        or isinstance(fault, litellm.UnsupportedParamsError | ImportError)
        or type(fault) is openai.OpenAIError  # the client could not be made: no key
        or "LLM Provider NOT provided" in str(fault)
    )


def _sentence(fault: BaseException) -> str:
    """Return what a provider said as one line of reasonable length, without secrets."""
    text = str(fault)
    for name, value in os.environ.items():
        if name.endswith(("KEY", "TOKEN", "SECRET", "PASSWORD")) and len(value) >= 6:
            text = text.replace(value, "***")
    return _SECRET.sub("***", _PREFIX.sub("", " ".join(text.split())))[:500]
