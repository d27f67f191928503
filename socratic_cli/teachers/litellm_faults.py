"""What litellm raises, in the errors of this project: what is worth another attempt, was billed, or ends a run."""

from __future__ import annotations

import email.utils
import logging
import os
import re
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import ModuleType
from typing import Any

from socratic_cli.errors import TeacherBusy, TeacherError, TeacherUnusable

# Payment, key, rights, model: what one request is told here, every other will be told too.
_UNUSABLE = {401, 402, 403, 404}
_OVERLOADED = {408, 429, 503, 529}
_BUSY = {*_OVERLOADED, 409, 425, 500, 502, 504}
_MADE_UP = 500
_UNSENT = {"ConnectTimeout", "PoolTimeout", "UnsupportedProtocol", "InvalidURL"}
_PREFIX = re.compile(r"^(?:(?:litellm\.)?\w*(?:Error|Exception|Timeout)\s*[:-]\s*)+")
_SECRET = re.compile(r"\b(?:sk|pk|gsk|xai|hf)[-_][\w*.-]{6,}|\bBearer \S+")


def imported() -> tuple[ModuleType, ModuleType]:
    """Import litellm and openai, which takes seconds; litellm without its own voice and without fetching prices."""
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm
    import openai

    litellm.suppress_debug_info = True
    litellm.disable_hf_tokenizer_download = True
    logging.getLogger("LiteLLM").setLevel(logging.CRITICAL)
    return litellm, openai


@contextmanager
def explained(who: str, api_base: str | None) -> Iterator[None]:
    """Turn what litellm raises into the errors of this project; `who` begins their sentences."""
    _, openai = imported()
    try:
        yield
    except openai.OpenAIError as fault:  # the root of all of litellm's
        # It is not chained: it holds the request, and the request the key.
        raise _explained(fault, who, api_base) from None


def _explained(fault: Exception, who: str, api_base: str | None) -> TeacherError:
    """Say in one sentence what went wrong, and whether it is worth another attempt."""
    causes = list(_causes(fault))
    unreached = next((cause for cause in reversed(causes) if isinstance(cause, OSError)), None)
    where = f" ({api_base or 'the provider'}: {_sentence(unreached)})" if unreached else ""
    sentence = f"{who}: {_sentence(fault)}{where}"
    if any(map(_concerns_all, causes)):
        return TeacherUnusable(sentence)
    status = getattr(fault, "status_code", None)
    lost = unreached is not None or _is_lost(fault, causes)
    if status not in _BUSY and not lost:
        return TeacherError(sentence)
    return TeacherBusy(
        sentence,
        retry_after=retry_after(_headers(fault)),
        overloaded=status in _OVERLOADED and not lost,
        billed=lost and not any(map(_is_unsent, causes)),
    )


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


def _causes(fault: BaseException | None) -> Iterator[BaseException]:
    while fault is not None:
        yield fault
        fault = fault.__cause__ or fault.__context__


def _is_lost(fault: Exception, causes: Iterable[BaseException]) -> bool:
    """Say whether a reply was on its way and did not come, or came as something that is no reply.

    A service that says 500 itself is among the causes. Without that, 500 is litellm's word for a connection that was
    cut and for a body that it cannot read.
    """
    litellm, _ = imported()
    if isinstance(fault, litellm.APIConnectionError | litellm.Timeout | litellm.APIResponseValidationError):
        return True
    return getattr(fault, "status_code", None) == _MADE_UP and not any(map(_is_said, causes))


def _is_said(cause: BaseException) -> bool:
    """Say whether a cause is an HTTP error as the service sent it."""
    import httpx

    return isinstance(cause, httpx.HTTPStatusError)


def _is_unsent(cause: BaseException) -> bool:
    """Say whether no connection came about, so that nothing can have been billed.

    Names, since each of the packages below litellm has its own: aiohttp's ClientConnectorError, httpx's ConnectTimeout.
    httpx's ConnectError is not among them: it is also what a connection that was reset later is called.
    """
    name = type(cause).__name__
    return isinstance(cause, ConnectionRefusedError | socket.gaierror) or "Connector" in name or name in _UNSENT


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
