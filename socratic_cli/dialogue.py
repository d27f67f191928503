"""Reasoning as a dialogue: a generator that yields turns, is sent replies, and returns a rationale.

A dialogue does no I/O and knows no model. It is *played* with a model, or *rehearsed* with replies known beforehand,
and then every turn becomes an example to train on: training prompts are what solving asks, overheard.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from socratic_cli.records import Example, Exchange, Problem, Rationale, Reason, Usage


@dataclass(frozen=True, slots=True)
class Turn:
    """One question to one role.

    `prompt` never ends in a blank: byte-pair tokenizers make the blank the beginning of the reply. The reply ends
    after the first of the `stop` marks; without marks it ends when the model ends it. `instruction` and `shots`
    are for models that were not trained on the role. `sample` numbers the replies wanted to one and the same prompt.
    With `options` the reply is one of these, and a model that can tells the probability of each. `hear` is told what is
    written so far, by a model that can tell.
    """

    role: str
    prompt: str
    problem: Problem
    stop: tuple[str, ...] = ()
    instruction: str = ""
    shots: tuple[Example, ...] = ()
    sample: int = 0
    options: tuple[str, ...] = ()
    hear: Callable[[str], None] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said; `finish_reason` is the field's, stop, length, content_filter, or one of ours: repetition
    without end, context (the prompt leaves no room), unknown-token (one of the prompt's, to the model), memory.

    `thinking` is what a reasoning model thought aloud before; no scheme reads it. `calculator` is what a calculator
    wrote into it, or found wrong in it. `shares` are the probabilities of the turn's options, from a model that knows
    them; they add up to 1.
    """

    text: str
    finish_reason: str = "stop"
    usage: Usage = field(default_factory=Usage)
    thinking: str = ""
    calculator: tuple[str, ...] = ()
    shares: tuple[float, ...] = ()


Dialogue = Generator[Turn, Reply, Rationale]
Weighing = Generator[Turn, Reply, float]
"""A dialogue about a solution that is written already, and that comes to a weight: how likely it is right."""


class Model(Protocol):
    """Whoever can reply to a turn: a teacher, a student, the gold rationale."""

    async def reply(self, turn: Turn) -> Reply:
        """Reply to a turn. Many turns of different problems may be waiting at once."""
        ...


class Unanswered(Exception):
    """A dialogue that came to no answer, raised by a scheme; a counted outcome, not a fault of the program.

    `written` is the reply that was not whole, where that is why: a scheme may catch it and take what it can use.
    """

    def __init__(self, reason: Reason, detail: str, written: str = "") -> None:
        super().__init__(detail)
        self.reason: Reason = reason
        self.detail = detail
        self.written = written


class RehearsalError(ValueError):
    """Replies that do not fit their dialogue."""


@dataclass
class Transcript:
    """What happened in a dialogue: its turns so far, and in the end its rationale or why there is none."""

    exchanges: list[Exchange] = field(default_factory=list)
    usage: Usage = field(default_factory=Usage)
    rationale: Rationale | None = None
    unanswered: Unanswered | None = None

    def note(self, turn: Turn, reply: Reply) -> None:
        """Add one exchange. The prompt is kept by its last line, since each repeats the ones before."""
        self.exchanges.append(
            Exchange(
                role=turn.role,
                prompt=last_line(turn.prompt),
                reply=reply.text,
                finish_reason=reply.finish_reason,
                tokens=reply.usage.completion_tokens,
                **({"calculator": reply.calculator} if reply.calculator else {}),
                **({"shares": reply.shares} if reply.shares else {}),
            )
        )
        self.usage += reply.usage


def last_line(prompt: str) -> str:
    """Return the line of a prompt by which its exchange is kept."""
    return prompt.rstrip("\n").rpartition("\n")[2]


async def play(dialogue: Dialogue, model: Model) -> Transcript:
    """Play a dialogue with a model to its end.

    A reply that was cut by its length or filtered ends it unanswered: what half a sentence means is not guessed.
    Errors of the model itself are not caught.
    """
    transcript = Transcript()
    try:
        turn = next(dialogue)
        while True:
            reply = await model.reply(turn)
            transcript.note(turn, reply)
            turn = _answered(dialogue, turn, reply)
    except StopIteration as end:
        transcript.rationale = end.value
    except Unanswered as why:
        transcript.unanswered = why
    finally:
        dialogue.close()
    return transcript


def _answered(dialogue: Dialogue, turn: Turn, reply: Reply) -> Turn:
    """Send a dialogue the reply to its turn, or throw why that is none: a vote goes on with its other chains."""
    try:
        whole = _whole(reply, turn)
    except Unanswered as why:
        return dialogue.throw(why)
    return dialogue.send(whole)


