"""Iterative Socratic reasoning: a decomposer asks, a solver answers, in turns (Shridhar et al., 2022).

Both work on one growing text, in the notation of rationales; [ ] is what a role says:

    ask=next      Question: ...                      ask=all      Question: ...
                  Answer:                                         Subquestions:
       decomposer [How many ...? **]                 decomposer   [How many ...?
       solver      [ She sells ... <<16-3=13>>13]                 How much ...?]
       decomposer [How much ...? **]
       solver      [ She earns ... <<13*2=26>>26]    solver       as in ask=next
       decomposer [####]
       solver      [ 26]

so the solver's last prompt with its reply is, letter by letter, the unified chain. With guidance a planner first
writes a plan of the solution, which the decomposer sees and the solver does not.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import Literal

from pydantic import Field

from socratic_cli.dialogue import Dialogue, Reply, Turn, Unanswered
from socratic_cli.notation import ANSWER, ASK, NotationError, one_line
from socratic_cli.parts import Scheme
from socratic_cli.records import Problem, Rationale, Step, fingerprint
from socratic_cli.schemes.guidance import Guidance, plan
from socratic_cli.schemes.plain import BREAK_DOWN, SOLVER, SocraticUnified
from socratic_cli.schemes.prompting import coached, heard, question

PLANNER, DECOMPOSER = "planner", "decomposer"
_PLAN = {
    "none": "Write nothing.",
    "count": "Say in how many steps the problem is solved: a number, and nothing else.",
    "operators": "Write the operators (+ - * /) of each step that solves the problem, in one line, with ; between steps"
    " and none for a step without a calculation. Solve nothing.",
    "equations": "Write the calculation of each step that solves the problem without its result, in one line, with ;"
    " between steps and none for a step without a calculation.",
}
_ASK_NEXT = (
    "Subquestions lead to the answer of the problem, and others solve them. Write the next subquestion alone, in one"
    f" line that ends with{ASK} . Solve nothing. Where the last solution is the answer of the problem, write {ANSWER}"
    " alone."
)
_SOLVE = (
    "The problem is broken down into subquestions. Write the solution of the last one alone, in one short sentence;"
    " what comes before it is solved already. Mark each calculation as in <<48/2=24>>24. Ask nothing, and solve"
    " no other subquestion."
)
_CONCLUDE = "All subquestions of the problem are solved. Write its final answer alone, without a word around it."


class Socratic(Scheme):
    """Subquestions by a decomposer, each answered by a solver (the paper's iterative strategy)."""

    ask: Literal["all", "next"] = Field(
        "all", description="The decomposer asks all subquestions at once, or the next one after each solution."
    )
    guidance: Guidance = Field("none", description="What a planner tells the decomposer.")
    decompose_first: bool = Field(
        False, description="The teacher first writes all subquestions, and in a second call their solutions."
    )
    max_steps: int = Field(16, gt=0, description="More subquestions than this leave a problem unanswered.")
    repeats: Literal["keep", "end"] = Field(
        "keep", description="A subquestion that was asked before is asked again, or ends the asking: all is asked."
    )

    @property
    def annotator(self) -> Scheme:
        """The unified scheme: a teacher writes the whole chain."""
        unified = SocraticUnified(**{name: getattr(self, name) for name in SocraticUnified.model_fields})
        unified._name = "socratic-unified"
        return unified

    def annotate(self, problem: Problem) -> Dialogue:
        """Ask the teacher for the whole chain."""
        return self.annotator.annotate(problem)

    def solve(self, problem: Problem) -> Dialogue:
        """Plan, then ask and answer in turns."""
        hints = yield from self._planned(problem)
        agenda = (yield from self._agenda(problem, hints)) if self.ask == "all" else None
        if agenda is not None and len(agenda) > self.max_steps:
            raise _too_many(self.max_steps)  # known now, and not after so many solutions
        steps: list[Step] = []
        written = ""
        while (subquestion := (yield from _next_subquestion(problem, hints, written, agenda))) is not None:
            if self.repeats == "end" and _is_repeated(subquestion, (step.subquestion or "" for step in steps)):
                break
            if len(steps) == self.max_steps:
                raise _too_many(self.max_steps)
            prompt = f"{written}{subquestion}{ASK}"
            solution = _line((yield _solver_turn(problem, prompt, stop=("\n",))))
            steps.append(Step(subquestion=subquestion, solution=solution))
            written = f"{prompt} {solution}\n"
        if not steps:
            raise Unanswered("no-subquestions", "the decomposer asked nothing")
        answer = _line((yield _solver_turn(problem, f"{written}{ANSWER}")))
        return Rationale(steps=tuple(steps), answer=answer or None)

    def coached(self, turn: Turn) -> Turn:
        """Tell a model that was not trained what its role is, and show it the role's part in solved exemplars."""
        return coached(turn, self, self._instruction(turn))

    def _instruction(self, turn: Turn) -> str:
        if turn.role == PLANNER:
            return _PLAN[self.guidance]
        if turn.role == DECOMPOSER:
            return _ASK_NEXT if turn.stop else BREAK_DOWN
        return _SOLVE if turn.stop else _CONCLUDE

    def heard(self, turn: Turn, text: str) -> str:
        """Take a plan as it is written, and an answer out of the sentence around it."""
        if turn.role == PLANNER:
            return text.strip().removeprefix("Plan:").strip().partition("\n")[0]
        said = heard(turn, text)
        if turn.role == SOLVER and not turn.stop and ANSWER in said:
            return said.rpartition(ANSWER)[2].strip()
        return said

    def replies(self, rationale: Rationale) -> Iterator[str]:
        """Yield the plan, the subquestions, the solutions and the answer in the order in which they are asked for."""
        rationale = SocraticUnified().form(rationale)
        if self.guidance != "none":
            yield f" {plan(rationale, self.guidance)}"
        if self.ask == "all":
            yield "\n".join(one_line(step.subquestion or "") for step in rationale.steps)
        for step in rationale.steps:
            if self.ask == "next":
                yield f"{one_line(step.subquestion or '')}{ASK}"
            yield f" {one_line(step.solution)}\n"
        if self.ask == "next":
            yield ANSWER
        if rationale.answer is None:
            raise NotationError("a rationale without an answer cannot be written")
        yield f" {one_line(rationale.answer)}"

    def _planned(self, problem: Problem) -> Generator[Turn, Reply, tuple[str, ...]]:
        """Return the lines that guide the decomposer."""
        if self.guidance == "none":
            return ()
        reply = yield Turn(PLANNER, question(problem, ask="Plan").rstrip("\n"), problem)
        return (f"Plan: {_line(reply)}",)

    def _agenda(self, problem: Problem, hints: tuple[str, ...]) -> Generator[Turn, Reply, list[str]]:
        """Return all subquestions of the decomposer; where a repeated one ends them, even of one that never ends."""
        try:
            reply = yield Turn(DECOMPOSER, question(problem, *hints, ask="Subquestions"), problem)
        except Unanswered as why:
            asked = _until_repeated(why.written.split("\n"))
            if self.repeats == "keep" or asked is None:
                raise
            return asked
        lines = [line for line in (_line(Reply(line)) for line in reply.text.split("\n")) if line]
        return (_until_repeated(lines) or lines) if self.repeats == "end" else lines


def _until_repeated(lines: Sequence[str]) -> list[str] | None:
    """Return the lines before the first that stands there already, or None where none does."""
    asked: list[str] = []
    for line in (_line(Reply(line)) for line in lines):
        if _is_repeated(line, asked):
            return asked
        asked += [line] if line else []
    return None


def _is_repeated(subquestion: str, asked: Iterable[str]) -> bool:
    """Say whether a subquestion was asked already, but for case and punctuation."""
    return bool(subquestion) and fingerprint(subquestion) in map(fingerprint, asked)


def _too_many(limit: int) -> Unanswered:
    return Unanswered("too-many-steps", f"the decomposer asked more than {limit} subquestions")


def _next_subquestion(
    problem: Problem, hints: tuple[str, ...], written: str, agenda: list[str] | None
) -> Generator[Turn, Reply, str | None]:
    """Return the next subquestion, from the agenda or else from the decomposer, or None when all is asked."""
    if agenda is not None:
        return agenda.pop(0) if agenda else None
    prompt = question(problem, *hints, ask="Answer") + written
    reply = yield Turn(DECOMPOSER, prompt, problem, stop=(ASK, ANSWER))
    if reply.text.strip() == ANSWER:
        return None
    if not reply.text.endswith(ASK):
        raise Unanswered("unreadable", f"the decomposer neither asked nor ended: {reply.text[:80]!r}")
    return _line(Reply(reply.text.removesuffix(ASK)))


def _solver_turn(problem: Problem, written: str, stop: tuple[str, ...] = ()) -> Turn:
    return Turn(SOLVER, question(problem, ask="Answer") + written, problem, stop=stop)


def _line(reply: Reply) -> str:
    try:
        return one_line(reply.text)
    except NotationError as fault:
        raise Unanswered("unreadable", str(fault)) from fault
