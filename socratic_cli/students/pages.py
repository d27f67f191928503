"""Keys and values of many sequences, in pages that a sequence takes as it grows and gives back as it ends.

A page holds a few tokens of one sequence in all layers, so memory is what the sequences hold, and not as many times
the longest as there are sequences. What two sequences begin with is held once; who writes on takes a copy of the page
that it writes to. After PagedAttention (Kwon et al., 2023); the pages are read by torch's own `index_select`, which
copies a page of a head in one piece.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

PAGE = 32
"""Tokens of a page."""
_FEWEST, _SHARE = 64, 4
"""Memory grows by so many pages, or by such a part of itself, so that it grows rarely."""


class Pages:
    """Which pages each sequence holds, and the keys and values in them.

    A layer's memory has the shape (pages, 2, heads, tokens of a page, head size): keys, then values.
    """

    def __init__(self) -> None:
        """Begin without any."""
        self._held: dict[int, list[int]] = {}
        self._holders: list[int] = []
        self._free: list[int] = []
        self._layers: dict[int, Tensor] = {}

    @property
    def count(self) -> int:
        """How many pages there are, held or free."""
        return len(self._holders)

    @property
    def layers(self) -> int:
        """Of how many layers something is held."""
        return len(self._layers)

    def hold(self, sequence: int, start: int, end: int) -> None:
        """Let a sequence keep its first `start` tokens, and have room for `end` that no other sequence reads."""
        held = self._held.setdefault(sequence, [])
        whole, some = divmod(start, PAGE)
        kept = held[:whole]
        if some:
            kept.append(self._own(held[whole]))
        self._give_back(held[len(kept) :])
        self._held[sequence] = kept + [self._take() for _ in range(_pages(end) - len(kept))]

    def share(self, source: int, target: int, tokens: int) -> None:
        """Let a sequence begin with as many tokens of another one, in place of what it held."""
        shared = self._held[source][: _pages(tokens)]
        for page in shared:
            self._holders[page] += 1
        self._give_back(self._held.get(target, ()))
        self._held[target] = shared

    def table(self, sequences: Sequence[int], tokens: int, device: torch.device) -> Table:
        """Return where so many tokens of each sequence are; one that holds fewer goes on with any."""
        most = _pages(tokens)
        rows = [(held := self._held[one][:most]) + [0] * (most - len(held)) for one in sequences]
        return Table(torch.tensor(rows, device=device))

    def places(self, sequence: int, start: int, end: int) -> list[tuple[int, int]]:
        """Return where tokens of a sequence are: page, and token within."""
        held = self._held[sequence]
        return [(held[at // PAGE], at % PAGE) for at in range(start, end)]

    def layer(self, number: int, like: Tensor) -> Layer:
        """Return a layer's keys and values, which are like those of shape (1, heads, tokens, head size)."""
        memory = self._layers.get(number)
        if memory is None:
            memory = like.new_zeros(0, 2, like.shape[1], PAGE, like.shape[3])
        self._layers[number] = memory = self._grown(memory)
        return Layer(memory)

    def _grown(self, memory: Tensor) -> Tensor:
        """Return a layer's memory with room for all pages."""
        had = len(memory)
        if had >= self.count:
            return memory
        # zeros: what was never written is masked, but must be a number
        grown = memory.new_zeros(self.count, *memory.shape[1:])
        grown[:had] = memory
        return grown

    def _take(self) -> int:
        if not self._free:
            more = max(_FEWEST, self.count // _SHARE)
            self._free += range(self.count + more - 1, self.count - 1, -1)
            self._holders += [0] * more
        page = self._free.pop()
        self._holders[page] = 1
        return page

    def _give_back(self, pages: Iterable[int]) -> None:
        for page in pages:
            self._holders[page] -= 1
            if not self._holders[page]:
                self._free.append(page)

    def _own(self, page: int) -> int:
        """Return a page with what this one holds that nobody else reads."""
        if self._holders[page] == 1:
            return page
        own = self._take()
        for number, memory in self._layers.items():
            grown = self._layers[number] = self._grown(memory)
            grown[own] = grown[page]
        self._give_back([page])
        return own


class Table:
    """The pages of sequences that are read together, (sequences, pages)."""

    def __init__(self, pages: Tensor) -> None:
        """Read these pages, of every layer."""
        self.pages = pages
        self._rows: dict[int, Tensor] = {}

    @property
    def tokens(self) -> int:
        """How many tokens all pages of a sequence have."""
        return self.pages.shape[1] * PAGE

    def rows(self, heads: int) -> Tensor:
        """Return the rows of a layer's memory, one for a page of a head: all keys, then all values."""
        if heads not in self._rows:
            head = torch.arange(2 * heads, device=self.pages.device).view(2, 1, heads, 1)
            self._rows[heads] = (self.pages[None, :, None] * (2 * heads) + head).flatten()
        return self._rows[heads]


class Layer:
    """The keys and values of one layer."""

    def __init__(self, memory: Tensor) -> None:
        """Read and write the memory of `Pages`."""
        self._memory = memory

    def write(self, places: Tensor, keys: Tensor, values: Tensor) -> None:
        """Write the keys and values of tokens, (heads, tokens, head size) each, at their places, (2, tokens)."""
        page, token = places
        self._memory[page, 0, :, token] = keys.transpose(0, 1)
        self._memory[page, 1, :, token] = values.transpose(0, 1)

    def read(self, table: Table) -> tuple[Tensor, Tensor]:
        """Return the keys and the values of all pages in one piece, (sequences, heads, tokens, head size) each."""
        _, _, heads, _, size = self._memory.shape
        found = self._memory.view(-1, PAGE * size).index_select(0, table.rows(heads))
        keys, values = found.view(2, -1, heads, table.tokens, size)
        return keys, values


def _pages(tokens: int) -> int:
    return -(-tokens // PAGE)
