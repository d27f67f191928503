"""Ways to let a decomposer and a solver work together, each measured in a process of its own.

    python -m tests.benchmarks.solve_ways WAY STUDENT PROBLEMS COUNT OUT

WAY is `alone` (transformers' `generate`, a turn of a problem after the other), `lockstep` (`generate` on batches of 64,
turn by turn, nothing kept in between), `llamacpp=TREE` (its server, see llamacpp.py), `socratic` (what `socratic solve`
does) or the name of a backend, with its options (what `socratic solve --backend` does). OUT gets the seconds without
loading, those of processor, the tokens written, those that had to go through a model at least, and the turns of every
problem.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from queue import SimpleQueue
from threading import Event
from typing import Any

from socratic_cli.backends import Weights
from socratic_cli.dialogue import Dialogue, Reply, Transcript, Turn, Unanswered, cut
from socratic_cli.parts import Scheme
from socratic_cli.prompts import completion
from socratic_cli.records import Problem
from socratic_cli.settings import Decoding
from socratic_cli.sources import resolve
from socratic_cli.students import generation, voices, whole
from socratic_cli.students.huggingface import HuggingFace
from socratic_cli.students.requests import Request
from socratic_cli.students.tokens import Tokens
from socratic_cli.students.weights import load_tokenizer
from socratic_cli.students.writing import Writing
from socratic_cli.trained import TrainedStudent
from tests.benchmarks import llamacpp, processor
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


def weights(student: TrainedStudent) -> Weights:
    """Return where the student's weights are."""
    assert isinstance(student.student, HuggingFace)
    return student.student.weights(student.folder)


def loaded(student: TrainedStudent) -> Callable[[str], generation.Voice]:
    """Load who speaks for each role."""
    return voices.voices(weights(student))


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
            decoding, speaking = Decoding(max_new_tokens=LONGEST), voice(role)
            writings = [Writing(speaking.language, request, decoding) for request in requests]
            whole.finish(speaking, writings, decoding, Event())
            for one, writing in zip(asked, writings, strict=True):
                one.take(writing.reply())
        yield from opened


def by_servers(scheme: Scheme, servers: dict[str, llamacpp.Server], problems: list[Problem]) -> list[Opened]:
    """Play dialogues with a server for each role, 64 at a time; each has a slot of either server to itself."""
    slots = SimpleQueue[int]()
    for slot in range(BATCH):
        slots.put(slot)

    def play(problem: Problem) -> Opened:
        slot, opened = slots.get(), Opened(scheme.solve(problem))
        while turn := opened.turn:
            opened.take(servers[turn.role].reply(turn, slot, LONGEST))
        slots.put(slot)
        return opened

    with ThreadPoolExecutor(BATCH) as players:
        return list(players.map(play, problems))


def replayed(dialogue: Dialogue, replies: Iterable[str]) -> Iterator[Turn]:
    """Yield the turns of a dialogue whose replies are known."""
    turn = next(dialogue)
    yield turn
    for reply in replies:
        try:
            turn = dialogue.send(Reply(cut(reply, turn.stop)))
        except (StopIteration, Unanswered):
            return
        yield turn


def least(student: TrainedStudent, problems: Iterable[Problem], texts: Iterable[Turns]) -> int:
    """Return the tokens that have to go through a model: each role reads a dialogue once, and what it writes."""
    where = weights(student)
    by_role = {role: Tokens(load_tokenizer(*where.model_of(role))) for role in where.roles}
    count = 0
    for problem, turns in zip(problems, texts, strict=True):
        asked = replayed(student.scheme.solve(problem), [reply for _, reply in turns])
        whole = {turn.role: completion(turn) + reply for turn, (_, reply) in zip(asked, turns, strict=False)}
        count += sum(len(by_role[where.played_by(role)].prompt(text)) for role, text in whole.items())
    return count


Solved = tuple[list[Turns], int]
"""The turns of each problem, and the tokens that were written."""


def said(played: Iterable[Opened]) -> Solved:
    """Return what was said in dialogues that came to their end."""
    ended = list(played)
    return [one.turns for one in ended], sum(one.transcript.usage.completion_tokens for one in ended)


@contextmanager
def solver(way: str, folder: Path) -> Iterator[Callable[[list[Problem]], Solved]]:
    """Load a student, to solve in one of the ways."""
    decoding = Decoding(max_new_tokens=LONGEST, batch_size=BATCH)
    kind, _, tree = way.partition("=")
    if kind in ("alone", "lockstep"):
        student = TrainedStudent.load(folder, decoding)
        voice, size = loaded(student), 1 if way == "alone" else BATCH
        yield lambda problems: said(by_generate(student.scheme, voice, problems, size))
    elif kind == "llamacpp":
        student = TrainedStudent.load(folder, decoding)
        with llamacpp.servers(Path(tree), weights(student), BATCH) as servers:
            yield lambda problems: said(by_servers(student.scheme, servers, problems))
    else:
        backend = decoding.backend if way == "socratic" else way
        student = TrainedStudent.load(folder, decoding.model_copy(update={"backend": backend}))

        def solve(problems: list[Problem]) -> Solved:
            solutions = student.solve_all(problems)
            texts = [[(one.role, one.reply) for one in solution.trace] for solution in solutions]
            return texts, sum(solution.usage.completion_tokens for solution in solutions)

        yield solve
        student.close()


def measured(way: str, folder: Path, source: str, count: int) -> dict[str, Any]:
    """Solve, and return what it took and what was written."""
    problems = [one.blind() for one in resolve(source, data_dir=DATA, limit=count)]
    with solver(way, folder) as solve:
        solve(problems[:1])  # whatever is made at the first use
        began, spent = time.perf_counter(), processor.spent()
        texts, written = solve(problems)
        seconds, spent = time.perf_counter() - began, processor.spent() - spent
    by_problem = dict(zip([one.id for one in problems], texts, strict=True))
    took = {"seconds": seconds, "processor": spent, "tokens": written, "texts": by_problem}
    return {**took, "least": least(TrainedStudent.load(folder), problems, texts)}


if __name__ == "__main__":
    way, folder, source, count, out = sys.argv[1:]
    Path(out).write_text(json.dumps(measured(way, Path(folder), source, int(count))), encoding="utf-8")
