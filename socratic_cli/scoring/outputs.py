"""What other tools wrote, as solutions: samples of lm-evaluation-harness, and lines whose fields are named.

Such a solution has no steps that could be read: its answer is the whole output, which is in its trace as well, and
`readings` finds the answer in it. A problem without an id has the fingerprint of its question for one, by which it is
known again among the project's own problems.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from socratic_cli import jsonl
from socratic_cli.errors import InputError
from socratic_cli.jsonl import Line
from socratic_cli.notation import NotationError, read
from socratic_cli.records import Exchange, Problem, Solution, fingerprint

_QUESTION = ("question", "problem", "input", "query", "prompt")
_ROLE = "output"
_SAMPLES = re.compile(r"samples_(.+?)_\d{4}-\d\d-\d\dT[\d.-]+\.jsonl")
_LM_EVAL = {"doc", "target", "filtered_resps"}
_NOTHING = "[invalid]"
"""What lm-evaluation-harness writes where its filter found no answer."""
_CHOSEN = ("['True']", "['False']", "[True]", "[False]")
"""The end of what it writes for a likelihood."""


class Gold:
    """Problems by which the outputs of other tools are known."""

    def __init__(self, problems: Iterable[Problem] = ()) -> None:
        """Know these problems."""
        self._named = {problem.id: problem for problem in problems}
        self._asked = {fingerprint(problem.question): problem for problem in self._named.values()}

    def __bool__(self) -> bool:
        """Whether any is known."""
        return bool(self._named)

    def asked(self, question: str) -> Problem | None:
        """Return the problem with this question."""
        return self._asked.get(fingerprint(question))

    def named(self, identity: str) -> Problem | None:
        """Return the problem with this id."""
        return self._named.get(identity)


@dataclass(frozen=True)
class Fields:
    """Where things stand in a line of another tool, and the problems that are known."""

    question: str | None = None
    answer: str | None = None
    output: str | None = None
    identity: str | None = None
    label: str | None = None
    gold: Gold = field(default_factory=Gold)


def solutions(path: str | Path, fields: Fields, on_invalid: jsonl.OnInvalid | None = None) -> Iterator[Solution]:
    """Read solutions, the project's own or another tool's, lazily; several outputs of a question are samples of it.

    Raises:
        InputError: a line is neither.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    for solution in _read(path, fields, on_invalid):
        if "sample" not in solution.model_fields_set and is_foreign(solution):
            key = (solution.scheme, solution.author, solution.problem.id)
            sample, seen[key] = seen[key], seen[key] + 1
            yield solution.model_copy(update={"sample": sample})
        else:
            yield solution


def _read(path: str | Path, fields: Fields, on_invalid: jsonl.OnInvalid | None) -> Iterator[Solution]:
    def convert(line: Line) -> Solution:
        return _solution(line, fields, _name(path))

    if Path(path).suffix == ".json":
        return map(convert, _objects(Path(path), fields))
    return jsonl.read(path, convert, on_invalid) if on_invalid else jsonl.read(path, convert)


def _name(path: str | Path) -> str:
    """Name an author after a file; samples of lm-evaluation-harness lie in a folder that is named after the model.

    >>> _name("out/gpt2/samples_gsm8k_2026-11-24T22-28-28.901490.jsonl"), _name("-")
    ('gpt2 gsm8k', 'stdin')
    """
    samples = _SAMPLES.fullmatch(Path(path).name)
    if samples:
        return f"{Path(path).parent.name} {samples[1]}".strip()
    return "stdin" if str(path) == "-" else Path(path).stem


def is_foreign(solution: Solution) -> bool:
    """Say whether another tool wrote it."""
    return [exchange.role for exchange in solution.trace] == [_ROLE]


def _solution(line: Line, fields: Fields, author: str) -> Solution:
    if isinstance(line.value.get("problem"), dict):
        return jsonl.record(Solution)(line)
    if line.value.keys() >= _LM_EVAL:
        return _of_lm_eval(line, fields, author)
    if fields.output is not None:
        return _of_fields(line, fields, author)
    try:
        return jsonl.record(Solution)(line)
    except InputError as fault:
        raise InputError(
            f"{fault}\nIf another tool wrote it, name the field of its output with --output-field."
            f" Fields: {', '.join(line.value)}"
        ) from None


def _of_fields(line: Line, fields: Fields, author: str) -> Solution:
    output = _field(line, line.value, fields.output or "", "--output-field")
    problem = _named(line, fields) or _told(line, fields)
    written = _string(line, output)
    return _made(problem, written, written, {"scheme": fields.output, "author": author, **_label(line, fields)})


