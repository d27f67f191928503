"""Replies of a student, token by token from vLLM."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from threading import Event, Lock
from typing import Any

from vllm import SamplingParams
from vllm.sampling_params import RequestOutputKind

from socratic_cli.settings import Decoding
from socratic_cli.students.language import Language
from socratic_cli.students.weighing import Weighing
from socratic_cli.students.writing import Writing


@dataclass(frozen=True)
class Served:
    """An engine of vLLM that speaks for one role, or for several with an adapter each."""

    language: Language
    engine: Any
    adapters: Mapping[str, Any]
    lock: Lock = field(default_factory=Lock)
    open: dict[str, Writing] = field(default_factory=dict)
    _played: dict[str, str] = field(default_factory=dict)

    def playing(self, role: str, saved: str) -> Served:
        """Return itself, and remember which adapter plays a role."""
        self._played[role] = saved
        return self

    def adapter(self, role: str) -> Any:
        """Return the adapter of a role, or None."""
        return self.adapters.get(self._played.get(role, role))


class VLLMScribe:
    """The replies that an engine of vLLM is writing, and the ones that wait for it."""

    def __init__(self, served: Served, decoding: Decoding, halt: Event) -> None:
        """Write with an engine; what another scribe left in it is given up."""
        del halt  # vLLM is left after every token
        self._served, self._decoding = served, decoding
        self._waiting: deque[Writing] = deque()
        self._ended: list[Writing] = []
        self._name = f"{id(self):x}"
        self._numbers = count()
        self._open = served.open
        with served.lock:  # a thread that nobody waits for any more may still be in it
            self._give_up(list(self._open))

    @property
    def work(self) -> int:
        """How many replies are not finished."""
        return len(self._waiting) + len(self._open)

    def add(self, writing: Writing) -> None:
        """Let a reply wait for the next step."""
        self._waiting.append(writing)

    def activate(self) -> None:
        """Nothing has to be changed: each request names its adapter."""

    def drop(self, gone: Iterable[Writing]) -> None:
        """Forget replies that nobody waits for any more."""
        known = set(map(id, gone))
        self._waiting = deque(writing for writing in self._waiting if id(writing) not in known)
        self._give_up([name for name, writing in self._open.items() if id(writing) in known])

    def step(self) -> list[Writing]:
        """Begin what waits, take a token of every reply, and return the replies that ended."""
        with self._served.lock:
            while self._waiting:
                self._begin(self._waiting.popleft())
            for output in self._served.engine.step() if self._open else ():
                self._take(output)
        ended, self._ended = self._ended, []
        return ended

    def _begin(self, writing: Writing) -> None:
        if writing.finish_reason is not None:
            self._ended.append(writing)
            return
        name = f"{self._name}-{next(self._numbers)}"
        prompt = {"prompt_token_ids": list(writing.ids)}
        adapter = self._served.adapter(writing.request.role)
        self._served.engine.add_request(name, prompt, self._sampling(writing), lora_request=adapter)
        self._open[name] = writing

    def _sampling(self, writing: Writing) -> Any:
        common: dict[str, Any] = {"detokenize": False, "output_kind": RequestOutputKind.DELTA}
        if isinstance(writing, Weighing):
            firsts = list(writing.firsts)
            return SamplingParams(temperature=0.0, max_tokens=1, logprob_token_ids=firsts, **common)
        # What a calculator interrupted goes on with other dice than it began with.
        seed = (writing.request.seed + len(writing.ids)) % 2**63 if self._decoding.temperature else None
        return SamplingParams(
            temperature=self._decoding.temperature,
            top_p=self._decoding.top_p,
            seed=seed,
            max_tokens=writing.left,
            stop_token_ids=sorted(self._served.language.ends),
            **common,
        )

    def _take(self, output: Any) -> None:
        """Take what vLLM wrote of a reply."""
        writing = self._open.get(output.request_id)
        if writing is None:  # given up while its token was on the way
            return
        [said] = output.outputs
        if isinstance(writing, Weighing):
            writing.choose(_shares(said.logprobs[0], writing.firsts))
        else:
            for token in said.token_ids:
                before = len(writing.ids)
                writing.accept(token)
                if writing.finish_reason is not None:
                    break
                if len(writing.ids) != before + 1:  # a calculator went on
                    self._close(output)
                    self._begin(writing)
                    return
            if output.finished and writing.finish_reason is None:
                writing.finish_reason = "length"
        if writing.finish_reason is not None:
            self._close(output)
            self._ended.append(writing)

    def _close(self, output: Any) -> None:
        if output.finished:
            del self._open[output.request_id]
        else:
            self._give_up([output.request_id])

    def _give_up(self, names: list[str]) -> None:
        for name in names:
            del self._open[name]
        if names:
            self._served.engine.abort_request(names)


def _shares(known: Mapping[int, Any], tokens: Iterable[int]) -> list[float]:
    """Return the probabilities of some tokens among themselves."""
    chances = [math.exp(known[token].logprob) for token in tokens]
    whole = math.fsum(chances)
    return [chance / whole for chance in chances] if whole else [1 / len(chances)] * len(chances)
