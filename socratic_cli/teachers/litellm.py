"""A teacher behind an API: every provider that litellm knows, and every local server that speaks OpenAI's dialect.

    litellm:openai/gpt-4.1-mini                     key in OPENAI_API_KEY
    litellm:hosted_vllm/NAME api_base=http://localhost:8000/v1

Keys are their providers' own environment variables, never options: so they get into no recipe, label or record.
A request is sent once; `litellm_faults` sorts what went wrong into what is worth another attempt and what is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from types import ModuleType
from typing import Any, ClassVar, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from socratic_cli.asking.estimate import prompt_tokens
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import TeacherBusy
from socratic_cli.parts import Batches, Price, Teacher
from socratic_cli.prompts import NEXT_PROBLEM, completion, messages
from socratic_cli.records import Usage
from socratic_cli.teachers.litellm_faults import explained, imported
from socratic_cli.teachers.litellm_replies import said, tokens_told
from socratic_cli.teachers.shares import ASKED, shares

_MILLION = 1_000_000


class LiteLLM(Teacher):
    """A large model asked through litellm."""

    main_option: ClassVar[str | None] = "model"
    paid: ClassVar[bool] = True
    unheard: ClassVar[tuple[str, ...]] = ("timeout", "input_price", "output_price")

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
        with explained(self.who, self.api_base):
            try:
                async with asyncio.timeout(self.timeout):
                    response = await self._send(litellm, self.request(turn))
            except litellm.ContentPolicyViolationError:
                return Reply("", finish_reason="content_filter")
            except TimeoutError:
                sentence = f"{self.who}: no reply in {self.timeout:g} s"
                raise TeacherBusy(sentence, overloaded=True, billed=True) from None
            reply = self.read(response, turn)
            return replace(reply, shares=shares(response.choices[0], turn.options)) if turn.options else reply

    async def _send(self, litellm: ModuleType, request: dict[str, Any]) -> Any:
        """Send one request, once: litellm's retries and the client's lose requests under load."""
        ask = litellm.atext_completion if "prompt" in request else litellm.acompletion
        return await ask(**request, num_retries=0, max_retries=0, timeout=self.timeout)

    def read(self, response: Any, turn: Turn | None = None) -> Reply:
        """Read a response; a refusal, in whatever form, is a reply that was filtered.

        Args:
            response: what litellm made of the response.
            turn: what was asked, where it is known: its tokens are counted if the response does not tell them.

        Raises:
            TeacherBusy: it holds no reply.
        """
        if not response.choices:
            raise TeacherBusy(f"{self.who}: the response holds no reply", billed=True)
        reply = said(response.choices[0])
        return replace(reply, usage=self._usage(response, turn, reply))

    def _usage(self, response: Any, turn: Turn | None, reply: Reply) -> Usage:
        told = tokens_told(response)
        usage = told if self.price is None else self._counted(told, turn, reply)
        cost = self._cost(response, usage, counted=usage != told)
        return usage.model_copy(update={"cost": cost}) if cost else usage

    def _counted(self, told: Usage, turn: Turn | None, reply: Reply) -> Usage:
        """Return the tokens that were told, and count those that were not: what has a price never costs nothing."""
        asked = told.prompt_tokens or (prompt_tokens(self, turn) if turn is not None else 0)
        written = told.completion_tokens or self.count(reply.thinking) + self.count(reply.text)
        return told.model_copy(update={"prompt_tokens": asked, "completion_tokens": written})

    def _cost(self, response: Any, usage: Usage, *, counted: bool) -> float:
        """Return the cost; litellm's own where it knows the price, since it knows of cached tokens too.

        Not where tokens had to be `counted`: then litellm knows nothing of them.
        """
        if self.price is None:
            return 0.0
        own = (response._hidden_params or {}).get("response_cost") or 0.0
        if self.input_price is None and not counted and own > 0:
            return float(own)
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
        """What litellm knows of the model.

        Of a name that only looks like one it knows (gpt-9-mini) it makes up an entry without a mode, at no cost.
        """
        litellm, _ = imported()
        try:
            info: Mapping[str, Any] = litellm.get_model_info(self.model)
        except Exception:  # litellm raises Exception itself for a model it does not know
            return {}
        return info if info.get("mode") is not None else {}

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
    def who(self) -> str:
        """The name that errors begin with."""
        return f"{self.name}:{self.model}"

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