def _named(line: Line, fields: Fields) -> Problem | None:
    """Return the known problem that a line without a question names by its id."""
    question = fields.question or "question"
    if fields.identity is None or question in line.value:
        return None
    identity = _string(line, _field(line, line.value, fields.identity, "--id-field")) or ""
    if (known := fields.gold.named(identity)) is None:
        raise InputError(f"{line.where}: {identity!r} (--id-field) is none of --problems, and there is no {question!r}")
    return known


def _told(line: Line, fields: Fields) -> Problem:
    """Return the problem that a line tells."""
    question = _text(line, line.value, fields.question or "question", "--question-field")
    # An output is no gold answer to itself, wherever it stands.
    gold = fields.answer or ("answer" if fields.output != "answer" else None)
    return _problem(line, question, _field(line, line.value, gold, "--answer-field") if gold else None, fields)


def _of_lm_eval(line: Line, fields: Fields, author: str) -> Solution:
    doc = line.value["doc"]
    if not isinstance(doc, dict):
        raise InputError(f"{line.where}: 'doc' is no object: this is no sample of lm-evaluation-harness")
    name = fields.question or next((name for name in _QUESTION if isinstance(doc.get(name), str)), _QUESTION[0])
    gold = line.value["target"] if fields.answer is None else _field(line, doc, fields.answer, "--answer-field")
    answer = _string(line, _reply(line, line.value["filtered_resps"]))
    written = _string(line, _reply(line, line.value.get("resps"))) or answer
    problem = _problem(line, _text(line, doc, name, "--question-field"), gold, fields)
    known = {"scheme": str(line.value.get("filter", "none")), "author": author, **_label(line, fields)}
    return _made(problem, None if answer == _NOTHING else answer, written, known)


def _made(problem: Problem, answer: str | None, written: str | None, known: dict[str, Any]) -> Solution:
    reply = Exchange(role=_ROLE, prompt="", reply=written or "")
    return Solution(problem=problem, answer=answer, trace=(reply,), **known)


def _problem(line: Line, question: str, gold: Any, fields: Fields) -> Problem:
    known = fields.gold.asked(question)
    if known is not None:
        return known
    identity = line.value.get(fields.identity) if fields.identity else None
    answer = _string(line, gold)
    worked: Mapping[str, Any] = {"answer": answer}
    if answer is not None and "####" in answer:
        try:
            worked = read(answer).line()
        except NotationError as fault:
            raise InputError(f"{line.where}: the worked gold answer cannot be read: {fault}") from None
    return Problem(id=fingerprint(question) if identity is None else str(identity), question=question, **worked)


def _field(line: Line, record: Mapping[str, Any], name: str, flag: str) -> Any:
    if name not in record:
        raise InputError(f"{line.where}: there is no field {name!r} ({flag}). Fields: {', '.join(record)}")
    return record[name]


def _text(line: Line, record: Mapping[str, Any], name: str, flag: str) -> str:
    value = _field(line, record, name, flag)
    if not isinstance(value, str) or not value.strip():
        raise InputError(f"{line.where}: the field {name!r} ({flag}) holds no text")
    return value.strip()


def _label(line: Line, fields: Fields) -> dict[str, bool]:
    """Return the file's own verdict as the field of a solution, if there is one."""
    if fields.label is None:
        return {}
    value = _field(line, line.value, fields.label, "--label-field")
    if value not in (0, 1):  # False and True among them
        raise InputError(
            f"{line.where}: the field {fields.label!r} (--label-field) is neither true nor false: {value!r}"
        )
    return {"correct": bool(value)}


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


def _string(line: Line, value: Any) -> str | None:
    """Return an answer as a text: true is yes, 27.0 is 27; nothing, or a text of blanks, is none."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{Decimal(repr(value)).normalize():f}"
    if value is None or isinstance(value, str):
        return (value or "").strip() or None
    raise InputError(f"{line.where}: an answer or output is {type(value).__name__}; a text or a number is due")


def _objects(path: Path, fields: Fields) -> Iterator[Line]:
    """Yield the objects of a JSON file that have the output's field, wherever they are nested."""
    import json

    if fields.output is None:
        raise InputError(f"{path} is JSON, not lines of it: name the field of the output with --output-field")
    try:
        tree = json.loads(path.read_bytes())
    except (OSError, ValueError) as fault:
        raise InputError(f"{path} cannot be read: {fault}") from None
    some = False
    for number, found in enumerate(_nested(tree, fields.output)):
        some = True
        yield Line(f"{path}[{number}]", found)
    if not some:
        raise InputError(f"{path} holds no object with a field {fields.output!r} (--output-field)")


def _nested(tree: Any, field_: str) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict) and field_ in tree:
        yield tree
        return
    inner: Iterable[Any] = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    for one in inner:
        yield from _nested(one, field_)
