"""A student and a teacher that repeat what they heard, word for word.

The student trains by remembering its passages; asked a prompt out of them, it says what followed. So it solves
every problem it was trained on, and no other: whatever goes wrong is the pipeline's fault, not the model's. The teacher
repeats recorded replies from a file. Neither needs torch, a network, or more than milliseconds.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import ClassVar

from pydantic import Field, PrivateAttr

from socratic_cli import jsonl
from socratic_cli.dialogue import Passage, Reply, Turn
from socratic_cli.errors import InputError, StudentError, TeacherError
from socratic_cli.parts import HeldOut, Progress, Student, Teacher, Trained
from socratic_cli.records import Record, Usage, fingerprint
from socratic_cli.settings import Decoding, Training

_FILE = "passages.jsonl"


class Remembered(Record):
    """A line of a student's memory: a text, and the places in it that were its own replies."""

    text: str
    spans: tuple[tuple[int, int], ...]


class Recorded(Record):
    """A line of a teacher's file: what was once replied to a question."""

    question: str
    reply: str
    finish_reason: str = "stop"


class Memory:
    """A model that knows replies by role and prompt."""

    def __init__(self, replies: Mapping[tuple[str, str], str], unknown: str, delay: float) -> None:
        self._replies = replies
        self._unknown = unknown
        self._delay = delay

    async def reply(self, turn: Turn) -> Reply:
        """Say what followed this very prompt, or the reply to unknown ones."""
        await asyncio.sleep(self._delay)
        return _spoken(turn, self._replies.get((turn.role, turn.prompt), self._unknown))


class ParrotStudent(Student):
    """A student that remembers its training examples; their words are its tokens."""

    unknown: str = Field("", description="What it replies to a prompt it never heard.")
    delay: float = Field(0.0, ge=0, description="Seconds it takes to reply.")

    def train(
        self,
        passages: Iterable[Passage],
        training: Training,
        folder: Path,
        report: Callable[[Progress], None],
        held_out: HeldOut | None = None,
    ) -> list[Trained]:
        """Write the passages of each role to a file below `folder`."""
        del training, held_out  # nothing is optimised
        by_role: dict[str, list[Passage]] = defaultdict(list)
        for passage in passages:
            by_role[passage.role].append(passage)
        if not by_role:
            raise StudentError("a parrot cannot be trained on nothing")
        return [_remember(role, heard, folder, report) for role, heard in by_role.items()]

    @contextmanager
    def model(self, folder: Path | None, decoding: Decoding) -> Iterator[Memory]:
        """Recall every role below `folder`; an untrained parrot knows nothing."""
        del decoding  # nothing is sampled
        yield Memory({} if folder is None else _recall(folder), self.unknown, self.delay)


class ParrotTeacher(Teacher):
    """A teacher that replies from a JSONL file of `{"question": ..., "reply": ..., "finish_reason"?: ...}`."""

    main_option: ClassVar[str | None] = "file"

    file: Path = Field(description="JSONL of recorded replies.")
    delay: float = Field(0.0, ge=0, description="Seconds it takes to reply.")

    _recorded: dict[str, Recorded] = PrivateAttr(default_factory=dict)

    async def reply(self, turn: Turn) -> Reply:
        """Reply as recorded for the question of the turn's problem.

        Raises:
            TeacherError: no reply is recorded.
            InputError: the file cannot be read.
        """
        await asyncio.sleep(self.delay)
        recorded = self._known().get(fingerprint(turn.problem.question))
        if recorded is None:
            raise TeacherError(f"{self.file} holds no reply to problem {turn.problem.id}")
        return _spoken(turn, recorded.reply, recorded.finish_reason)

    def _known(self) -> dict[str, Recorded]:
        if not self._recorded:
            for recorded in jsonl.read(self.file, jsonl.record(Recorded)):
                if self._recorded.setdefault(fingerprint(recorded.question), recorded) is not recorded:
                    raise InputError(f"{self.file} holds two replies to the question {recorded.question[:80]!r}")
        return self._recorded


def _remember(role: str, heard: list[Passage], folder: Path, report: Callable[[Progress], None]) -> Trained:
    start = perf_counter()
    lines = (Remembered(text=passage.text, spans=passage.spans) for passage in heard)
    jsonl.write_all(folder / role / _FILE, lines)
    said = sum(_words(passage.text[start:end]) for passage in heard for start, end in passage.spans)
    tokens = sum(_words(passage.text) for passage in heard)
    seconds = perf_counter() - start
    report(Progress(role=role, step=1, steps=1, loss=0.0, tokens=tokens, seconds=seconds))
    return Trained(
        role=role,
        sequences=len(heard),
        left_out=0,
        target_tokens=said,
        tokens=tokens,
        steps=1,
        loss=0.0,
        seconds=seconds,
    )


def _recall(folder: Path) -> dict[tuple[str, str], str]:
    """Return the replies by role and prompt; of two replies to one prompt, the one heard first."""
    replies: dict[tuple[str, str], str] = {}
    for path in sorted(folder.glob(f"*/{_FILE}")):
        for passage in jsonl.read(path, jsonl.record(Remembered)):
            for start, end in passage.spans:
                replies.setdefault((path.parent.name, passage.text[:start]), passage.text[start:end])
    if not replies:
        raise StudentError(f"{folder} holds no parrot: there is no */{_FILE}")
    return replies


def _spoken(turn: Turn, text: str, finish_reason: str = "stop") -> Reply:
    usage = Usage(prompt_tokens=_words(turn.prompt), completion_tokens=_words(text))
    return Reply(text, finish_reason, usage)


def _words(text: str) -> int:
    return len(text.split())
