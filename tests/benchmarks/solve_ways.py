"""Ways to let a decomposer and a solver work together, each measured in a process of its own.

    python -m tests.benchmarks.solve_ways WAY STUDENT PROBLEMS COUNT OUT

WAY is `alone` (transformers' `generate`, a turn of a problem after the other), `lockstep` (`generate` on batches of 64,
turn by turn, nothing kept in between), `socratic` (what `socratic solve` does) or the name of a backend, with its
options (what `socratic solve --backend` does). OUT gets the seconds without loading, those of processor, the tokens
written, and the turns of every problem.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Event
from typing import Any

from socratic_cli.dialogue import Dialogue, Reply, Transcript, Turn, Unanswered, cut
from socratic_cli.parts import Scheme
from socratic_cli.prompts import completion
from socratic_cli.records import Problem
from socratic_cli.settings import Decoding
from socratic_cli.sources import resolve
from socratic_cli.students import generation, voices
from socratic_cli.students.huggingface import HuggingFace
from socratic_cli.students.requests import Request
from socratic_cli.trained import TrainedStudent
from tests.benchmarks import processor
from tests.conftest import DATA

BATCH = 64
LONGEST = 256
Turns = list[tuple[str, str]]
"""Role and reply of every turn of a dialogue."""


class Opened:
    """A dialogue that waits for the reply to its turn, or has ended."""

    def __init__(self, dialogue: Dialogue) -> None:
        """Begin it."""
        self._dialogue = dialogue
        self.transcript = Transcript()
        self.turn: Turn | None = next(dialogue)

    def take(self, reply: Reply) -> None:
        """Go on with a reply; one that was cut ends the dialogue."""
        turn = self.turn
        assert turn is not None
        self.transcript.note(turn, reply)
        self.turn = None
        text = cut(reply.text, turn.stop)
        if reply.finish_reason == "length" and not text.endswith(turn.stop or ("\0",)):
            return
        try:
            self.turn = self._dialogue.send(Reply(text))
        except (StopIteration, Unanswered):
            return

    @property
    def turns(self) -> Turns:
        """All that was said."""
        return [(one.role, one.reply) for one in self.transcript.exchanges]


def loaded(student: TrainedStudent) -> Callable[[str], generation.Voice]:
    """Load who speaks for each role."""
    assert isinstance(student.student, HuggingFace)
    return voices.voices(student.student.weights(student.folder))


def by_generate(
    scheme: Scheme, voice: Callable[[str], generation.Voice], problems: list[Problem], batch: int
) -> Iterator[Opened]:
    """Play dialogues by `generate`, so many at a time; all wait for the slowest, turn by turn."""
    for at in range(0, len(problems), batch):
        opened = [Opened(scheme.solve(problem)) for problem in problems[at : at + batch]]
        while waiting := [one for one in opened if one.turn is not None]:
            role = next(one.turn.role for one in waiting if one.turn)
            asked = [one for one in waiting if one.turn and one.turn.role == role]
            requests = [Request(completion(one.turn), one.turn.stop) for one in asked if one.turn]
            replies = generation.write(voice(role), requests, Decoding(max_new_tokens=LONGEST), Event())
            for one, reply in zip(asked, replies, strict=True):
                one.take(reply)
        yield from opened


def measured(way: str, folder: Path, source: str, count: int) -> dict[str, Any]:
    """Solve, and return what it took and what was written."""
    problems = [one.blind() for one in resolve(source, data_dir=DATA, limit=count)]
    decoding = Decoding(max_new_tokens=LONGEST, batch_size=BATCH)
    warm = problems[:1]
    if way not in ("alone", "lockstep"):
        backend = decoding.backend if way == "socratic" else way
        student = TrainedStudent.load(folder, decoding.model_copy(update={"backend": backend}))
        student.solve_all(warm)
        began, spent = time.perf_counter(), processor.spent()
        solutions = student.solve_all(problems)
        seconds, spent = time.perf_counter() - began, processor.spent() - spent
        student.close()
        texts = [[(one.role, one.reply) for one in solution.trace] for solution in solutions]
        written = sum(solution.usage.completion_tokens for solution in solutions)
    else:
        size = 1 if way == "alone" else BATCH
        student = TrainedStudent.load(folder, decoding)
        voice = loaded(student)
        list(by_generate(student.scheme, voice, warm, size))
        began, spent = time.perf_counter(), processor.spent()
        played = list(by_generate(student.scheme, voice, problems, size))
        seconds, spent = time.perf_counter() - began, processor.spent() - spent
        texts = [one.turns for one in played]
        written = sum(one.transcript.usage.completion_tokens for one in played)
    by_problem = dict(zip([one.id for one in problems], texts, strict=True))
    return {"seconds": seconds, "processor": spent, "tokens": written, "texts": by_problem}


if __name__ == "__main__":
    way, folder, source, count, out = sys.argv[1:]
    Path(out).write_text(json.dumps(measured(way, Path(folder), source, int(count))), encoding="utf-8")
