"""A student on disk: its weights, its scheme, and a fingerprint of every question it was trained on.

DIR/student.json      what it is and how it came to be (written last: without it there is no student)
DIR/README.md         the same for people: a model card
DIR/scores.jsonl      what `socratic bench --card` measured
DIR/trained-on.txt    fingerprints of its training questions, one a line
DIR/<role>/           weights (safetensors) and tokenizer, or an adapter, of each role
DIR/metrics.jsonl     loss, learning rate, gradient norm and tokens of every step
DIR/training.png      the same as a curve
DIR/<role>.tracked.json    which run of a tracker shows it, if one does
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from socratic_cli import plugins
from socratic_cli.card import NAME, Card, read_card
from socratic_cli.dialogue import Model
from socratic_cli.errors import StudentError
from socratic_cli.parts import Scheme, Student
from socratic_cli.records import Problem, Solution, fingerprint
from socratic_cli.settings import Decoding
from socratic_cli.stages.solve import solve

TRAINED_ON = "trained-on.txt"


@dataclass
class TrainedStudent:
    """A student that was trained and saved, ready to be asked.

    >>> TrainedStudent.load("s").solve("Ann has 3 hens ...").answer         # doctest: +SKIP
    '12'
    """

    folder: Path
    card: Card
    scheme: Scheme
    student: Student
    trained_on: frozenset[str]
    decoding: Decoding = field(default_factory=Decoding)
    _open: ExitStack = field(default_factory=ExitStack, repr=False)
    _loaded: Model | None = field(default=None, repr=False)

    @classmethod
    def load(cls, folder: str | Path, decoding: Decoding | None = None, **options: Any) -> Self:
        """Load what is known of the student in `folder`; its weights are loaded when it is first asked.

        Args:
            folder: where `socratic train` put it.
            decoding: how it writes; greedily unless told.
            options: options of the student to change, such as load_in_8bit=True.

        Raises:
            StudentError: there is no student, or one of another format version, or a part of it is missing.
            UsageError: the student has no such option, or no such backend.
        """
        folder, decoding = Path(folder), decoding or Decoding()
        card = read_card(folder)
        student = plugins.load(Student, card.student, **options)
        student.require_backend(decoding)
        return cls(
            folder=folder,
            card=card,
            scheme=plugins.load(Scheme, card.scheme),
            student=student,
            trained_on=_trained_on(folder / TRAINED_ON),
            decoding=decoding,
        )

    def saw(self, question: str) -> bool:
        """Say whether the student was trained on this question."""
        return fingerprint(question) in self.trained_on

    def solve(self, question: str | Problem) -> Solution:
        """Solve one problem. The weights stay loaded until `close`.

        Raises:
            StudentError: the weights cannot be loaded.
        """
        return self.solve_all([question])[0]

    def solve_all(self, questions: Iterable[str | Problem]) -> list[Solution]:
        """Solve problems together, in batches; solutions come in the order of the questions."""
        problems = [Problem(id=str(at), question=q) if isinstance(q, str) else q for at, q in enumerate(questions)]
        if self._loaded is None:
            self._loaded = self._open.enter_context(self.model())
        model = self._loaded

        async def all_() -> list[Solution]:
            return [
                s
                async for s in solve(
                    problems, self.scheme, model, str(self.folder), samples=self.decoding.samples, seen=self.saw
                )
            ]

        solved = {solution.problem.id: solution for solution in asyncio.run(all_())}
        return [solved[problem.id] for problem in problems]

    @contextmanager
    def model(self) -> Iterator[Model]:
        """Load the weights."""
        with self.student.model(self.folder, self.decoding) as model:
            yield model

    def close(self) -> None:
        """Give the memory of the weights back."""
        self._loaded = None
        self._open.close()


def _trained_on(path: Path) -> frozenset[str]:
    try:
        return frozenset(path.read_text(encoding="utf-8").split())
    except (OSError, UnicodeDecodeError) as fault:
        why = fault.strerror if isinstance(fault, OSError) else "it is no text"
        raise StudentError(
            f"{path} cannot be read ({why}): without the fingerprints of what the student was trained on no leak would"
            " be seen. Copy the whole folder of the student"
        ) from fault


def is_student(folder: str | Path) -> bool:
    """Say whether there is a saved student in a folder."""
    return (Path(folder) / NAME).is_file()
