"""What a model that was not trained is shown: an instruction, solved exemplars and, to annotate, gold hints."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path

from socratic_cli import jsonl
from socratic_cli.dialogue import Turn
from socratic_cli.errors import InputError, UsageError, did_you_mean
from socratic_cli.notation import write_step
from socratic_cli.parts import Hint
from socratic_cli.records import Example, Problem, Rationale, Solution

BUILT_IN = ("gsm8k", "svamp", "strategyqa")
TEACHER = "teacher"


def question(problem: Problem, *lines: str, ask: str) -> str:
    """Return a prompt: the question, lines of what else is known, and a line that says what is due."""
    return "\n".join([f"Question: {problem.question.strip()}", *lines, f"{ask}:\n"])


def ask_teacher(problem: Problem, instruction: str, show: tuple[Hint, ...], shots: tuple[Example, ...]) -> Turn:
    """Return the one turn in which a model that was not trained writes a whole rationale."""
    prompt = question(problem, *(_hint(problem, hint) for hint in show), ask="Answer")
    return Turn(TEACHER, prompt, problem, instruction=_instruct(instruction, show), shots=shots)


def shots(name: str, count: int, show: tuple[Hint, ...], write: Callable[[Rationale], str]) -> tuple[Example, ...]:
    """Return exemplars as the teacher's own earlier replies, with hints of the same kind as the problem will have."""
    if not count:
        return ()
    return tuple(
        Example(
            role=TEACHER,
            prompt=ask_teacher(_with_gold(exemplar), "", show, ()).prompt,
            completion=write(exemplar.rationale),
        )
        for exemplar in exemplars(name)[:count]
    )


@cache
def exemplars(name: str) -> tuple[Solution, ...]:
    """Return the exemplars of a built-in set, or of a file of solutions.

    Raises:
        UsageError: there is no such set or file.
        InputError: a line of the file is no solution.
    """
    if name in BUILT_IN:
        path = Path(str(files("socratic_cli.schemes") / "exemplars" / f"{name}.jsonl"))
    else:
        path = Path(name)
        if not path.is_file():
            known = ", ".join(BUILT_IN)
            raise UsageError(
                f"no exemplars {name!r}.{did_you_mean(name, BUILT_IN)} Known: {known}, or a file of solutions."
            )
    return tuple(jsonl.read(path, jsonl.record(Solution)))


def _with_gold(exemplar: Solution) -> Problem:
    return exemplar.problem.model_copy(update={"steps": exemplar.steps, "answer": exemplar.answer})


def _instruct(instruction: str, show: tuple[Hint, ...]) -> str:
    if not show:
        return instruction
    given = ", ".join(show)
    return f"{instruction}\nA reference ({given}) is given: your reasoning must agree with it, and never mention it."


def _hint(problem: Problem, hint: Hint) -> str:
    """Return one line, or a line an item, of gold knowledge."""
    if hint == "answer" and problem.answer is not None:
        return f"Reference answer: {problem.answer}"
    if hint == "steps" and problem.steps:
        solutions = (step.model_copy(update={"subquestion": None}) for step in problem.steps)
        return "\n".join(["Reference steps:", *(write_step(step) for step in solutions)])
    if hint == "facts" and problem.facts:
        return "\n".join(["Reference facts:", *problem.facts])
    raise InputError(f"problem {problem.id} has no gold {hint} to show to the teacher (option show={hint})")
