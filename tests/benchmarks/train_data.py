"""Helpers of the training benchmark that need torch, each in a process of its own so that the parent stays small.

python -m tests.benchmarks.train_data write FOLDER SCHEME PROBLEMS HELD_OUT
python -m tests.benchmarks.train_data loss WEIGHTS HELD_FILE SCHEME
python -m tests.benchmarks.train_data peak
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch

from socratic_cli import jobs, jsonl, plugins
from socratic_cli.dialogue import Passage, merge, rehearse
from socratic_cli.parts import Scheme, Student
from socratic_cli.records import Example, Solution
from socratic_cli.sources import resolve
from socratic_cli.stages.train import passages
from socratic_cli.students.batches import Room, passes
from socratic_cli.students.hardware import precision
from socratic_cli.students.huggingface import HuggingFace
from socratic_cli.students.loss import Loss
from socratic_cli.students.tokens import Tokens
from socratic_cli.students.weights import Source, load_model, load_tokenizer
from tests.conftest import DATA

_ROLE = "solver"
_HELD_FROM = 2000


def write(folder: Path, scheme_name: str, problems: int, held_out: int) -> None:
    """Write annotations, examples one by one, conversations and held-out annotations; say what they hold."""
    scheme = plugins.load(Scheme, scheme_name)
    base = plugins.load(Student, "smollm2-135m")
    assert isinstance(base, HuggingFace)
    where = base.where()
    tokens = Tokens(load_tokenizer(where))
    given = _gold(0, problems)
    jsonl.write_all(folder / "annotations.jsonl", given)
    jsonl.write_all(folder / "held.jsonl", _gold(_HELD_FROM, held_out))
    examples = [example for one in given for example in _examples(one, scheme)]
    merged = [passage for one in given for passage in passages(one, scheme) if passage.role == _ROLE]
    apart = [merge([example])[0] for example in examples]
    _write(folder / "examples.jsonl", ({"prompt": one.prompt, "completion": one.completion} for one in examples))
    _write(folder / "conversations.jsonl", ({"messages": _messages(one)} for one in merged))
    counts = {
        "problems": problems,
        "examples": len(examples),
        "tokens": sum(len(tokens.passage(one)) for one in apart),
        "merged": sum(len(tokens.passage(one)) for one in merged),
        "learnt": sum(tokens.passage(one).targets for one in merged),
    }
    print(json.dumps({"counts": counts, "base": where}))


def _gold(start: int, count: int) -> list[Solution]:
    found = resolve("gsm8k/train", data_dir=DATA, offset=start, limit=count)
    return [
        Solution(problem=one, scheme="socratic", author="gold", steps=one.steps, answer=one.answer, correct=True)
        for one in found
    ]


def _examples(solution: Solution, scheme: Scheme) -> Iterable[Example]:
    rehearsed = rehearse(scheme.solve(solution.problem.blind()), scheme.replies(solution.rationale))
    return (example for example in rehearsed if example.role == _ROLE)


def _messages(passage: Passage) -> list[dict[str, str]]:
    """Return a passage as a conversation: what is learnt is the assistant's."""
    turns, at = [], 0
    for start, end in passage.spans:
        turns += [{"role": "user", "content": passage.text[at:start]}]
        turns += [{"role": "assistant", "content": passage.text[start:end]}]
        at = end
    return turns


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def loss(weights: str, held: Path, scheme_name: str) -> None:
    """Print the mean loss of saved weights on held-out problems, in nats per learnt token, in float32."""
    scheme = plugins.load(Scheme, scheme_name)
    base = plugins.load(Student, "smollm2-135m")
    assert isinstance(base, HuggingFace)
    tokens = Tokens(load_tokenizer(base.where()))
    found = (one for solution in jobs.solutions(held) for one in passages(solution, scheme))
    sequences = [tokens.passage(one) for one in found if one.role == _ROLE]
    measure = Loss(load_model(Source(weights, dtype=torch.float32)), tokens.pad)
    with torch.inference_mode():
        total = sum(measure(part).item() for part in passes(sequences, Room(4096)))
    print(total / sum(sequence.targets for sequence in sequences))


def peak() -> None:
    """Print the type in which a student computes here, and the GFLOP/s of its products of SmolLM2-135M's sizes."""
    dtype = precision("auto")
    left, right = torch.randn(4096, 576).to(dtype), torch.randn(1536, 576).to(dtype)
    torch.nn.functional.linear(left, right)
    began = time.perf_counter()
    for _ in range(50):
        torch.nn.functional.linear(left, right)
    print(str(dtype).removeprefix("torch."), 50 * 2 * 4096 * 576 * 1536 / (time.perf_counter() - began) / 1e9)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["write", folder, scheme, problems, held_out]:
            write(Path(folder), scheme, int(problems), int(held_out))
        case ["loss", weights, held, scheme]:
            loss(weights, Path(held), scheme)
        case ["peak"]:
            peak()
