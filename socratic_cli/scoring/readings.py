"""How the answer of a solution is read and judged, the same for every author.

Without a reading, what a record gives as its answer is compared by `answers.same_answer`: 1,200 = 1200.0. A reading
looks for the answer elsewhere, so that outputs can be scored by the rule of those who released them:

    same-answer    the answer, or the whole output of another tool, compared as above
    exact          the same, equal to the gold answer letter by letter
    first-number   the first number that was written
    last-number    the last one
    marked         what follows the last `####`

Beside the state two other readers are told of. The strict one wants the answer as written to be the gold answer as
written. The lenient one takes the same answers as right as everybody does and, where no answer was given, the last
number that was written, if the gold answer is a number: the output was right but for its form, or was cut.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from socratic_cli.answers import kind_of, same_answer
from socratic_cli.errors import InputError
from socratic_cli.notation import ANSWER
from socratic_cli.records import Reason, Solution
from socratic_cli.scoring.evaluation import Outcome
from socratic_cli.settings import Reading

# A minus sign belongs to the number unless something stands before it that it could be subtracted from.
_NUMBER = re.compile(r"(?:(?<![\w)%])[-\u2212])?[$€£¥]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|(?<![\d])\.\d+")


def judge(solution: Solution, reading: Reading | None = None) -> Outcome:
    """Judge a solution by its problem's gold answer; what the record says of itself is not believed.

    Raises:
        InputError: the problem has no gold answer.
    """
    gold = solution.problem.answer
    if gold is None:
        raise InputError(
            f"problem {solution.problem.id} has no gold answer to score against: another tool's outputs find theirs"
            " with --answer-field or --problems"
        )
    answer = read_answer(solution, reading)
    right = answer is not None and _same(answer, gold, reading)
    return Outcome(
        problem=solution.problem.id,
        state="unanswered" if answer is None else "correct" if right else "wrong",
        reason=_reason(solution) if answer is None else None,
        answer=answer,
        strict=answer is not None and answer.strip() == gold.strip(),
        lenient=right or _found_leniently(solution, answer, gold),
        leaked=solution.leaked,
        claimed=solution.correct,
        solution=solution,
    )


def read_answer(solution: Solution, reading: Reading | None = None) -> str | None:
    """Return the answer of a solution as a reading finds it, or None."""
    if reading is None or reading not in _READERS:
        return (solution.answer or "").strip() or None
    return _READERS[reading](output_of(solution))


def output_of(solution: Solution) -> str:
    """Return all that the author wrote: its replies, or its steps and answer where no replies were kept."""
    if solution.trace:
        return "\n".join(exchange.reply for exchange in solution.trace)
    return "\n".join([*(step.solution for step in solution.steps), solution.answer or ""])


def first_number(text: str) -> str | None:
    """Return the first number of a text.

    >>> first_number("It is $1,200.50, not 7")
    '$1,200.50'
    """
    found = _NUMBER.search(text)
    return found[0] if found else None


def last_number(text: str) -> str | None:
    """Return the last number of a text.

    >>> last_number("10-7 = 3 eggs.")
    '3'
    """
    found = [number[0] for number in _NUMBER.finditer(text)]
    return found[-1] if found else None


def marked(text: str) -> str | None:
    """Return what follows the last `####` on its line.

    >>> marked("3*2 = 6\\n#### 6\\n")
    '6'
    """
    _, mark, after = text.rpartition(ANSWER)
    return (after.strip().partition("\n")[0].strip() or None) if mark else None


_READERS: dict[Reading, Callable[[str], str | None]] = {
    "first-number": first_number,
    "last-number": last_number,
    "marked": marked,
}


def _same(answer: str, gold: str, reading: Reading | None) -> bool:
    return answer.strip() == gold.strip() if reading == "exact" else same_answer(answer, gold)


def _reason(solution: Solution) -> Reason:
    return solution.unanswered or "unreadable"


def _found_leniently(solution: Solution, answer: str | None, gold: str) -> bool:
    if answer is not None:
        return same_answer(answer, gold)
    return kind_of(gold) == "number" and same_answer(last_number(output_of(solution)), gold)
