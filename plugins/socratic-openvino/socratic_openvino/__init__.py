"""A backend that runs students on CPUs by OpenVINO GenAI.

Each role is exported once, its adapter merged into the base, and kept in the user's cache. OpenVINO brings the
likeliest next token of every reply; what a reply is stays with socratic. It has one generator of random numbers for all
that is written side by side, and tells no probabilities of tokens that it did not choose: so it samples nothing and
weighs nothing here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from pydantic import Field

from socratic_cli.backends import Backend, Weights
from socratic_cli.dialogue import Model
from socratic_cli.errors import MissingPackage, UsageError
from socratic_cli.settings import Decoding

if TYPE_CHECKING:  # transformers takes seconds to import: a list of backends must not
    from socratic_openvino.stream import OpenVINOStream

_PACKAGES = {"openvino_genai": "openvino-genai", "optimum.intel": "optimum-intel"}


class OpenVINO(Backend):
    """Runs weights on CPUs by OpenVINO GenAI, greedily."""

    cache_size: int = Field(1, gt=0, description="Gigabytes for the keys and values of each role.")
    threads: int | None = Field(None, gt=0, description="Threads [default: those of this process's cores].")

    @contextmanager
    def open(self, weights: Weights, decoding: Decoding) -> Iterator[Model]:
        """Load the models of all roles, or the untrained base, which replies in every role."""
        _refuse(weights, decoding)
        from socratic_cli.students.engine import Engine
        from socratic_cli.students.streaming import Streaming

        if weights.folder is None:
            only = self._stream(weights, None, decoding)
            opened = Engine(lambda _: only, Streaming, decoding)
        else:
            by_role = {role: self._stream(weights, role, decoding) for role in weights.roles}
            opened = Engine(lambda role: by_role[weights.played_by(role)], Streaming, decoding)
        try:
            yield opened
        finally:
            opened.close()

    def _stream(self, weights: Weights, role: str | None, decoding: Decoding) -> OpenVINOStream:
        from socratic_cli.students.hardware import precision
        from socratic_cli.students.language import load_language
        from socratic_openvino.exports import exported
        from socratic_openvino.stream import OpenVINOStream

        language = load_language(*weights.model_of(role))
        short = {"torch.float32": "f32", "torch.bfloat16": "bf16", "torch.float16": "f16"}
        how: dict[str, Any] = {"INFERENCE_PRECISION_HINT": short[str(precision(weights.dtype))]}
        if self.threads:
            how["INFERENCE_NUM_THREADS"] = self.threads
        return OpenVINOStream(language, exported(weights, role), how, decoding.batch_size, self.cache_size)


def _refuse(weights: Weights, decoding: Decoding) -> None:
    """Refuse what this backend has no way for.

    Raises:
        UsageError: it samples, or the base is held in 8 or 4 bit.
        MissingPackage: OpenVINO or its export is not installed.
    """
    if decoding.temperature:
        raise UsageError("the backend openvino writes greedily: leave --temperature out, or take transformers")
    if weights.bits:
        raise UsageError("the backend openvino runs no weights in 8 or 4 bit, as this student's are: transformers does")
    for module, package in _PACKAGES.items():
        if not _is_installed(module):
            raise MissingPackage("the backend openvino", package)


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # nor is what it is a part of
        return False