def _whole(reply: Reply, turn: Turn) -> Reply:
    """Return the reply up to its stop mark, or raise Unanswered where it is not whole."""
    if reply.finish_reason == "content_filter":
        raise Unanswered("refused", "the model's provider filtered the reply")
    if reply.finish_reason == "repetition":
        why = f"the {turn.role} repeats itself without end: ...{reply.text[-60:]!r}"
        raise Unanswered("repeating", why, reply.text)
    if reply.finish_reason in _UNWRITTEN:
        reason, why = _UNWRITTEN[reply.finish_reason]
        raise Unanswered(reason, f"the {turn.role} wrote nothing: {why}")
    text = cut(reply.text, turn.stop)
    stopped = any(text.endswith(mark) for mark in turn.stop)
    if reply.finish_reason == "length" and not stopped:
        raise Unanswered("truncated", f"the reply of the {turn.role} reached its limit of tokens", reply.text)
    return Reply(text, reply.finish_reason, reply.usage, shares=reply.shares)


_UNWRITTEN: dict[str, tuple[Reason, str]] = {
    "context": ("too-long", "the prompt fills the context of its model"),
    "unknown-token": ("unknown-token", "the prompt holds a token that its model does not know"),
    "memory": ("memory", "even alone the prompt needs more memory than there is"),
}
"""Replies that could not be begun, by their finish reason."""


def cut(text: str, stop: Sequence[str]) -> str:
    """Return `text` up to and including the first stop mark in it."""
    ends = [at + len(mark) for mark in stop if (at := text.find(mark)) >= 0]
    return text[: min(ends)] if ends else text


def rehearse(dialogue: Dialogue | Weighing, replies: Iterable[str]) -> list[Example]:
    """Return what each role must learn, given every reply of the dialogue.

    Raises:
        RehearsalError: a reply short, a reply left over, one that does not end with its turn's mark or is none of its
            options, or a prompt that ends in a blank.
    """
    examples: list[Example] = []
    script = list(replies)
    try:
        turn = next(dialogue)
        for completion in script:
            examples.append(_example(turn, completion))
            turn = dialogue.send(Reply(completion))
    except StopIteration:
        if len(examples) < len(script):
            raise RehearsalError(f"the dialogue ended before the reply {script[len(examples)]!r}") from None
        return examples
    except Unanswered as why:
        raise RehearsalError(f"the scheme cannot read its own reply {script[len(examples) - 1]!r}: {why}") from why
    finally:
        dialogue.close()
    raise RehearsalError(f"no reply is left for the {turn.role} after {len(script)} replies")


def _example(turn: Turn, completion: str) -> Example:
    if turn.prompt.endswith((" ", "\t")):
        raise RehearsalError(f"the prompt of the {turn.role} ends in a blank: {turn.prompt[-40:]!r}")
    if turn.options and completion not in turn.options:
        raise RehearsalError(f"the reply of the {turn.role} is none of {turn.options}: {completion!r}")
    if (turn.stop and cut(completion, turn.stop) != completion) or not completion:
        raise RehearsalError(f"the reply of the {turn.role} goes on after its mark: {completion!r}")
    if turn.stop and not completion.endswith(turn.stop):
        raise RehearsalError(f"the reply of the {turn.role} lacks its mark {turn.stop}: {completion!r}")
    return Example(role=turn.role, prompt=turn.prompt, completion=completion, eos=not turn.stop)


@dataclass(frozen=True, slots=True)
class Passage:
    """Examples of one role that extend one another, as one text.

    `spans` are the completions in it, as (start, end) positions of characters: the loss is taken there only. `eos`
    says whether the end-of-sequence token follows and is learnt.
    """

    role: str
    text: str
    spans: tuple[tuple[int, int], ...]
    eos: bool


def merge(examples: Iterable[Example]) -> list[Passage]:
    """Merge the examples of one problem, where the prompt of one begins with the prompt and completion before it.

    The loss is the same as on the examples one by one, and the tokens grow with the steps, not with their square.
    """
    passages: dict[str, list[Passage]] = {}
    for example in examples:
        of_role = passages.setdefault(example.role, [])
        last = of_role[-1] if of_role else None
        extends = last is not None and not last.eos and example.prompt.startswith(last.text)
        earlier = last.spans if last is not None and extends else ()
        text = example.prompt + example.completion
        passage = Passage(example.role, text, (*earlier, (len(example.prompt), len(text))), example.eos)
        of_role[-1:] = [passage] if extends else [*of_role[-1:], passage]
    return [passage for of_role in passages.values() for passage in of_role]
