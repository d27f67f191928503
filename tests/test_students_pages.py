"""Keys and values of sequences in pages: what a sequence wrote is what it reads, whatever others do."""

from __future__ import annotations

from typing import Any

import torch
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from socratic_cli.students.pages import PAGE, Pages

HEADS, SIZE = 2, 3
SEQUENCES = st.integers(0, 5)
DEVICE = torch.device("cpu")


def told(numbers: list[int]) -> torch.Tensor:
    """Return keys that tell by their numbers whose they are, (1, heads, tokens, size)."""
    return torch.tensor(numbers, dtype=torch.float32)[None, None, :, None].expand(1, HEADS, -1, SIZE).contiguous()


class Sequences(RuleBasedStateMachine):
    """Sequences that grow, are cut, begin anew and begin as another does, beside lists that do the same."""

    def __init__(self) -> None:
        """Begin with none."""
        super().__init__()
        self.pages = Pages()
        self.expected: dict[int, list[int]] = {}
        self.written = 0

    @rule(sequence=SEQUENCES, kept=st.integers(0, 3 * PAGE), new=st.integers(1, 2 * PAGE + 1))
    def write(self, sequence: int, kept: int, new: int) -> None:
        """Let a sequence keep some of what it holds, and write more."""
        known = self.expected.get(sequence, [])[:kept]
        numbers = list(range(self.written + 1, self.written + 1 + new))
        self.written += new
        start, end = len(known), len(known) + new
        self.pages.hold(sequence, start, end)
        places = torch.tensor(self.pages.places(sequence, start, end)).T
        for number in range(2):
            self.pages.layer(number, told([0])).write(places, told(numbers)[0], -told(numbers)[0])
        self.expected[sequence] = known + numbers

    @rule(source=SEQUENCES, heir=SEQUENCES, tokens=st.integers(1, 3 * PAGE))
    def share(self, source: int, heir: int, tokens: int) -> None:
        """Let a sequence begin as another one does."""
        if source in self.expected and source != heir:
            self.pages.share(source, heir, tokens)
            self.expected[heir] = self.expected[source][:tokens]

    @invariant()
    def each_reads_what_it_wrote(self) -> None:
        """Read all sequences together, in both layers."""
        if not self.expected:
            return
        longest = max(map(len, self.expected.values()))
        table = self.pages.table(list(self.expected), longest, DEVICE)
        for number in range(2):
            keys, values = self.pages.layer(number, told([0])).read(table)
            assert keys.shape == (len(self.expected), HEADS, table.tokens, SIZE)
            for at, numbers in enumerate(self.expected.values()):
                assert torch.equal(keys[at : at + 1, :, : len(numbers)], told(numbers))
                assert torch.equal(values[at : at + 1, :, : len(numbers)], -told(numbers))


Sequences.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestSequences: Any = Sequences.TestCase


def test_memory_is_what_sequences_hold_and_not_as_many_times_the_longest() -> None:
    pages = Pages()
    for sequence in range(100):
        pages.hold(sequence, 0, PAGE)
    pages.hold(100, 0, 100 * PAGE)
    assert 200 <= pages.count <= 300


def test_what_ends_is_used_again() -> None:
    pages = Pages()
    for _ in range(50):
        for sequence in range(20):
            pages.hold(sequence, 0, 10 * PAGE)
    assert pages.count <= 250 + 64


def test_what_sequences_begin_with_is_held_once() -> None:
    pages = Pages()
    pages.hold(0, 0, 40 * PAGE + 1)
    for sequence in range(1, 100):
        pages.share(0, sequence, 40 * PAGE + 1)
        pages.hold(sequence, 40 * PAGE + 1, 40 * PAGE + 2)
    assert pages.count <= 40 + 100 + 64
