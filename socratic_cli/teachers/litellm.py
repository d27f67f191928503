"""A teacher behind an API: every provider that litellm knows, and every local server that speaks OpenAI's dialect.

    litellm:openai/gpt-4.1-mini                     key in OPENAI_API_KEY
    litellm:hosted_vllm/NAME api_base=http://localhost:8000/v1

Keys are their providers' own environment variables, never options: so they get into no recipe, label or record.
A request is sent once; `_explained` sorts what went wrong into what is worth another attempt and what is not.
"""

from __future__ import annotations

import asyncio
import email.utils
import logging
import os
import re
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from types import ModuleType
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from socratic_cli.dialogue import Reply, Turn, cut
from socratic_cli.errors import TeacherBusy, TeacherError, TeacherUnusable
from socratic_cli.parts import Batches, Price, Teacher
from socratic_cli.prompts import NEXT_PROBLEM, completion, messages
from socratic_cli.records import Usage
from socratic_cli.teachers.shares import ASKED, shares

# Payment, key, rights, model: what one request is told here, every other will be told too.
_UNUSABLE = {401, 402, 403, 404}
_OVERLOADED = {408, 429, 503, 529}
_BUSY = {*_OVERLOADED, 409, 425, 500, 502, 504}
# A gateway that says these has not asked the model.
_UNBILLED = {429, 503, 529}
_PREFIX = re.compile(r"^(?:(?:litellm\.)?\w*(?:Error|Exception|Timeout)\s*[:-]\s*)+")
_SECRET = re.compile(r"\b(?:sk|pk|gsk|xai|hf)[-_][\w*.-]{6,}|\bBearer \S+")
# The opening mark is often in the chat template, so only the closing one is sure to be there.
_THOUGHT = re.compile(r"\A\s*(?:<think(?:ing)?>)?(?P<thinking>.*?)</think(?:ing)?>\s*", re.DOTALL)
_THINKING = re.compile(r"\A\s*<think(?:ing)?>", re.DOTALL)
_MILLION = 1_000_000


