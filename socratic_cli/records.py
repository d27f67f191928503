"""The records that travel between the verbs, one JSON object a line.

Unknown fields pass through: what a user keeps beside a problem is still there in its solution.
"""

from __future__ import annotations

import hashlib
import re
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field

Reason = Literal[
    "wrong-answer",
    "unreadable",
    "truncated",
    "repeating",
    "no-subquestions",
    "too-many-steps",
    "too-long",
    "unknown-token",
    "memory",
    "refused",
    "step-error",
    "duplicate",
    "failed",
]
"""Why a solution was not kept, or has no answer."""
GOLD = "gold"
"""Plays a role by the gold rationale."""


class Record(BaseModel):
    """A line of JSONL."""

    model_config = ConfigDict(frozen=True, extra="allow")

    def line(self) -> dict[str, Any]:
        """Return the record as a JSON object, without the fields nobody set."""
        return self.model_dump(mode="json", exclude_unset=True)


class Step(Record):
    """One step of a rationale: what was asked (Socratic schemes only) and how it was answered.

    `miscalculations` are the equations of the solution that do not hold, each with its right result.
    """

    subquestion: str | None = None
    solution: str
    miscalculations: tuple[str, ...] = ()


class Rationale(Record):
    """A chain of thought: its steps and the answer they reach; `answer` is None where none was given."""

    steps: tuple[Step, ...] = ()
    answer: str | None = None


class Problem(Record):
    """A question, perhaps with what is known about its answer.

    `steps` and `facts` are gold: a person's or the data set's own. An answer is a string ("72", "no").
    """

    id: str
    question: str
    answer: str | None = None
    steps: tuple[Step, ...] = ()
    facts: tuple[str, ...] = ()
    metadata: dict[str, Any] = Field(default_factory=dict)

    def blind(self) -> Problem:
        """Return the problem as a student sees it: its id and question, nothing gold."""
        return Problem(id=self.id, question=self.question)

    @property
    def rationale(self) -> Rationale:
        """The gold rationale."""
        return Rationale(steps=self.steps, answer=self.answer)


class Usage(Record):
    """Tokens a model read and wrote, and what they cost in US dollars where a price is known.

    `reasoning_tokens` are those of the completion that were thinking, of models that think first.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    reasoning_tokens: int = 0
    cost: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        sums = {name: getattr(self, name) + getattr(other, name) for name in Usage.model_fields}
        return Usage(**{name: value for name, value in sums.items() if value or name in _ALWAYS})


_ALWAYS = ("prompt_tokens", "completion_tokens")


class Exchange(Record):
    """One turn as it was played: who replied, to what (the last line of the prompt), and what.

    `tokens` were written; `calculator` is what a calculator wrote into the reply (3*4=12), or found wrong in it
    (3*4=11 (12)); `shares` are the probabilities of the replies there were to choose from.
    """

    role: str
    prompt: str
    reply: str
    finish_reason: str = "stop"
    tokens: int = 0
    calculator: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()


class Solution(Record):
    """A problem with the steps and the answer that `author` wrote for it.

    An annotation is a solution whose author is the teacher. `answer` is None where the author reached none;
    `unanswered` then says why, and `detail` says it in words. `correct` is None where no gold answer is known. `leaked`
    marks a question that its author was trained on. `sample` numbers several solutions of one problem, from 0;
    `rationalized` marks one whose author was shown the gold answer after failing without (STaR, Zelikman et al., 2022).
    `votes` counts the chains of every answer, where there were several; `weights` is what a verifier gave every answer.
    `arm` and `seed` say what several authors have in common that differ by their seed only. `roles` names who played a
    role instead of the author; "gold" is the gold rationale. `decoding` holds the settings of decoding that are not the
    default ones; `fingerprint` is of the trained student that the author is, so that one trained anew is another.
    """

    problem: Problem
    scheme: str
    author: str
    steps: tuple[Step, ...] = ()
    answer: str | None = None
    correct: bool | None = None
    unanswered: Reason | None = None
    detail: str = ""
    leaked: bool = False
    sample: int = 0
    rationalized: bool = False
    votes: dict[str, int] = {}
    roles: dict[str, str] = {}
    weights: dict[str, float] = {}
    arm: str | None = None
    seed: int | None = None
    decoding: dict[str, Any] = {}
    fingerprint: str | None = None
    usage: Usage = Usage()
    trace: tuple[Exchange, ...] = ()

    @property
    def rationale(self) -> Rationale:
        """The steps and answer without their context."""
        return Rationale(steps=self.steps, answer=self.answer)


class Rejection(Record):
    """An annotation that was not kept, with its reason and the teacher's raw replies."""

    problem: Problem
    scheme: str
    author: str
    reason: Reason
    detail: str
    sample: int = 0
    rationalized: bool = False
    replies: tuple[str, ...] = ()
    usage: Usage = Usage()


class Example(Record):
    """What a role must learn to reply to a prompt.

    `eos` says whether the completion ends with the end-of-sequence token, or with a mark in its own text.
    """

    role: str
    prompt: str
    completion: str
    eos: bool = True


class Score(Record):
    """Accuracy of one author on one set of problems, with its 95% Wilson interval (shares, not percent).

    Unanswered problems count as not correct; their number stands beside, with the reasons. `answered_accuracy` is of
    the others alone; `strict_accuracy` and `lenient_accuracy` are what other readers of the same answers would say.
    """

    scheme: str
    author: str
    problems: int
    correct: int
    accuracy: float
    low: float
    high: float
    unanswered: int = 0
    leaked: int = 0
    arm: str | None = None
    seed: int | None = None
    sample: int = 0
    wrong: int = 0
    reasons: dict[str, int] = Field(default_factory=dict)
    answered_accuracy: float = 0.0
    strict_accuracy: float = 0.0
    lenient_accuracy: float = 0.0
    by_steps: dict[str, Self] = Field(default_factory=dict)


class Benchmark(Record):
    """A score of a student, with what it solved and how it wrote: a line of its scores.jsonl and of its model card.

    `source` names the problems as the command line does, `dataset` and `split` as a hub does; `decoding` holds the
    settings that are not the default ones.
    """

    source: str
    dataset: str
    split: str | None = None
    decoding: dict[str, Any] = Field(default_factory=dict)
    score: Score

    @property
    def setting(self) -> str:
        """How it wrote, in a few words."""
        return " ".join(f"{name}={value}" for name, value in sorted(self.decoding.items())) or "greedy"


def fingerprint(question: str) -> str:
    """Return a short hash of a question that does not depend on case, punctuation or blanks."""
    words = re.findall(r"\w+", question.casefold())
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:16]


def lettered(question: str) -> str:
    """Return a short hash of a question to the letter: questions that differ in a sign only are two."""
    return hashlib.sha256(question.encode()).hexdigest()[:16]
