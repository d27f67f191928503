"""Least-to-most reasoning: a problem becomes smaller ones, from the least to the last (Zhou et al., 2022).

A decomposer writes all subproblems. Each is then a problem of its own, played in another scheme, whose question tells
the answers before it; [ ] is what a role says, here with `solving=cot`:

    Question: Ann has 3 hens ... What does she earn?     Question: Ann has 3 hens ... What does she earn?
    Subquestions:                                        How many eggs ...? 21
    [How many eggs ...?                                  What does she earn?
    What does she earn?]                                 Answer:
                                                         [She earns 21*2 = <<21*2=42>>42.
                                                         #### 42]

The answer of the last subproblem is that of the whole. A teacher writes subquestions with their solutions in one
chain, as for `socratic`, so that one annotation serves both.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import Field, field_validator

from socratic_cli import plugins
from socratic_cli.dialogue import Dialogue, Turn, Unanswered
from socratic_cli.notation import NotationError, equations, one_line
from socratic_cli.parts import Scheme, Verification
from socratic_cli.records import Problem, Rationale, Step
from socratic_cli.schemes.plain import BREAK_DOWN, SocraticUnified
from socratic_cli.schemes.prompting import coached, heard, question
from socratic_cli.schemes.socratic import DECOMPOSER

_NAME = "least-to-most"


class LeastToMost(Scheme):
    """Subproblems, each solved in another scheme with the answers before it (least-to-most)."""

    solving: str = Field("cot", description="The scheme that every subproblem is solved in.")
    decompose_first: bool = Field(
        False, description="The teacher first writes all subquestions, and in a second call their solutions."
    )
    max_steps: int = Field(16, gt=0, description="More subproblems than this leave a problem unanswered.")

    @field_validator("solving")
    @classmethod
    def _solves(cls, solving: str) -> str:
        if plugins.parse(solving)["name"] == _NAME or isinstance(plugins.load(Scheme, solving), Verification):
            raise ValueError(f"{solving} solves no subproblem: name cot, answer, socratic-unified or another scheme")
        return solving

    @property
    def annotator(self) -> Scheme:
        """The unified scheme: a teacher writes the whole chain."""
        return plugins.load(
            Scheme,
            "socratic-unified",
            **{name: getattr(self, name) for name in SocraticUnified.model_fields},
        )

    def annotate(self, problem: Problem) -> Dialogue:
        """Ask the teacher for the whole chain."""
        return self.annotator.annotate(problem)

    def solve(self, problem: Problem) -> Dialogue:
        """Ask for all subproblems, then solve one after another."""
        reply = yield Turn(DECOMPOSER, question(problem, ask="Subquestions"), problem)
        subproblems = _lines(reply.text)
        if not subproblems:
            raise Unanswered("no-subquestions", "the decomposer asked nothing")
        if len(subproblems) > self.max_steps:
            raise Unanswered("too-many-steps", f"the decomposer asked more than {self.max_steps} subquestions")
        steps: list[Step] = []
        known: list[str] = []
        for asked in subproblems:
            found = yield from self._inner.solve(_subproblem(problem, known, asked))
            steps.append(Step(subquestion=asked, solution=_told(found)))
            known.append(f"{asked} {found.answer}")
        return Rationale(steps=tuple(steps), answer=found.answer)

    def replies(self, rationale: Rationale) -> Iterator[str]:
        """Yield the subquestions, then for each what the inner scheme says of its step.

        Raises:
            NotationError: a step has no subquestion, or there is no answer.
        """
        rationale = SocraticUnified().form(rationale)
        yield "\n".join(one_line(step.subquestion or "") for step in rationale.steps)
        for at, step in enumerate(rationale.steps, 1):
            answer = rationale.answer if at == len(rationale.steps) else _result(step)
            yield from self._inner.replies(Rationale(steps=(step,), answer=answer))

    def coached(self, turn: Turn) -> Turn:
        """Tell a model that was not trained to break the problem down, or what the inner scheme tells it."""
        return coached(turn, self, BREAK_DOWN) if turn.role == DECOMPOSER else self._inner.coached(turn)

    def heard(self, turn: Turn, text: str) -> str:
        """Take what was asked for out of the words around it."""
        return heard(turn, text) if turn.role == DECOMPOSER else self._inner.heard(turn, text)

    @property
    def _inner(self) -> Scheme:
        return plugins.load(Scheme, self.solving, exemplars=self.exemplars, shots=self.shots)


def _lines(text: str) -> list[str]:
    try:
        return [one_line(line) for line in text.splitlines() if line.strip()]
    except NotationError as fault:
        raise Unanswered("unreadable", str(fault)) from fault


def _subproblem(problem: Problem, known: list[str], asked: str) -> Problem:
    told = "\n".join([problem.question.strip(), *known, asked])
    return problem.model_copy(update={"question": told})


def _told(found: Rationale) -> str:
    """Return the solution of a subproblem as that of one step: all its steps, or without any its answer."""
    return " ".join(step.solution for step in found.steps) or found.answer or ""


def _result(step: Step) -> str:
    """Return what a step comes to: the result of its last calculation, or where there is none all it says."""
    calculated = equations(step)
    try:
        return calculated[-1].right if calculated else one_line(step.solution)
    except NotationError as fault:
        raise NotationError(f"a step cannot be a subproblem: {fault}") from fault
