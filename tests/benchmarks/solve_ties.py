"""Why two ways of decoding wrote different texts: the gap between the two likeliest tokens where they part.

    python -m tests.benchmarks.solve_ties STUDENT SOURCE COUNT TEXTS

TEXTS is a JSON file: by problem, the turns (role and reply) that one way wrote, and those of the other. The shared
beginning is read once more in one plain forward pass of one sequence, in float32, without a cache. Prints one JSON
line a problem: `gap` is the difference of the two highest logits there, and `cut` says that one text only ends sooner.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from socratic_cli.parts import Scheme
from socratic_cli.prompts import completion
from socratic_cli.records import Problem
from socratic_cli.settings import Decoding
from socratic_cli.sources import resolve
from socratic_cli.students.generation import Voice
from socratic_cli.trained import TrainedStudent
from tests.benchmarks.solve_ways import LONGEST, Turns, loaded, replayed
from tests.conftest import DATA


@dataclass(frozen=True)
class Parting:
    """Where two texts part: the turn, from 0, and the gap of the logits; None where one only ends sooner."""

    problem: str
    turn: int
    cut: bool
    gap: float | None


def partings(
    scheme: Scheme, voice: Callable[[str], Voice], problems: Iterator[Problem], texts: dict[str, tuple[Turns, Turns]]
) -> Iterator[Parting]:
    """Yield where the two texts of each problem part."""
    for problem in problems:
        if problem.id in texts:
            yield _parting(scheme, voice, problem, *texts[problem.id])


def _parting(scheme: Scheme, voice: Callable[[str], Voice], problem: Problem, mine: Turns, theirs: Turns) -> Parting:
    at = next((at for at, (left, right) in enumerate(zip(mine, theirs, strict=False)) if left != right), None)
    if at is None:
        return Parting(problem.id, min(len(mine), len(theirs)), cut=True, gap=None)
    one, other = mine[at][1], theirs[at][1]
    if one.startswith(other) or other.startswith(one):
        return Parting(problem.id, at, cut=True, gap=None)
    turn = list(replayed(scheme.solve(problem), [reply for _, reply in mine[:at]]))[at]
    return Parting(problem.id, at, cut=False, gap=_gap(voice(turn.role), completion(turn), one, other))


@torch.inference_mode()
def _gap(voice: Voice, prompt: str, one: str, other: str) -> float:
    voice.activate()
    mine, theirs = voice.tokens.piece(one), voice.tokens.piece(other)
    same = next(at for at, (left, right) in enumerate(zip(mine, theirs, strict=False)) if left != right)
    ids = torch.tensor([voice.tokens.prompt(prompt) + mine[:same]])
    first, second = voice.model(input_ids=ids, use_cache=False).logits[0, -1].float().topk(2).values
    return float(first - second)


def main(folder: str, source: str, count: str, texts: str) -> None:
    """Print where each pair of texts parts."""
    student = TrainedStudent.load(Path(folder), Decoding(max_new_tokens=LONGEST))
    problems = (one.blind() for one in resolve(source, data_dir=DATA, limit=int(count)))
    given = json.loads(Path(texts).read_text(encoding="utf-8"))
    pairs = {key: tuple([tuple(turn) for turn in turns] for turns in pair) for key, pair in given.items()}
    for one in partings(student.scheme, loaded(student), problems, pairs):  # type: ignore[arg-type]
        print(json.dumps(asdict(one)))


if __name__ == "__main__":
    main(*sys.argv[1:])
