"""Tokens from an engine of vLLM."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from vllm import SamplingParams
from vllm.sampling_params import RequestOutputKind

from socratic_cli.settings import Decoding
from socratic_cli.students.language import Language
from socratic_cli.students.multiple_choice import MultipleChoice
from socratic_cli.students.streaming import Stream, Written
from socratic_cli.students.writing import Writing


class VLLMStream(Stream):
    """An engine of vLLM that speaks for one role, or for several with an adapter each."""

    def __init__(self, language: Language, engine: Any, adapters: Mapping[str, Any], decoding: Decoding) -> None:
        """Speak with an engine, and with the adapters (by saved role) that it has room for."""
        super().__init__(language)
        self._engine, self._adapters, self._decoding = engine, adapters, decoding
        self._played: dict[str, str] = {}

    def playing(self, role: str, saved: str) -> VLLMStream:
        """Return itself, and remember which saved role plays a role of a dialogue."""
        self._played[role] = saved
        return self

    def begin(self, name: str, writing: Writing) -> None:
        """Ask for the next tokens; each request names its adapter."""
        role = writing.request.role
        adapter = self._adapters.get(self._played.get(role, role))
        prompt = {"prompt_token_ids": list(writing.ids)}
        self._engine.add_request(name, prompt, self._sampling(writing), lora_request=adapter)

    def read(self) -> Iterator[Written]:
        """Let the engine take a step."""
        for output in self._engine.step():
            writing, [said] = self.open.get(output.request_id), output.outputs
            weighs = isinstance(writing, MultipleChoice)
            shares = _shares(said.logprobs[0], writing.firsts) if isinstance(writing, MultipleChoice) else ()
            yield Written(output.request_id, () if weighs else said.token_ids, output.finished, shares)

    def give_up(self, names: Sequence[str]) -> None:
        """Abort requests."""
        self._engine.abort_request(list(names))

    def _sampling(self, writing: Writing) -> SamplingParams:
        common: dict[str, Any] = {"detokenize": False, "output_kind": RequestOutputKind.DELTA}
        if isinstance(writing, MultipleChoice):
            firsts = list(writing.firsts)
            return SamplingParams(temperature=0.0, max_tokens=1, logprob_token_ids=firsts, **common)
        # What a calculator interrupted goes on with other dice than it began with.
        seed = (writing.request.seed + len(writing.ids)) % 2**63 if self._decoding.temperature else None
        return SamplingParams(
            temperature=self._decoding.temperature,
            top_p=self._decoding.top_p,
            seed=seed,
            max_tokens=writing.left,
            stop_token_ids=sorted(self.language.ends),
            **common,
        )


def _shares(known: Mapping[int, Any], tokens: Iterable[int]) -> list[float]:
    """Return the probabilities of some tokens among themselves."""
    chances = [known[token].logprob for token in tokens]
    highest = max(chances)
    whole = math.fsum(math.exp(chance - highest) for chance in chances)
    return [math.exp(chance - highest) / whole for chance in chances]
