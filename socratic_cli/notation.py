"""The notation of rationales, GSM8K's own: one writer, one reader.

    How many eggs does Ann sell? ** She sells 16-3 = <<16-3=13>>13 eggs.
    How much does she earn? ** She earns 13*2 = $<<13*2=26>>26.
    #### 26

A line is a step: `subquestion ** solution`, or the solution alone. The last line is the answer. Exemplars, prompts,
training and scoring all use these two functions.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from socratic_cli.records import Rationale, Step

ASK = " **"
"""Stands between a subquestion and its solution. The blank after it begins the solution."""
ANSWER = "####"
"""Stands before the answer."""

_MARKS = ("**", "####")
_EQUATION = re.compile(r"<<([^<>=]+)=([^<>=]+)>>")
_BOLD = re.compile(r"\*\*(\S(?:[^*\n]*\S)?)\*\*")
_BULLET = re.compile(r"^(?:[-*•]\s+|\(?\d{1,2}[.)]\s+|(?:Step|Q)\s*\d{1,2}\s*[:.)]\s*)", re.IGNORECASE)
_CONCLUSION = re.compile(
    r"(?:the\s+)?(?:final\s+)?answer(?:\s*\([^()]*\))?\s*(?:is|=|:)\s*:?\s*(?P<answer>.+?)\s*$", re.IGNORECASE
)


class NotationError(ValueError):
    """A text that is not a rationale, or a rationale that cannot be written."""


class Equation(NamedTuple):
    """A calculation marked in a step: <<48/2=24>>."""

    left: str
    right: str


def write(rationale: Rationale) -> str:
    """Write a rationale down.

    Raises:
        NotationError: a step or the answer holds a mark of the notation, or there is no answer.
    """
    if rationale.answer is None:
        raise NotationError("a rationale without an answer cannot be written")
    lines = [write_step(step) for step in rationale.steps]
    return "\n".join([*lines, f"{ANSWER} {one_line(rationale.answer)}"])


def write_step(step: Step) -> str:
    """Write one step as one line."""
    solution = one_line(step.solution)
    return solution if step.subquestion is None else f"{one_line(step.subquestion)}{ASK} {solution}"


def one_line(text: str) -> str:
    """Fold a text into one line.

    Raises:
        NotationError: it holds a mark of the notation.
    """
    text = " ".join(text.split("\n")).strip() if "\n" in text else text.strip()
    for mark in _MARKS:
        if mark in text:
            raise NotationError(f"{mark!r} is a mark of the notation and cannot stand inside a text: {text[:80]!r}")
    return text


def read(text: str) -> Rationale:
    """Read a rationale; `answer` is None where no `####` line came.

    Raises:
        NotationError: a line with two marks, or text after the answer.
    """
    steps: list[Step] = []
    lines = text.strip("\n").split("\n") if text.strip() else []
    for number, line in enumerate(lines, 1):
        if line.startswith(ANSWER):
            if any(rest.strip() for rest in lines[number:]):
                raise NotationError(f"there is text after the answer: {lines[number][:80]!r}")
            return Rationale(steps=tuple(steps), answer=one_line(line[len(ANSWER) :]) or None)
        steps.append(read_step(line))
    return Rationale(steps=tuple(steps), answer=None)


def read_step(line: str) -> Step:
    """Read one line of steps."""
    subquestion, mark, solution = line.partition(ASK)
    if not mark:
        return Step(solution=one_line(line))
    return Step(subquestion=one_line(subquestion), solution=one_line(solution))


def tidy(text: str) -> str:
    """Turn the free prose of a large model into the notation, as far as it can be done without guessing.

    Takes off Markdown's bold, bullets, numbers, blank lines, what stands around a `####` line, and turns a closing "the answer is X" into `#### X`.
    """
    lines = [_BULLET.sub("", _BOLD.sub(r"\1", line).strip()) for line in text.strip().splitlines()]
    lines = [line for line in lines if line]
    for at, line in enumerate(lines):
        if line.startswith(ANSWER):
            return "\n".join([*lines[:at], _bare(line)])
    return "\n".join(_conclude(lines))


def _conclude(lines: list[str]) -> list[str]:
    found = _CONCLUSION.search(lines[-1]) if lines else None
    if found is None:
        return lines
    before = lines[-1][: found.start()]
    # What stands before "the answer is" on its line is a step of its own, unless it only leads to it.
    step = re.sub(r"(?:^|[\s,.;])(?:so|thus|hence|therefore|and)?[\s,]*$", "", before, flags=re.IGNORECASE).strip()
    return [*lines[:-1], *([step] if step else []), _bare(f"{ANSWER} {found['answer']}")]


def _bare(line: str) -> str:
    """Return an answer line without what large models put around answers: \\boxed{}, dollars for mathematics, a full stop."""
    answer = line[len(ANSWER) :].strip()
    answer = re.sub(r"\\boxed\{(.*)\}", r"\1", answer)
    return f"{ANSWER} {answer.rstrip('.').strip()}"


def equations(step: Step) -> tuple[Equation, ...]:
    """Return the calculations marked in a step, in their order."""
    return tuple(Equation(left.strip(), right.strip()) for left, right in _EQUATION.findall(step.solution))
