"""Faults of known kinds, put mechanically into right rationales: what their classification is checked against.

A changed result is carried through the steps after it, and into the answer, as somebody who reasons on would do.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

from socratic_cli.analysis.faults import walk
from socratic_cli.analysis.kinds import Kind
from socratic_cli.analysis.operations import sums
from socratic_cli.answers import as_number
from socratic_cli.calculator import evaluate, written
from socratic_cli.notation import equations, one_line, read
from socratic_cli.records import Problem, Rationale, Step

NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?%?|\.\d+")
OPERATOR = re.compile(r"(?<=[\d)%])[-+*/](?=[\d.(])")


class Spoilt(NamedTuple):
    """A rationale with a fault: the kind that was put in, the step, and what came of it."""

    kind: Kind
    step: int | None
    rationale: Rationale
    problem: Problem


class Sides(NamedTuple):
    """The last calculation of a step."""

    left: str
    right: str


def spoilt(problem: Problem, others: Sequence[Problem], rng: Random) -> Iterator[Spoilt]:
    """Yield the gold rationale of a problem with each kind of fault that can be put into it."""
    sides = [_sides(step) for step in problem.steps]
    if not sides or any(one is None for one in sides):
        return
    known = [one for one in sides if one is not None]
    if as_number(known[-1].right) != as_number(problem.answer or ""):
        return
    for kind, spoil in SPOILERS.items():
        found = spoil(_Case(problem, known, others, rng))
        if found is None:
            continue
        at, rationale = found
        if rationale.answer and as_number(rationale.answer) not in (None, as_number(problem.answer or "")):
            yield Spoilt(kind, at, rationale, problem)


class _Case(NamedTuple):
    problem: Problem
    sides: list[Sides]
    others: Sequence[Problem]
    rng: Random


Spoiler = Callable[[_Case], tuple[int | None, Rationale] | None]


def _sides(step: Step) -> Sides | None:
    """Return the only calculation of a step."""
    found = equations(step)
    if len(found) != 1 or evaluate(found[0].left) is None or not OPERATOR.search(found[0].left):
        return None
    return Sides(found[0].left.replace(" ", ""), found[0].right)


def _step(subquestion: str | None, left: str, right: str) -> Step:
    return Step(subquestion=subquestion, solution=f"It is {left} = <<{left}={right}>>{right}.")


def _carried(case: _Case, at: int, first: Step, changed: str) -> Rationale | None:
    """Put a step into its place and carry its result through the steps after it."""
    results = {case.sides[at].right: changed}
    steps = [_step(step.subquestion, *sides) for step, sides in zip(case.problem.steps, case.sides, strict=True)]
    steps[at], answer = first, changed
    for later in range(at + 1, len(steps)):
        left = NUMBER.sub(lambda number: results.get(number[0], number[0]), case.sides[later].left)
        value = evaluate(left)
        if value is None:
            return None
        answer = written(value)
        results[case.sides[later].right] = answer
        steps[later] = _step(steps[later].subquestion, left, answer)
    return Rationale(steps=tuple(steps), answer=answer)


def _recalculated(case: _Case, at: int, left: str, subquestion: str | None) -> tuple[int, Rationale] | None:
    value = evaluate(left)
    if value is None or value <= 0:
        return None
    found = _carried(case, at, _step(subquestion, left, written(value)), written(value))
    return None if found is None else (at, found)


def _operator(case: _Case) -> tuple[int, Rationale] | None:
    at = case.rng.randrange(len(case.sides))
    left = case.sides[at].left
    place = case.rng.choice([found.start() for found in OPERATOR.finditer(left)])
    sign = case.rng.choice([sign for sign in "+-*/" if sign != left[place]])
    return _recalculated(case, at, left[:place] + sign + left[place + 1 :], case.problem.steps[at].subquestion)


def _quantity(case: _Case) -> tuple[int, Rationale] | None:
    """Another number of the problem in place of one, or a number from nowhere."""
    at = case.rng.randrange(len(case.sides))
    left = case.sides[at].left
    place = case.rng.choice(list(NUMBER.finditer(left)))
    known = [one for one in NUMBER.findall(case.problem.question) if one not in NUMBER.findall(left)]
    number = case.rng.choice([*known, str(case.rng.randint(2, 99))])
    return _recalculated(
        case, at, left[: place.start()] + number + left[place.end() :], case.problem.steps[at].subquestion
    )


def _slip(case: _Case) -> tuple[int, Rationale] | None:
    at = case.rng.randrange(len(case.sides))
    left, right = case.sides[at]
    value = evaluate(right)
    if value is None:
        return None
    wrong = value + case.rng.choice([-10, -2, -1, 1, 2, 10, 100])
    if wrong <= 0:
        return None
    found = _carried(case, at, _step(case.problem.steps[at].subquestion, left, written(wrong)), written(wrong))
    return None if found is None else (at, found)


def _foreign(case: _Case) -> tuple[int, Rationale] | None:
    """Another problem's subquestion with its solution."""
    at = case.rng.randrange(len(case.sides))
    step = case.rng.choice(case.rng.choice(case.others).steps)
    sides = _sides(step)
    return None if sides is None else _recalculated(case, at, sides.left, step.subquestion)


