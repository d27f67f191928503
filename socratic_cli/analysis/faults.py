"""The first wrong step of a solution, and what is wrong with it.

Steps are compared with the gold steps by what they calculate, not by their places. In this order:

- A right answer: nothing is wrong, whatever the way to it. No answer: `unanswered`.
- A step is *sound* if its calculations hold and come to a gold result, or to a value that lies on some way to one
  (the same sums and products in another order, or a step at a time), or if a later sound step uses its result. Where
  it answers a gold subquestion, only that one's result will do, or a value on some way.
- Everything before the last gold result is reached is taken as sound, unless a wrong number led to it. If steps
  follow and the answer is one of their results: `asked-too-much`. Otherwise the answer is not what was found:
  `wrong-answer-after-right-steps`.
- The first step that is not sound is the wrong one, unless nothing uses its result and later steps go on soundly:
  - `arithmetic-slip`: its operation is sound and its result is wrong;
  - `wrong-operation`: all the numbers of a gold step that is due, with other operators or in another order; or a
    gold subquestion is answered without any calculation, and its result is never reached; or with one, where there
    is none to be done;
  - `wrong-quantity`: the operators of a due gold step, and some of its numbers but not all; or a number from nowhere;
  - `bad-subquestion`: none of these, or its subquestion is not about the problem, or is unlike that of the gold step
    whose numbers it shares: what was asked is not what has to be known; or it is a gold one that rests on others
    which were neither reached nor asked;
  - `off-the-way`: the same, where the scheme asks no subquestions.
  A subquestion that is nearly a gold one word by word is not bad: only its calculation is judged.
- All steps are sound and the last gold result is not reached: `stopped-early`.

Problems without gold calculations, and solutions without steps, are `not-judged`.
"""

from __future__ import annotations

from socratic_cli.analysis.gold import gold
from socratic_cli.analysis.groups import is_correct
from socratic_cli.analysis.kinds import Mark, Verdict
from socratic_cli.analysis.operations import told
from socratic_cli.analysis.walking import Walk
from socratic_cli.records import Problem, Rationale, Solution


def judge(solution: Solution) -> Verdict:
    """Find the first wrong step of a solution."""
    if is_correct(solution):
        marks: tuple[Mark, ...] = tuple("sound" for _ in solution.steps)
        return Verdict("none", marks=marks)
    if solution.answer is None:
        return Verdict("unanswered", detail=solution.unanswered or "")
    return walk(solution.rationale, solution.problem)


def walk(rationale: Rationale, problem: Problem) -> Verdict:
    """Find the first wrong step of a rationale whose answer is wrong."""
    measure = gold(problem)
    if not measure.steps or not rationale.steps:
        return Verdict("not-judged", detail="no steps" if measure.steps else "no gold calculations")
    return Walk(measure, rationale, told(problem.question)).verdict()
