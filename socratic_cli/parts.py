"""Four kinds of part that a plugin can bring: scheme, teacher, student, dataset. The fifth is in `backends`.

A part's class is the typed model of its own options, so nobody else needs to know them.
"""

from __future__ import annotations

import shlex
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from pydantic import Field, PrivateAttr

from socratic_cli.dialogue import Dialogue, Model, Passage, Reply, Turn, Weighing, rehearse
from socratic_cli.errors import TeacherError, UsageError, did_you_mean
from socratic_cli.records import Example, Problem, Rationale, Solution, Step
from socratic_cli.settings import Decoding, Settings, Training

Hint = Literal["answer", "steps", "facts"]


class Part(Settings):
    """A named thing with options of its own."""

    _name: str = PrivateAttr("")
    main_option: ClassVar[str | None] = None
    """The option that stands after the colon in `name:value`."""

    @property
    def name(self) -> str:
        """The name it was installed under."""
        return self._name

    @property
    def label(self) -> str:
        """Name and every option that was given, as it can be written on the command line."""
        options = self.model_dump(mode="json", exclude_defaults=True)
        main = options.pop(self.main_option, None) if self.main_option else None
        words = [shlex.quote(f"{self.name}:{main}" if main is not None else self.name)]
        return " ".join([*words, *(f"{key}={_word(value)}" for key, value in options.items())])


def _word(value: Any) -> str:
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else shlex.quote(str(value))


_SMALL = Problem(
    id="small",
    question="How much is 2+3, and twice as much?",
    answer="10",
    steps=(
        Step(subquestion="How much is 2+3?", solution="2+3 = <<2+3=5>>5"),
        Step(subquestion="How much is twice as much?", solution="2*5 = <<2*5=10>>10"),
    ),
)
"""A problem that every scheme can rehearse."""


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
        return rehearse(self.solve(_SMALL.blind()), self.replies(_SMALL.rationale))

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


class Price(NamedTuple):
    """US dollars per token."""

    prompt: float
    completion: float


class BatchState(NamedTuple):
    """Where a batch stands; `done` when nothing more will come, and `results` then name what came."""

    done: bool
    finished: int
    total: int
    results: tuple[str, ...] = ()
    fault: str = ""


class Batches(ABC):
    """A service that replies to many requests within a day, for less."""

    max_requests: ClassVar[int] = 50_000
    max_bytes: ClassVar[int] = 100_000_000

    @property
    @abstractmethod
    def price(self) -> Price | None:
        """The price in a batch, or None where it is not known."""

    @abstractmethod
    def line(self, key: str, turn: Turn) -> dict[str, Any]:
        """Return the request of a turn as a line of a batch; `key` comes back with its reply."""

    @abstractmethod
    async def submit(self, lines: bytes, tag: str) -> str:
        """Submit lines of requests and return the batch's id; `tag` is kept with it by the service.

        Raises:
            TeacherError: the service did not take them.
        """

    @abstractmethod
    async def find(self, tag: str) -> str | None:
        """Return the id of the batch that was submitted with a tag, or None."""

    @abstractmethod
    async def state(self, batch: str) -> BatchState:
        """Return where a batch stands."""

    @abstractmethod
    async def results(self, state: BatchState) -> list[tuple[str, Reply | TeacherError]]:
        """Return every reply or fault of a batch that is done, with its key."""


class Teacher(Part, ABC):
    """A model that writes annotations.

    A teacher asks once and says how it went; to wait, to ask again, to pay and to remember is the work of
    `socratic_cli.asking`, the same for every teacher whose replies are worth it.
    """

    paid: ClassVar[bool] = False
    """Whether a reply costs money or time, so that it is kept and asked for once."""

    @abstractmethod
    async def reply(self, turn: Turn) -> Reply:
        """Reply to a turn, at the first attempt.

        Raises:
            TeacherBusy: it may reply when asked again.
            TeacherError: it will not reply to this turn.
            TeacherUnusable: it will reply to none.
        """

    def request(self, turn: Turn) -> dict[str, Any]:
        """Return everything that a reply depends on, as JSON."""
        return {"teacher": self.label, "instruction": turn.instruction, "prompt": turn.prompt}

    def count(self, text: str) -> int:
        """Return the tokens of a text, as well as they are known without asking."""
        return len(text.split())

    @property
    def tokenizer(self) -> str:
        """How `count` counts, in words."""
        return "words"

    @property
    def longest(self) -> int:
        """The most tokens one reply can have."""
        return 0

    @property
    def sampled(self) -> bool:
        """Whether a second reply to the same request can differ from the first."""
        return True

    @property
    def price(self) -> Price | None:
        """The price, or None where it is not known."""
        return None

    @property
    def batches(self) -> Batches | None:
        """The teacher's batch service, or None."""
        return None

    async def close(self) -> None:
        """Give back connections."""


class Progress(Settings):
    """Where a training run stands."""

    role: str
    step: int
    steps: int
    loss: float
    tokens: int
    seconds: float


class Trained(Settings):
    """What a training run of one role was.

    `loss` is the mean of its last tenth, in nats per token; `padding` the share of padding in what was read. With
    held-out problems, `kept_step` is the step that did best on them, with its loss and its solved share there. `dtype`
    is the type it was computed in.
    """

    role: str
    sequences: int
    left_out: int
    target_tokens: int
    tokens: int
    padding: float = 0.0
    steps: int
    loss: float
    seconds: float
    dtype: str = ""
    kept_step: int | None = None
    held_out_loss: float | None = None
    held_out_accuracy: float | None = None


@dataclass(frozen=True)
class HeldOut:
    """Problems that are not trained on, for students that choose among their checkpoints.

    Attributes:
        passages: what each role would have to write.
        answers: the role whose reply holds the final answer.
        accuracy: returns the share of the problems that are solved when a model plays some roles, and the gold
            rationale plays the others.
    """

    passages: tuple[Passage, ...]
    answers: str
    accuracy: Callable[[Model, Collection[str]], float]


class Student(Part, ABC):
    """A model that can be trained, saved and asked."""

    @abstractmethod
    def train(
        self,
        passages: Iterable[Passage],
        training: Training,
        folder: Path,
        report: Callable[[Progress], None],
        held_out: HeldOut | None = None,
    ) -> list[Trained]:
        """Train every role that occurs in `passages` and save the weights below `folder`.

        With `held_out`, the weights are those of the step that does best on it. What is in `folder` was left by an
        interrupted run of the same training, which may be gone on with.

        Raises:
            StudentError: the base cannot be loaded, or nothing can be trained.
        """

    @abstractmethod
    def model(self, folder: Path | None, decoding: Decoding) -> AbstractContextManager[Model]:
        """Load the weights saved in `folder`, or the untrained base, to be asked.

        Raises:
            StudentError: the weights cannot be loaded.
        """

    def about(self) -> dict[str, str]:
        """Return what a model card says of the base, as far as it is known: base_model, license."""
        return {}


class Dataset(Part, ABC):
    """A source of problems with named splits."""

    data_dir: Path | None = Field(None, description="Folder that holds the files; without it they come from the hub.")
    splits: ClassVar[tuple[str, ...]] = ("train", "test")
    repository: ClassVar[str | None] = None
    """Its id on the Hugging Face hub, if it is there."""

    @abstractmethod
    def problems(self, split: str) -> Iterator[Problem]:
        """Yield the problems of a split, lazily.

        Raises:
            InputError: a file is missing or a record cannot be read.
        """
