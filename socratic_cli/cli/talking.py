"""One problem after another in the terminal: its dialogue as it is being written, and what each turn took."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from time import perf_counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from socratic_cli.dialogue import Model, Reply, Turn
from socratic_cli.errors import ReaderGone
from socratic_cli.notation import ANSWER, ASK
from socratic_cli.records import Problem, Solution

_STYLES = {"planner": "magenta", "decomposer": "cyan", "solver": "green"}
_INDENT, _SAYS = "  ", "  > "


@dataclass
class Took:
    """What one turn took; `about` is the subquestion that it solves."""

    role: str
    about: str
    tokens: int
    seconds: float
    calculator: tuple[str, ...]


@dataclass
class Talk:
    """A model whose replies are shown as they are written; by its words a subquestion and a solution are told apart."""

    model: Model
    screen: Screen

    async def reply(self, turn: Turn) -> Reply:
        """Show who is asked what, the reply as it grows, and keep what it took."""
        self.screen.asks(turn)
        began = perf_counter()
        reply = await self.model.reply(replace(turn, hear=self.screen.hears))
        self.screen.ends(turn, reply, perf_counter() - began)
        return reply


@dataclass
class Screen:
    """Writes dialogues to standard output: in colours on a terminal, without them in a pipe or with NO_COLOR."""

    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    took: list[Took] = field(default_factory=list)
    _said: str = ""
    _begun: bool = False
    _sample: int = 0

    def asks(self, turn: Turn) -> None:
        """Say whose turn it is, and what is asked."""
        if turn.sample != self._sample:
            self._write(f"\nchain {turn.sample + 1}\n", "bold")
        self._sample, self._said, self._begun = turn.sample, "", False
        about = _about(turn)
        self._write(turn.role, f"bold {_STYLES.get(turn.role, 'blue')}")
        self._write(f"{_INDENT}{about}\n" if about else "\n", "cyan")

    def hears(self, text: str) -> None:
        """Show what is written so far; the end of it may still be half a character, or a line's end."""
        text = text.rstrip("\ufffd").rstrip()
        if not text.startswith(self._said):
            return
        new, self._said = text[len(self._said) :], text
        if not self._begun:
            new = new.lstrip()
            if not new:
                return
            self._begun = True
            self._write(_SAYS)
        self._write(new.replace("\n", f"\n{_SAYS}"))

    def ends(self, turn: Turn, reply: Reply, seconds: float) -> None:
        """Show the rest of a reply, and what a calculator did in it."""
        text = reply.text.rstrip()
        if text.startswith(self._said):
            self.hears(text)
        else:  # it became another one on the way
            self._write(f"\n{_SAYS}{text.strip()}")
        for step in reply.calculator:
            self._write(f"  [calculator {step}]", "yellow")
        self._write("\n")
        self.took.append(Took(turn.role, _about(turn), reply.usage.completion_tokens, seconds, reply.calculator))

    def begins(self, problem: Problem) -> None:
        """Show a problem."""
        self._write(f"{problem.question}\n\n", "bold")

    def between(self, model: Model) -> Model:
        """Return the model whose replies are shown."""
        return Talk(model, self)

    def solved(self, solution: Solution) -> None:
        """Show the answer, and what each turn took."""
        if solution.unanswered:
            self._write(f"\nunanswered: {solution.unanswered}, {solution.detail}\n\n", "bold red")
        else:
            self._write(f"\nanswer: {solution.answer}\n\n", "bold")
        table = Table("turn", "", "tokens", "seconds", "calculator", box=None, header_style="dim", pad_edge=False)
        for column in table.columns[2:4]:
            column.justify = "right"
        for one in self.took:
            steps = Text(", ".join(one.calculator))
            table.add_row(one.role, Text(one.about), str(one.tokens), f"{one.seconds:.2f}", steps)
        tokens, seconds = sum(one.tokens for one in self.took), sum(one.seconds for one in self.took)
        table.add_row("all", "", str(tokens), f"{seconds:.2f}", style="bold")
        self.console.print(table)
        self._write("\n")
        self.took, self._sample = [], 0

    def _write(self, text: str, style: str = "") -> None:
        try:
            self.console.print(Text(text, style=style), end="")
            self.console.file.flush()
        except BrokenPipeError:
            raise ReaderGone from None


def _about(turn: Turn) -> str:
    """Return the subquestion that a turn is about: the notation says where one stands."""
    last = turn.prompt.rstrip("\n").rpartition("\n")[2]
    if last.endswith(ASK):
        return last.removesuffix(ASK)
    return "the final answer" if last == ANSWER else ""


def asked(screen: Screen, question: str | None) -> Iterator[Problem]:
    """Yield the question that was given, or what a person types until Ctrl-D."""
    if question is not None:
        problem = Problem(id="1", question=question)
        screen.begins(problem)
        yield problem
        return
    with suppress(ImportError):
        import readline  # noqa: F401 - lines can be edited, and called back
    screen.console.print(Text("A problem a line; Ctrl-D ends.", style="dim"))
    number = 0
    while True:
        try:
            line = screen.console.input("problem> ").strip()
        except EOFError:
            sys.stdout.write("\n")
            return
        if line:
            number += 1
            yield Problem(id=str(number), question=line)
