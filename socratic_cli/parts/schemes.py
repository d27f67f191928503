"""A scheme: a way to write reasoning down, as dialogues; and a verification, which reads what is written."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from typing import ClassVar, Literal

from pydantic import Field

from socratic_cli.dialogue import Dialogue, Passage, RehearsalError, Turn, Weighing, rehearse
from socratic_cli.errors import UsageError, did_you_mean
from socratic_cli.parts.part import Part
from socratic_cli.records import Example, Problem, Rationale, Solution, Step

Hint = Literal["answer", "steps", "facts"]

_STEPS = (
    Step(subquestion="How much is 2+3?", solution="2+3 = <<2+3=5>>5"),
    Step(subquestion="How much is twice as much?", solution="2*5 = <<2*5=10>>10"),
    Step(subquestion="How much is left of 50?", solution="50-10 = <<50-10=40>>40"),
)
_SMALL = tuple(
    Problem(id="small", question="What comes of 2, 3 and 50?", answer=answer, steps=_STEPS[:count])
    for count, answer in enumerate(("5", "10", "40"), 1)
)
"""Problems that every scheme can rehearse, of one, two and three steps."""


class Scheme(Part, ABC):
    """A way to write reasoning down, as dialogues."""

    exemplars: str = Field(
        "gsm8k",
        description="Solved problems shown to an untrained model: gsm8k, svamp, strategyqa or a file of solutions.",
    )
    shots: int = Field(4, ge=0, description="How many exemplars are shown.")
    show: tuple[Hint, ...] = Field((), description="What a teacher sees of the gold rationale: answer, steps, facts.")
    learns_from_wrong: ClassVar[bool] = False
    """Whether a solution that is known to be wrong teaches anything."""

    @abstractmethod
    def solve(self, problem: Problem) -> Dialogue:
        """Return the dialogue of trained students. It looks at nothing gold.

        Raises (when played):
            Unanswered: a reply that cannot be read.
        """

    @abstractmethod
    def replies(self, rationale: Rationale) -> Iterator[str]:
        """Yield what the students must say in `solve` to write this rationale.

        Raises:
            NotationError: the rationale lacks what the scheme is made of.
        """

    @abstractmethod
    def annotate(self, problem: Problem) -> Dialogue:
        """Return the dialogue of a model that was not trained: a teacher, or any prompted model."""

    def coached(self, turn: Turn) -> Turn:
        """Return a turn of a role as a model that was not trained for the role is asked it: told what to do, and shown.

        Raises:
            UsageError: the scheme does not say how.
        """
        raise UsageError(f"{self.label} does not say how a model that was not trained plays its {turn.role}")

    def heard(self, turn: Turn, text: str) -> str:
        """Return what such a model replied as a student would have said it, as far as that can be done for certain."""
        del turn
        return text

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles of the dialogue, in the order in which they first speak."""
        return tuple(dict.fromkeys(example.role for example in self._rehearsed()))

    def role_faults(self, roles: Iterable[str]) -> Iterator[str]:
        """Yield a sentence for each of these roles that the scheme has not."""
        for role in roles:
            if role not in self.roles:
                near = did_you_mean(role, self.roles)
                yield f"{self.label} has no role {role!r}.{near} It has {', '.join(self.roles)}"

    def agrees(self, other: Scheme) -> bool:
        """Say whether students of both schemes ask one another the same, so that they can be cast together."""
        return self._rehearsed() == other._rehearsed()

    def _rehearsed(self) -> list[Example]:
        examples: list[Example] = []
        for one in _SMALL:
            try:
                examples += rehearse(self.solve(one.blind()), self.replies(one.rationale))
            except RehearsalError:  # a scheme of few steps takes the small ones
                if not examples:
                    raise
        return examples

    @property
    def annotator(self) -> Scheme:
        """The scheme whose annotations this one is trained on, with the options that matter to annotation only."""
        return self

    def examples(self, solution: Solution) -> list[Example]:
        """Return what each role learns from a solution.

        Raises:
            NotationError: the solution lacks what the scheme is made of.
            RehearsalError: the scheme cannot read its own replies.
        """
        return rehearse(self.solve(solution.problem.blind()), self.replies(solution.rationale))

    def chosen(self, passages: list[Passage]) -> list[Passage]:
        """Return what is trained on, of all that was rehearsed: as a rule everything."""
        return passages


class Verification(Scheme):
    """A scheme with a role that reads a written solution and says how likely it is right: a verifier."""

    verifier: ClassVar[str] = "verifier"
    """The name of the role."""
    learns_from_wrong: ClassVar[bool] = True

    @abstractmethod
    def weigh(self, problem: Problem, rationale: Rationale, *, prompted: bool = False) -> Weighing:
        """Return the dialogue with the verifier about a solution; `prompted` is for one that was not trained.

        Raises (when played):
            Unanswered: the solution cannot be written down, or the reply cannot be read.
        """

    @abstractmethod
    def is_right(self, solution: Solution) -> bool:
        """Say what the verifier should find.

        Raises:
            NotationError: nothing is known of it.
        """
