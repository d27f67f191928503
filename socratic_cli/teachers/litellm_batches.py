"""Batches in OpenAI's form, through litellm: a file of requests in, a file of replies out, at half price."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import TeacherError
from socratic_cli.parts import Batches, BatchState, Price
from socratic_cli.teachers.litellm_faults import explained, imported

if TYPE_CHECKING:
    from socratic_cli.teachers.litellm import LiteLLM

_ENDED = {"completed", "failed", "expired", "cancelled"}
_TAG = "socratic"
# What batches cost where litellm knows no price of their own.
_HALF = 0.5


class OpenAIBatches(Batches):
    """The batches of a provider that litellm knows, or of a server with the same endpoints."""

    def __init__(self, teacher: LiteLLM) -> None:
        """Take the teacher whose requests are sent."""
        litellm, _ = imported()
        self._teacher = teacher
        self._turns: dict[str, Turn] = {}
        self._model, provider, _, _ = litellm.get_llm_provider(teacher.model, api_base=teacher.api_base)
        self._where = {"custom_llm_provider": provider}
        if teacher.api_base:
            self._where["api_base"] = teacher.api_base

    @property
    def price(self) -> Price | None:
        """The price of batches where litellm knows it, else half of the other."""
        full, known = self._teacher.price, self._teacher.known
        if full is None or self._teacher.input_price is not None:
            return full and Price(full.prompt * _HALF, full.completion * _HALF)
        return Price(
            known.get("input_cost_per_token_batches") or full.prompt * _HALF,
            known.get("output_cost_per_token_batches") or full.completion * _HALF,
        )

    def line(self, key: str, turn: Turn) -> dict[str, Any]:
        """Return the request with its options under the provider's own names."""
        litellm, _ = imported()
        self._turns[key] = turn
        request = self._teacher.request(turn)
        said = {name: request.pop(name) for name in ("messages", "prompt", "stop") if name in request}
        options = {name: value for name, value in request.items() if name not in ("model", "api_base")}
        own = litellm.get_optional_params(
            model=self._model, custom_llm_provider=self._where["custom_llm_provider"], **options
        )
        body = {"model": self._model, **own.pop("extra_body", {}), **own, **said}
        url = "/v1/completions" if "prompt" in said else "/v1/chat/completions"
        return {"custom_id": key, "method": "POST", "url": url, "body": body}

    async def submit(self, lines: bytes, tag: str) -> str:
        """Upload the lines and begin the batch."""
        litellm, _ = imported()
        endpoint = json.loads(lines.partition(b"\n")[0])["url"]
        with explained(self._teacher.who, self._teacher.api_base):
            file = await litellm.acreate_file(file=(f"{tag}.jsonl", lines), purpose="batch", **self._where)
            batch = await litellm.acreate_batch(
                completion_window="24h",
                endpoint=endpoint,
                input_file_id=file.id,
                metadata={_TAG: tag},
                **self._where,
            )
        return str(batch.id)

    async def find(self, tag: str) -> str | None:
        """Look for the tag among the latest batches."""
        litellm, _ = imported()
        with explained(self._teacher.who, self._teacher.api_base):
            latest = await litellm.alist_batches(limit=100, **self._where)
        tagged = (batch.id for batch in latest.data if (batch.metadata or {}).get(_TAG) == tag)
        return next(tagged, None)

    async def state(self, batch: str) -> BatchState:
        """Ask how far a batch is."""
        litellm, _ = imported()
        with explained(self._teacher.who, self._teacher.api_base):
            found = await litellm.aretrieve_batch(batch_id=batch, **self._where)
        counts = found.request_counts
        files = tuple(file for file in (found.output_file_id, found.error_file_id) if file)
        ended = found.status in _ENDED
        return BatchState(
            done=ended,
            finished=counts.completed + counts.failed if counts else 0,
            total=counts.total if counts else 0,
            results=files if ended else (),
            fault="" if found.status in ("completed", *_running(found.status)) else _fault(found),
        )

    async def results(self, state: BatchState) -> list[tuple[str, Reply | TeacherError]]:
        """Download what came."""
        litellm, _ = imported()
        found: list[tuple[str, Reply | TeacherError]] = []
        for file in state.results:
            with explained(self._teacher.who, self._teacher.api_base):
                content = await litellm.afile_content(file_id=file, **self._where)
            found += [(line["custom_id"], self._result(line)) for line in _lines(content.content)]
        return found

    def _result(self, line: dict[str, Any]) -> Reply | TeacherError:
        litellm, _ = imported()
        response = line.get("response") or {}
        body = response.get("body") or {}
        if response.get("status_code") != 200 or not body.get("choices"):
            fault = line.get("error") or body.get("error") or {}
            return TeacherError(f"{self._teacher.label}: {fault.get('message') or 'the batch holds no reply'}")
        text = "text" in body["choices"][0]
        kind = litellm.TextCompletionResponse if text else litellm.ModelResponse
        # A batch that another run submitted: its turns are not at hand, so only what was written can be counted.
        reply = self._teacher.read(kind(**body), self._turns.pop(line["custom_id"], None))
        price = self.price
        usage = reply.usage
        cost = price.prompt * usage.prompt_tokens + price.completion * usage.completion_tokens if price else 0.0
        return Reply(reply.text, reply.finish_reason, usage.model_copy(update={"cost": cost}), reply.thinking)


def _running(status: str) -> tuple[str, ...]:
    return () if status in _ENDED else (status,)


def _fault(batch: Any) -> str:
    errors = getattr(batch.errors, "data", None) or []
    told = "; ".join(str(error.message) for error in errors[:3] if getattr(error, "message", None))
    return f"batch {batch.id} {batch.status}" + (f": {told}" if told else "")


def _lines(content: bytes) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in content.splitlines() if line.strip())
