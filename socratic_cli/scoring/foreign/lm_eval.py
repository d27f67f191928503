"""Samples of lm-evaluation-harness (`--log_samples`)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from socratic_cli.errors import InputError
from socratic_cli.fields import answer
from socratic_cli.jsonl import Line
from socratic_cli.records import Solution
from socratic_cli.scoring.foreign.fields import Fields, field_of, label_of, made, problem_of, text_of

_QUESTION = ("question", "problem", "input", "query", "prompt")
_FILE = re.compile(r"samples_(.+?)_\d{4}-\d\d-\d\dT[\d.-]+\.jsonl")
_FIELDS = {"doc", "target", "filtered_resps"}
_NOTHING = "[invalid]"
"""What it writes where its filter found no answer."""
_CHOSEN = ("['True']", "['False']", "[True]", "[False]")
"""The end of what it writes for a likelihood."""


def is_sample(line: Line) -> bool:
    """Say whether a line is a sample."""
    return line.value.keys() >= _FIELDS


def model_and_task(path: Path) -> str | None:
    """Return what a file of samples is of: it lies in a folder that is named after the model.

    >>> model_and_task(Path("out/gpt2/samples_gsm8k_2026-11-24T22-28-28.901490.jsonl"))
    'gpt2 gsm8k'
    """
    named = _FILE.fullmatch(path.name)
    return f"{path.parent.name} {named[1]}".strip() if named else None


def solution_of(line: Line, fields: Fields, author: str) -> Solution:
    """Return a sample as a solution.

    Raises:
        InputError: it is malformed, or holds likelihoods of choices.
    """
    doc = line.value["doc"]
    if not isinstance(doc, dict):
        raise InputError(f"{line.where}: 'doc' is no object: this is no sample of lm-evaluation-harness")
    name = fields.question or next((name for name in _QUESTION if isinstance(doc.get(name), str)), _QUESTION[0])

    def gold() -> Any:
        return line.value["target"] if fields.answer is None else field_of(line, doc, fields.answer, "--answer-field")

    filtered = answer(_reply(line, line.value["filtered_resps"]), line.where)
    written = answer(_reply(line, line.value.get("resps")), line.where) or filtered
    problem = problem_of(line, text_of(line, doc, name, "--question-field"), gold, fields)
    known = {"scheme": str(line.value.get("filter", "none")), "author": author, **label_of(line, fields)}
    return made(problem, None if filtered == _NOTHING else filtered, written, known)


def _reply(line: Line, value: Any) -> Any:
    """Return the first reply of a sample: lm-evaluation-harness keeps a list of requests, each perhaps with repeats.

    Raises:
        InputError: it holds likelihoods of given choices.
    """
    requests = value if isinstance(value, list) else [value]
    first = requests[0] if requests else None
    if len(requests) > 1 or (isinstance(first, list) and str(first[-1:]) in _CHOSEN):
        raise InputError(f"{line.where}: the sample holds likelihoods of choices; only written answers can be scored")
    return (first[0] if first else None) if isinstance(first, list) else first