class LiteLLM(Teacher):
    """A large model asked through litellm."""

    main_option: ClassVar[str | None] = "model"
    paid: ClassVar[bool] = True

    model: str = Field(min_length=1, description="Provider and model as litellm writes them: openai/gpt-4.1-mini.")
    api_base: str | None = Field(None, description="Address of a local or private server: http://localhost:8000/v1.")
    mode: Literal["auto", "chat", "completion"] = Field(
        "auto", description="Chat, or the completion of one text for models that know no chat."
    )
    temperature: float = Field(0.0, ge=0, description="0 is the likeliest reply; some reasoning models want 1.")
    top_p: float | None = Field(None, gt=0, le=1, description="Nucleus of the sampled tokens.")
    max_tokens: int = Field(512, gt=0, description="Tokens of one reply, hidden reasoning included.")
    reasoning_effort: str | None = Field(None, description="How long reasoning models think: low, medium, high.")
    seed: int | None = Field(None, description="Seed of sampling, where the provider takes one.")
    timeout: float = Field(120.0, gt=0, description="Seconds to wait for one attempt.")
    input_price: float | None = Field(None, ge=0, description="US dollars a million prompt tokens; else litellm's.")
    output_price: float | None = Field(None, ge=0, description="US dollars a million tokens of replies.")

    @field_validator("api_base")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        url = urlsplit(value or "http://default")
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise ValueError("an address such as http://localhost:8000/v1 is due")
        if url.username or url.password or url.query:
            raise ValueError("keys belong in the environment, not in an address")
        return value

    @model_validator(mode="after")
    def _both_prices(self) -> LiteLLM:
        if (self.input_price is None) != (self.output_price is None):
            raise ValueError("give input_price and output_price, or neither")
        return self

    def request(self, turn: Turn) -> dict[str, Any]:
        """Return the request as it is sent. Stop marks are not: an API takes them off, and what is cut is unknown."""
        options = self.model_dump(include=_SENT, exclude_none=True)
        if self.seed is not None:
            options["seed"] = self.seed + turn.sample
        if self._completes:
            return {**options, "prompt": completion(turn), "stop": [NEXT_PROBLEM]}
        if turn.options and self._tells_logprobs:
            options |= ASKED
        return {**options, "messages": messages(turn)}

    async def reply(self, turn: Turn) -> Reply:
        """Reply to a turn, at the first attempt.

        Raises:
            TeacherBusy: the service throttles, stalls or fails.
            TeacherUnusable: no request will be answered: the key, the model or the address is wrong.
            TeacherError: this request will not be answered.
        """
        litellm, _ = imported()
        with explained(self):
            try:
                async with asyncio.timeout(self.timeout):
                    response = await self._send(litellm, self.request(turn))
            except litellm.ContentPolicyViolationError:
                return Reply("", finish_reason="content_filter")
            except TimeoutError:
                sentence = f"{self._who}: no reply in {self.timeout:g} s"
                raise TeacherBusy(sentence, overloaded=True, billed=True) from None
            reply = self.read(response)
            return replace(reply, shares=shares(response.choices[0], turn.options)) if turn.options else reply

    async def _send(self, litellm: ModuleType, request: dict[str, Any]) -> Any:
        """Send one request, once: litellm's retries and the client's lose requests under load."""
        ask = litellm.atext_completion if "prompt" in request else litellm.acompletion
        return await ask(**request, num_retries=0, max_retries=0, timeout=self.timeout)

    def read(self, response: Any) -> Reply:
        """Read a response; a refusal, in whatever form, is a reply that was filtered."""
        usage = self._usage(response)
        if not response.choices:
            raise TeacherBusy(f"{self._who}: the response holds no reply", billed=True)
        choice = response.choices[0]
        finish_reason = choice.finish_reason or "stop"
        message = getattr(choice, "message", None)
        if message is None:  # a completion
            return Reply(cut(_sound(choice.text or ""), (NEXT_PROBLEM,)), finish_reason, usage)
        refusal = (getattr(message, "provider_specific_fields", None) or {}).get("refusal")
        if refusal:
            return Reply(_sound(refusal), "content_filter", usage)
        apart = (getattr(message, "reasoning_content", None) or "").strip()  # by the service, or by litellm
        thinking, text = _without_thinking(_sound(message.content or ""))
        return Reply(text.lstrip() if apart else text, finish_reason, usage, thinking or _sound(apart))

    def _usage(self, response: Any) -> Usage:
        counted = getattr(response, "usage", None)
        details = getattr(counted, "completion_tokens_details", None)
        tokens = {
            "prompt_tokens": getattr(counted, "prompt_tokens", 0) or 0,
            "completion_tokens": getattr(counted, "completion_tokens", 0) or 0,
            "reasoning_tokens": getattr(details, "reasoning_tokens", 0) or 0,
        }
        usage = Usage(**{name: count for name, count in tokens.items() if count or name != "reasoning_tokens"})
        cost = self._cost(response, usage)
        return usage.model_copy(update={"cost": cost}) if cost else usage

    def _cost(self, response: Any, usage: Usage) -> float:
        """Return the cost; litellm's own where it knows the price, since it knows of cached tokens too."""
        if self.price is None:
            return 0.0
        if self.input_price is None and (cost := (response._hidden_params or {}).get("response_cost")):
            return float(cost)
        return self.price.prompt * usage.prompt_tokens + self.price.completion * usage.completion_tokens

    @cached_property
    def price(self) -> Price | None:
        """The price that was given, or litellm's."""
        if self.input_price is not None and self.output_price is not None:
            return Price(self.input_price / _MILLION, self.output_price / _MILLION)
        known = self.known
        if known.get("input_cost_per_token") is None or known.get("output_cost_per_token") is None:
            return None
        return Price(known["input_cost_per_token"], known["output_cost_per_token"])

    @property
    def longest(self) -> int:
        """The most tokens one reply can have."""
        return self.max_tokens

    @property
    def sampled(self) -> bool:
        """Whether a second reply to the same request can differ from the first."""
        return self.temperature > 0

    def count(self, text: str) -> int:
        """Return the tokens of a text, by the tokenizer that `tokenizer` names."""
        litellm, _ = imported()
        return int(litellm.token_counter(model=self._counted_as, text=text))

    @property
    def tokenizer(self) -> str:
        """How `count` counts, in words."""
        exact = self._counted_as != _COUNTED_AS
        return "tiktoken, the model's own" if exact else "tiktoken's o200k, an estimate for this model"

    @cached_property
    def _counted_as(self) -> str:
        """The model whose tokenizer is used: its own where that is on this machine, since counting asks nobody."""
        import tiktoken

        name = self.model.rpartition("/")[2]
        try:
            known = tiktoken.encoding_name_for_model(name) in {"cl100k_base", "o200k_base"}
        except KeyError:
            known = False
        return name if known else _COUNTED_AS

    @cached_property
    def known(self) -> Mapping[str, Any]:
        """What litellm knows of the model."""
        litellm, _ = imported()
        try:
            info: Mapping[str, Any] = litellm.get_model_info(self.model)
        except Exception:  # litellm raises Exception itself for a model it does not know
            return {}
        return info

    @cached_property
    def _completes(self) -> bool:
        if self.mode != "auto":
            return self.mode == "completion"
        return self.model.startswith("text-completion-") or self.known.get("mode") == "completion"

    @cached_property
    def _tells_logprobs(self) -> bool:
        litellm, _ = imported()
        return ASKED.keys() <= set(litellm.get_supported_openai_params(self.model) or ())

    @property
    def _who(self) -> str:
        return f"{self.name}:{self.model}"

    def explained(self, fault: Exception) -> TeacherError:
        """Say in one sentence what went wrong, and whether it is worth another attempt."""
        causes = list(_causes(fault))
        unreached = next((cause for cause in reversed(causes) if isinstance(cause, OSError)), None)
        where = f" ({self.api_base or 'the provider'}: {_sentence(unreached)})" if unreached else ""
        sentence = f"{self._who}: {_sentence(fault)}{where}"
        if any(map(_concerns_all, causes)):
            return TeacherUnusable(sentence)
        status = getattr(fault, "status_code", None)
        lost = unreached is not None or _is_lost(fault)
        if status not in _BUSY and not lost:
            return TeacherError(sentence)
        return TeacherBusy(
            sentence,
            retry_after=retry_after(_headers(fault)),
            overloaded=status in _OVERLOADED and not lost,
            billed=lost and not any(map(_is_unsent, causes)),
        )

    @property
    def batches(self) -> Batches:
        """The provider's batches, at half price."""
        from socratic_cli.teachers.litellm_batches import OpenAIBatches

        return OpenAIBatches(self)

    async def close(self) -> None:
        """Close the connections, and forget them: litellm keeps them for all teachers of the process."""
        litellm, _ = imported()
        await litellm.close_litellm_async_clients()
        litellm.in_memory_llm_clients_cache.flush_cache()


