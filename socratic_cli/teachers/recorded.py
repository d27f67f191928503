"""A teacher whose replies were written before, by whomever: rationales that were released, or that another tool wrote.

    recorded:rationales.jsonl
    recorded:rationales.json question_field=input reply_field=chain answer_field=answer

They are annotated like any reply: read, checked against the gold answer, rejected with a reason. Only problems that
are annotated are looked up, so what a file holds on test problems stays in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from socratic_cli import fields, jsonl
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import InputError, TeacherError
from socratic_cli.jsonl import Line
from socratic_cli.notation import ANSWER
from socratic_cli.parts import Teacher
from socratic_cli.records import Usage, fingerprint


class Recorded(Teacher):
    """Replies from a file, found by their question; several to one question are its samples."""

    main_option: ClassVar[str | None] = "file"

    file: Path = Field(description="JSONL, or a .json file in which the objects are nested anyhow.")
    question_field: str = Field("question", description="The field that holds the question.")
    reply_field: str = Field("reply", description="The field that holds what was written.")
    answer_field: str | None = Field(
        None, description="The field that holds the final answer, where what was written does not tell it in the end."
    )

    async def reply(self, turn: Turn) -> Reply:
        """Reply with what is recorded for the problem's question and the number of the sample.

        Raises:
            TeacherError: so many replies are not recorded.
            InputError: the file cannot be read.
        """
        recorded = self._replies.get(fingerprint(turn.problem.question), [])
        if turn.sample >= len(recorded):
            count = f"{len(recorded)} repl{'y' if len(recorded) == 1 else 'ies'}" if recorded else "no reply"
            raise TeacherError(f"{self.file} holds {count} to problem {turn.problem.id}")
        text = recorded[turn.sample]
        return Reply(text, usage=Usage(completion_tokens=self.count(text)))

    @cached_property
    def _replies(self) -> Mapping[str, list[str]]:
        """The replies by the fingerprint of their question, in the order of the file."""
        replies: dict[str, list[str]] = defaultdict(list)
        for question, text in self._lines():
            replies[fingerprint(question)].append(text)
        return replies

    def _lines(self) -> Iterator[tuple[str, str]]:
        if self.file.suffix == ".json":
            return map(self._read, jsonl.objects(self.file, self.reply_field))
        return jsonl.read(self.file, self._read)

    def _read(self, line: Line) -> tuple[str, str]:
        question, text = fields.text(line, self.question_field), fields.text(line, self.reply_field)
        return question, f"{text}\n{ANSWER} {self._answer(line)}" if self.answer_field else text

    def _answer(self, line: Line) -> str:
        answer = fields.answer(line.value.get(self.answer_field or ""), line.where)
        if answer is None:
            raise InputError(
                f"{line.where}: there is no answer in {self.answer_field!r}. Fields: {', '.join(line.value)}"
            )
        return answer
