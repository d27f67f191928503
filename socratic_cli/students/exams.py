"""What each role is measured by while it learns."""

from __future__ import annotations

from transformers import PreTrainedModel

from socratic_cli.backends import JOINT
from socratic_cli.parts import HeldOut
from socratic_cli.settings import Decoding, Training
from socratic_cli.students.choosing import Exam
from socratic_cli.students.engine import Engine
from socratic_cli.students.fitting import fitting, together
from socratic_cli.students.generation import Voice
from socratic_cli.students.scheduler import Scheduler
from socratic_cli.students.tokens import Sequence, Tokens


class Exams:
    """Makes an exam of held-out problems for every role."""

    def __init__(self, held_out: HeldOut | None, tokens: Tokens, limit: int, training: Training) -> None:
        """Measure by sequences of at most `limit` tokens."""
        self._held_out, self._tokens, self._limit, self._training = held_out, tokens, limit, training

    def of(self, role: str, model: PreTrainedModel) -> Exam | None:
        """Return the exam of a role, or None where nothing is held out.

        The role that writes the answer can be measured by the problems it solves when the gold rationale plays the
        others; a decomposer or a planner is measured by its loss, for gold replies after it would hide its faults.

        Raises:
            StudentError: every held-out sequence is too long.
        """
        held = self._held_out
        if held is None:
            return None
        played = {passage.role for passage in held.passages} if role == JOINT else {role}
        sequences = self._sequences(held, played)
        if self._training.choose_by == "loss" or held.answers not in played:
            return Exam(sequences)
        return Exam(sequences, lambda: self._solved(held, played, model))

    def _sequences(self, held: HeldOut, roles: set[str]) -> list[Sequence]:
        fits = [
            fitting(role, [passage for passage in held.passages if passage.role == role], self._tokens, self._limit)
            for role in sorted(roles)
        ]
        return together(fits, self._training.role_weights).sequences

    def _solved(self, held: HeldOut, played: set[str], model: PreTrainedModel) -> float:
        voice = Voice(model, self._tokens)
        engine = Engine(lambda _: voice, Scheduler, Decoding())
        try:
            return held.accuracy(engine, played)
        finally:
            engine.close()