_SENT = {"model", "api_base", "temperature", "top_p", "max_tokens", "reasoning_effort"}
_COUNTED_AS = "gpt-4o"


@contextmanager
def explained(teacher: LiteLLM) -> Iterator[None]:
    """Turn what litellm raises into the errors of this project."""
    _, openai = imported()
    try:
        yield
    except openai.OpenAIError as fault:  # the root of all of litellm's
        # It is not chained: it holds the request, and the request the key.
        raise teacher.explained(fault) from None


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a service asks to be left alone: a number, a fraction, a date, or milliseconds."""
    milliseconds, said = headers.get("retry-after-ms"), headers.get("retry-after", "")
    with suppress(ValueError):
        return max(0.0, float(milliseconds) / 1000 if milliseconds else float(said))
    with suppress(ValueError, TypeError):
        return max(0.0, email.utils.parsedate_to_datetime(said).timestamp() - time.time())
    return None


def _headers(fault: Any) -> Mapping[str, str]:
    said = getattr(fault, "litellm_response_headers", None) or getattr(getattr(fault, "response", None), "headers", {})
    return {str(name).lower(): str(value) for name, value in dict(said or {}).items()}


def _sound(text: str) -> str:
    """Replace halves of characters (surrogates), which JSON can carry and no file can."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _without_thinking(text: str) -> tuple[str, str]:
    """Return what a model thought aloud, and what it said then."""
    thought = _THOUGHT.match(text)
    if thought:
        return thought["thinking"].strip(), text[thought.end() :]
    return (text, "") if _THINKING.match(text) else ("", text)


def imported() -> tuple[ModuleType, ModuleType]:
    """Import litellm and openai, which takes seconds; litellm without its own voice and without fetching prices."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm
    import openai

    litellm.suppress_debug_info = True
    litellm.disable_hf_tokenizer_download = True
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    return litellm, openai


def _causes(fault: BaseException | None) -> Iterator[BaseException]:
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__


def _is_lost(fault: Exception) -> bool:
    """Say whether a reply was on its way and did not come, or came as something that is no reply."""
    litellm, _ = imported()
    return isinstance(fault, litellm.APIConnectionError | litellm.Timeout | litellm.APIResponseValidationError)


def _is_unsent(cause: BaseException) -> bool:
    """Say whether no connection came about, so that nothing can have been billed."""
    return isinstance(cause, ConnectionRefusedError | socket.gaierror) or "Connector" in type(cause).__name__


def _concerns_all(fault: BaseException) -> bool:
    """Say whether a fault is one of key, rights, model, option or payment, or of a package that is missing."""
    litellm, openai = imported()
    return (
        getattr(fault, "status_code", None) in _UNUSABLE
        or isinstance(fault, litellm.UnsupportedParamsError | ImportError)
        or type(fault) is openai.OpenAIError  # the client could not be made: no key
        or "LLM Provider NOT provided" in str(fault)
        or "insufficient_quota" in str(fault)
        or getattr(fault, "code", None) == "insufficient_quota"
    )


def _sentence(fault: BaseException) -> str:
    """Return what a provider said as one line of reasonable length, without secrets."""
    text = str(fault)
    for name, value in os.environ.items():
        if name.endswith(("KEY", "TOKEN", "SECRET", "PASSWORD")) and len(value) >= 6:
            text = text.replace(value, "***")
    return _SECRET.sub("***", _PREFIX.sub("", " ".join(text.split())))[:500]
