"""Schemes of one turn: the answer alone, a chain of thought, and the unified Socratic chain."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import replace
from typing import ClassVar

from pydantic import Field

from socratic_cli.dialogue import Dialogue, Turn, Unanswered
from socratic_cli.notation import NotationError, one_line, read, tidy, write
from socratic_cli.parts import Scheme
from socratic_cli.prompts import SUBQUESTIONS, fenced
from socratic_cli.records import Problem, Rationale, Step
from socratic_cli.schemes.prompting import Request, coached, heard, question

SOLVER = "solver"
_TAKE_GIVEN = f"Take the subquestions that are given in <{SUBQUESTIONS}>, in their order."
BREAK_DOWN = (
    "Break the problem down into the subquestions whose solutions lead to its answer, in their order, one a line."
    " The last one asks for the answer. Solve nothing."
)
_LAST_LINE = 'End with a line "#### " and the final answer alone.'


class OneTurn(Scheme):
    """A scheme whose rationale is written in one reply."""

    instruction: ClassVar[str]

    @abstractmethod
    def form(self, rationale: Rationale) -> Rationale:
        """Return the rationale in the form of the scheme.

        Raises:
            NotationError: it lacks what the scheme is made of.
        """

    def solve(self, problem: Problem) -> Dialogue:
        """Ask the solver for everything."""
        reply = yield Turn(SOLVER, question(problem, ask="Answer"), problem)
        return _read(reply.text)

    def replies(self, rationale: Rationale) -> Iterator[str]:
        """Yield the rationale as written."""
        yield write(self.form(rationale))

    def annotate(self, problem: Problem) -> Dialogue:
        """Ask the teacher for everything, after exemplars in the same form."""
        return (yield from self._asked(self._request(), problem))

    def coached(self, turn: Turn) -> Turn:
        """Tell a model that was not trained what a teacher is told."""
        return coached(turn, self, f"{self.instruction}\n{_LAST_LINE}")

    def heard(self, turn: Turn, text: str) -> str:
        """Take the rationale out of what such a model wrote around it."""
        return heard(turn, text)

    def _request(self) -> Request:
        return Request(f"{self.instruction}\n{_LAST_LINE}", write=lambda gold: write(self.form(gold)))

    def _asked(self, request: Request, problem: Problem, known: Rationale | None = None) -> Dialogue:
        """Ask for a rationale; `known` is what the prompt tells of it."""
        reply = yield request.turn(problem, self, known)
        rationale = _read(tidy(reply.text))
        try:
            return self.form(rationale)
        except NotationError as fault:
            raise Unanswered("unreadable", str(fault)) from fault


def _read(text: str) -> Rationale:
    try:
        rationale = read(text)
        if rationale.answer is None:
            raise NotationError("there is no line with the final answer")
    except NotationError as fault:
        raise Unanswered("unreadable", str(fault)) from fault
    return rationale


class Answer(OneTurn):
    """The final answer without reasoning: the baseline every other scheme must beat."""

    instruction: ClassVar[str] = "Answer the question. Write no reasoning."

    def form(self, rationale: Rationale) -> Rationale:
        """Drop the steps."""
        return Rationale(answer=rationale.answer)


class ChainOfThought(OneTurn):
    """Steps and the answer (chain of thought), the paper's main baseline."""

    instruction: ClassVar[str] = (
        "Solve the problem step by step, one short step a line. Mark each calculation as in <<48/2=24>>24."
    )

    def form(self, rationale: Rationale) -> Rationale:
        """Drop the subquestions; insist on steps."""
        if not rationale.steps:
            raise NotationError("there are no steps")
        return Rationale(steps=tuple(Step(solution=step.solution) for step in rationale.steps), answer=rationale.answer)


class SocraticUnified(OneTurn):
    """Subquestions, each with its solution, written by one student in one go (the paper's unified strategy)."""

    decompose_first: bool = Field(
        False, description="The teacher first writes all subquestions, and in a second call their solutions."
    )
    instruction: ClassVar[str] = (
        "Solve the problem by asking and answering subquestions, one pair a line: the subquestion, then ** , then its"
        " solution in one short sentence. Mark each calculation as in <<48/2=24>>24."
    )

    def form(self, rationale: Rationale) -> Rationale:
        """Insist on subquestions."""
        if not rationale.steps or any(not step.subquestion for step in rationale.steps):
            raise NotationError("a step has no subquestion (`subquestion ** solution`)")
        return rationale

    def annotate(self, problem: Problem) -> Dialogue:
        """Ask the teacher for everything at once, or for the subquestions first."""
        if not self.decompose_first:
            return (yield from super().annotate(problem))
        reply = yield _DECOMPOSITION.turn(problem, self)
        request = self._request()
        answering = replace(request, instruction=f"{request.instruction}\n{_TAKE_GIVEN}", given=_given_subquestions)
        return (yield from self._asked(answering, problem, known=_decomposed(reply.text)))


def _decomposed(text: str) -> Rationale:
    """Return the subquestions of a reply, as steps that are not solved yet."""
    try:
        steps = tuple(Step(subquestion=one_line(line), solution="") for line in tidy(text).splitlines())
    except NotationError as fault:
        raise Unanswered("unreadable", str(fault)) from fault
    if not steps:
        raise Unanswered("unreadable", "the teacher asked no subquestion")
    return Rationale(steps=steps)


def _subquestions(rationale: Rationale) -> str:
    return "\n".join(one_line(step.subquestion or "") for step in rationale.steps)


def _given_subquestions(rationale: Rationale) -> str:
    return fenced(SUBQUESTIONS, _subquestions(rationale))


_DECOMPOSITION = Request(
    BREAK_DOWN,
    write=_subquestions,
    ask="Subquestions",
)
