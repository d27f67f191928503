"""Tokens from a pipeline of OpenVINO GenAI."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy
import openvino
import openvino_genai as genai

from socratic_cli.errors import UsageError
from socratic_cli.students.language import Language
from socratic_cli.students.multiple_choice import MultipleChoice
from socratic_cli.students.streaming import Stream, Written
from socratic_cli.students.writing import Writing


class OpenVINOStream(Stream):
    """A pipeline with continuous batching, for one role."""

    def __init__(self, language: Language, model: Path, how: Mapping[str, Any], width: int, gigabytes: int) -> None:
        """Load an exported model, to write `width` replies at once."""
        super().__init__(language)
        schedule = genai.SchedulerConfig()
        schedule.max_num_seqs, schedule.cache_size, schedule.enable_prefix_caching = width, gigabytes, True
        # Prompts and replies are tokens: no tokenizer is exported, and the one that is due here stays empty.
        self._pipe = genai.ContinuousBatchingPipeline(str(model), schedule, "CPU", dict(how))
        self._handles: dict[str, Any] = {}
        self._numbers = count()

    def begin(self, name: str, writing: Writing) -> None:
        """Ask for the next tokens.

        Raises:
            UsageError: options are to be weighed.
        """
        if isinstance(writing, MultipleChoice):
            raise UsageError("the backend openvino weighs no solutions: a verifier is run by transformers")
        greedy = genai.GenerationConfig(
            max_new_tokens=writing.left, do_sample=False, stop_token_ids=set(self.language.ends)
        )
        ids = openvino.Tensor(numpy.array([writing.ids], dtype=numpy.int64))
        self._handles[name] = self._pipe.add_request(next(self._numbers), ids, greedy)

    def read(self) -> Iterator[Written]:
        """Let the pipeline take a step."""
        self._pipe.step()
        for name, handle in list(self._handles.items()):
            if not handle.can_read():
                continue
            said = handle.read()[0]
            ended = said.finish_reason != genai.GenerationFinishReason.NONE
            if ended:
                del self._handles[name]
            yield Written(name, said.generated_ids, ended)

    def give_up(self, names: Sequence[str]) -> None:
        """Cancel requests."""
        for name in names:
            if handle := self._handles.pop(name, None):
                handle.cancel()
