"""Outputs as solutions, the project's own or another tool's.

A solution of another tool has no steps that could be read: its answer is the whole output, which is in its trace as
well, and `readings` finds the answer in it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from textwrap import shorten

from socratic_cli import jsonl
from socratic_cli.errors import InputError
from socratic_cli.jsonl import Line
from socratic_cli.records import Solution
from socratic_cli.scoring.foreign import lm_eval
from socratic_cli.scoring.foreign.fields import Fields, is_foreign
from socratic_cli.scoring.foreign.lines import objects, of_fields


def solutions(path: str | Path, fields: Fields, on_invalid: jsonl.OnInvalid | None = None) -> Iterator[Solution]:
    """Read solutions, the project's own or another tool's, lazily; several outputs of a question are samples of it.

    Raises:
        InputError: a line is neither, or some questions have more outputs than others.
    """
    seen: Counter[tuple[str, str, str]] = Counter()
    questions: dict[str, str] = {}
    for solution in _read(path, fields, on_invalid):
        if "sample" not in solution.model_fields_set and is_foreign(solution):
            key = (solution.scheme, solution.author, solution.problem.id)
            sample, seen[key] = seen[key], seen[key] + 1
            questions[solution.problem.id] = solution.problem.question
            yield solution.model_copy(update={"sample": sample})
        else:
            yield solution
    _require_as_many(seen, questions, path)


def _require_as_many(outputs: Counter[tuple[str, str, str]], questions: dict[str, str], path: str | Path) -> None:
    """Refuse a doubled line: as the only second sample, it would leave one problem that all samples are of."""
    fewest: dict[tuple[str, str], int] = {}
    for (scheme, author, _), count in outputs.items():
        fewest[scheme, author] = min(count, fewest.get((scheme, author), count))
    for (scheme, author, problem), count in outputs.items():
        if count > (least := fewest[scheme, author]):
            raise InputError(
                f"{path}: a question has {count} outputs and others {least}, {shorten(questions[problem], 80)!r}: leave"
                " the doubled lines out, or give every question as many samples"
            )


def _read(path: str | Path, fields: Fields, on_invalid: jsonl.OnInvalid | None) -> Iterator[Solution]:
    def convert(line: Line) -> Solution:
        return _solution(line, fields, _name(path))

    if Path(path).suffix == ".json":
        return map(convert, objects(Path(path), fields))
    return jsonl.read(path, convert, on_invalid) if on_invalid else jsonl.read(path, convert)


def _told(line: Line, fields: Fields) -> Line:
    """Return a solution's line with its problem, where the line tells no more of it than the id.

    Raises:
        InputError: the id is none of the known problems.
    """
    problem = line.value["problem"]
    if "question" in problem:
        return line
    known = fields.gold.named(str(problem.get("id")))
    if known is None:
        raise InputError(
            f"{line.where}: the problem has no question, and its id {problem.get('id')!r} is none of --problems"
        )
    return Line(line.where, {**line.value, "problem": known.line()})


def _name(path: str | Path) -> str:
    """Name an author after a file.

    >>> _name("out/mine.jsonl"), _name("-")
    ('mine', 'stdin')
    """
    return lm_eval.model_and_task(Path(path)) or ("stdin" if str(path) == "-" else Path(path).stem)


def _solution(line: Line, fields: Fields, author: str) -> Solution:
    if isinstance(line.value.get("problem"), dict):
        if "reason" in line.value and "answer" not in line.value:
            raise InputError(f"{line.where}: this is a rejected annotation and no solution: score the kept ones")
        return jsonl.record(Solution)(_told(line, fields))
    if lm_eval.is_sample(line):
        return lm_eval.solution_of(line, fields, author)
    if fields.output is not None:
        return of_fields(line, fields, author)
    try:
        return jsonl.record(Solution)(line)
    except InputError as fault:
        raise InputError(
            f"{fault}\nIf another tool wrote it, name the field of its output with --output-field."
            f" Fields: {', '.join(line.value)}"
        ) from None