def _dropped(case: _Case) -> tuple[None, Rationale] | None:
    if len(case.sides) < 2:
        return None
    return None, Rationale(steps=case.problem.steps[:-1], answer=case.sides[-2].right)


def _added(case: _Case) -> tuple[int, Rationale] | None:
    """One more question than needed, of which nothing but a result comes."""
    last = case.sides[-1].right
    left = f"{NUMBER.findall(last)[-1]}{case.rng.choice('+-*/')}{case.rng.randint(2, 12)}"
    value = evaluate(left)
    if value is None or value <= 0:
        return None
    asked = None if case.problem.steps[0].subquestion is None else "How much is that in the end?"
    steps = (*case.problem.steps, _step(asked, left, written(value)))
    return len(case.sides), Rationale(steps=steps, answer=written(value))


def _miscopied(case: _Case) -> tuple[None, Rationale] | None:
    return None, Rationale(steps=case.problem.steps, answer=str(case.rng.randint(1000, 9999)))


SPOILERS: dict[Kind, Spoiler] = {
    "wrong-operation": _operator,
    "wrong-quantity": _quantity,
    "arithmetic-slip": _slip,
    "bad-subquestion": _foreign,
    "stopped-early": _dropped,
    "asked-too-much": _added,
    "wrong-answer-after-right-steps": _miscopied,
}


def confusion(cases: Iterable[Spoilt]) -> dict[Kind, Counter[Kind]]:
    """Return how often each kind that was put in was found to be which kind."""
    table: dict[Kind, Counter[Kind]] = {kind: Counter() for kind in SPOILERS}
    for case in cases:
        table[case.kind][walk(case.rationale, case.problem).kind] += 1
    return table


def foreign_ways(data_dir: Path) -> Iterator[tuple[Problem, Rationale]]:
    """Yield right rationales by GPT-5.1 for problems of GSM8K, without their last calculation and what follows it."""
    for number, line in enumerate((data_dir / "recorded/gpt51/gsm8k_step.jsonl").read_text().splitlines()):
        record = json.loads(line)
        gold = read(record["answer_from_dataset"])
        steps = [Step(solution=one_line(text)) for text in record["response_rationale"].values() if text]
        calculating = [at for at, step in enumerate(steps) if sums(step)]
        if len(calculating) > 1:
            problem = Problem(id=str(number), question=record["question"], answer=gold.answer, steps=gold.steps)
            yield problem, Rationale(steps=tuple(steps[: calculating[-1]]))


def written_table(table: dict[Kind, Counter[Kind]]) -> str:
    """Return a confusion matrix in Markdown, with recall and precision."""
    columns = [*table, *sorted({kind for row in table.values() for kind in row} - set(table))]
    lines = [f"| put in | {' | '.join(columns)} | recall |", "|---|" + "--:|" * (len(columns) + 1)]
    for kind, row in table.items():
        cells = " | ".join(str(row[column]) for column in columns)
        lines.append(f"| {kind} | {cells} | {row[kind] / row.total():.1%} |")
    found = {column: sum(row[column] for row in table.values()) for column in columns}
    shares = (f"{table[one][one] / found[one]:.1%}" if one in table and found[one] else "-" for one in columns)
    return "\n".join([*lines, f"| precision | {' | '.join(shares)} | |"]) + "\n"
