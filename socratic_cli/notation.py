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
EQUATION = re.compile(r"<<([^<>=]+)=([^<>=]+)>>")
_BOLD = re.compile(r"\*\*(\S(?:[^*\n]*\S)?)\*\*")
_BULLET = re.compile(r"^(?:[-*•]\s+|\(?\d{1,2}[.)]\s+|(?:Step|Q)\s*\d{1,2}\s*[:.)]\s*)+", re.IGNORECASE)
_HEADING = re.compile(r"#+\s*")
_BOXED = re.compile(r"\\boxed\{(.*)\}")
_LEADING = re.compile(r"(?:^|(?<=[.!?])\s*|[\s,;]+)(?:so|thus|hence|therefore|and)?[\s,]*$", re.IGNORECASE)
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
    if not (rationale.answer or "").strip():
        raise NotationError("a rationale without an answer cannot be written")
    lines = [write_step(step) for step in rationale.steps]
    return "\n".join([*lines, f"{ANSWER} {one_line(rationale.answer or '')}"])


def write_step(step: Step) -> str:
    """Write one step as one line."""
    solution = one_line(step.solution)
    if not solution and step.subquestion is None:
        raise NotationError("a step is empty")
    return solution if step.subquestion is None else f"{one_line(step.subquestion)}{ASK} {solution}"


def one_line(text: str) -> str:
    """Fold a text into one line.

    Raises:
        NotationError: it holds a mark of the notation.
    """
    text = " ".join(line.strip() for line in text.splitlines() if line.strip())
    for mark in _MARKS:
        if mark in text:
            raise NotationError(f"{mark!r} is a mark of the notation and cannot stand inside a text: {text[:80]!r}")
    return text


def read(text: str) -> Rationale:
    """Read a rationale; `answer` is None where no `####` line came. Blank lines are passed over.

    Raises:
        NotationError: a line with two marks, or text after the answer.
    """
    steps: list[Step] = []
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if line.startswith(ANSWER):
            if any(rest.strip() for rest in lines[number:]):
                raise NotationError(f"there is text after the answer: {lines[number][:80]!r}")
            return Rationale(steps=tuple(steps), answer=one_line(line[len(ANSWER) :]) or None)
        if line.strip():
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

    Takes off Markdown's bold, headings, bullets, numbers, rules and blank lines, and what stands around a `####` line;
    turns a closing "the answer is X", or a box, into `#### X`.
    """
    lines = plain_lines(text)
    for at, line in enumerate(lines):
        if line.startswith(ANSWER):
            return "\n".join([*lines[:at], line])
    return "\n".join([*lines[:-1], *_concluded(lines[-1])] if lines else [])


def plain_lines(text: str) -> list[str]:
    """Return the lines of a text that say anything, without Markdown's marks."""
    return [line for line in map(_unmarked, text.splitlines()) if re.search(r"\w", line)]


def _unmarked(line: str) -> str:
    """Return a line without Markdown's marks; `####` is kept where it is an answer and no heading."""
    while (less := _without_one(line)) != line:  # one mark may hide another
        line = less
    return line


def _without_one(line: str) -> str:
    line = _BULLET.sub("", _BOLD.sub(r"\1", line).strip(), count=1)
    heading = _HEADING.match(line)
    if heading is None:
        return line
    rest = line[heading.end() :]
    is_answer = line.startswith(ANSWER) and not _BULLET.match(rest) and not rest.endswith(":")
    return _answer_line(rest) if is_answer else rest


def _concluded(line: str) -> list[str]:
    """Return a last line, and the answer that it tells as a line of its own."""
    found, boxed = _CONCLUSION.search(line), _BOXED.search(line)
    if found:
        step, answer = line[: found.start()].strip(), found["answer"]
    elif boxed and boxed[0] == line.strip(".$ "):
        step, answer = "", boxed[1]
    else:
        return [line]
    # What stands before "the answer is" on its line is a step of its own, unless it only leads to it.
    step = line if step.endswith(ASK.strip()) else _unmarked(_LEADING.sub("", step))
    last = _answer_line(answer)
    return [*([step] if re.search(r"\w", step) else []), last] if _is_answer(last) else [line]


def _is_answer(line: str) -> bool:
    return _unmarked(line) == line and re.search(r"\w", line) is not None


def _answer_line(answer: str) -> str:
    """Return an answer as its line, without what large models put around answers: a box, a full stop."""
    while boxed := _BOXED.search(answer):
        answer = answer[: boxed.start()] + boxed[1] + answer[boxed.end() :]
    answer = re.sub(r"\\[()\[\]]", "", answer)
    return f"{ANSWER} {answer.lstrip('# ').rstrip('. ')}"


def equations(step: Step) -> tuple[Equation, ...]:
    """Return the calculations marked in a step, in their order."""
    return tuple(Equation(left.strip(), right.strip()) for left, right in EQUATION.findall(step.solution))
