"""A teacher that knows the data set's own steps and subquestions: free, offline, always right.

It gives the paper's arms of gold supervision: `cot` on gold steps, and on GSM8K's socratic files the free stand-in
for a teacher that was shown the gold steps (Soc_GT).
"""

from __future__ import annotations

from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import TeacherError
from socratic_cli.notation import NotationError, write
from socratic_cli.parts import Teacher


class Gold(Teacher):
    """Replies with everything the problem's record holds; the scheme takes what it needs of it."""

    async def reply(self, turn: Turn) -> Reply:
        """Reply with the gold rationale.

        Raises:
            TeacherError: the problem has no gold answer, or its steps cannot be written.
        """
        try:
            return Reply(write(turn.problem.rationale))
        except NotationError as fault:
            raise TeacherError(f"problem {turn.problem.id} has no gold rationale: {fault}") from fault
