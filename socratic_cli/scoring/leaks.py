"""Test questions that look like those an author may have learnt from: training questions and exemplars.

Two questions are exactly the same if they differ in case, punctuation and blanks only (`records.fingerprint`). They are
near if they share most of their shingles, runs of three words in which every number is masked: a question copied with
other numbers, or with a few words changed. The Jaccard index is computed for every pair, not estimated: shingles are
columns of a sparse matrix, and one product of matrices counts what all pairs share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, Literal, NamedTuple

from socratic_cli.records import Problem, fingerprint
from socratic_cli.scoring.evaluation import Leak

NEAR = 0.5
"""The Jaccard index from which two questions are near. In GSM8K even pairs of 0.3 are one story told twice; in sets of
shorter questions such pairs are alike in their wording only."""
_WIDTH = 3
_BLOCK = 20_000
_WORD = re.compile(r"\d+(?:[.,:/]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*")  # noqa: RUF001
_SPELLED = re.compile(
    r"one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|"
    r"sixteen|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|"
    r"hundred|thousand|half|twice|double|third|quarter|dozen"
)


class Known(NamedTuple):
    """A question an author may have learnt from, and where it stands."""

    question: str
    source: str


def leaks(problems: Sequence[Problem], known: Iterable[Known], near: float = NEAR) -> tuple[Leak, ...]:
    """Return for each problem the known question most like it, if it is as near as `near`; the worst first."""
    worst: dict[int, Leak] = {}
    prints = [fingerprint(problem.question) for problem in problems]
    rest = iter(known)
    while block := list(islice(rest, _BLOCK)):
        for row, column, similarity in _alike(problems, [one.question for one in block], near):
            found = block[column]
            kind: Literal["exact", "near"] = "exact" if fingerprint(found.question) == prints[row] else "near"
            leak = Leak(problems[row].id, kind, found.source, found.question, similarity)
            if row not in worst or _badness(leak) > _badness(worst[row]):
                worst[row] = leak
    return tuple(sorted(worst.values(), key=_badness, reverse=True))


def _badness(leak: Leak) -> tuple[bool, float]:
    return leak.kind == "exact", leak.similarity


def shingles(text: str) -> set[str]:
    """Return the runs of three words of a text, numbers masked; all of a text that is shorter.

    >>> sorted(shingles("Ann has 12 hens, Bob has three."))
    ['# hens bob', 'ann has #', 'bob has #', 'has # hens', 'hens bob has']
    """
    words = [_masked(word) for word in _WORD.findall(text.casefold())]
    return {" ".join(words[at : at + _WIDTH]) for at in range(max(1, len(words) - _WIDTH + 1))}


def _masked(word: str) -> str:
    return "#" if word[0].isdigit() or _SPELLED.fullmatch(word) else word


def _alike(problems: Sequence[Problem], others: Sequence[str], near: float) -> Iterator[tuple[int, int, float]]:
    """Yield the positions and the Jaccard index of all pairs as near as `near`."""
    import numpy as np

    # The shingles of the others are the columns: what only problems have counts for their size alone.
    columns: dict[str, int] = {}
    known = [[columns.setdefault(one, len(columns)) for one in shingles(text)] for text in others]
    rows, sizes = [], []
    for problem in problems:
        found = shingles(problem.question)
        rows.append([columns[one] for one in found if one in columns])
        sizes.append(len(found))
    shared = (_matrix(rows, len(columns)) @ _matrix(known, len(columns)).T).tocoo()
    union = np.array(sizes)[shared.row] + np.array([len(each) for each in known])[shared.col] - shared.data
    similarity = shared.data / union
    for at in np.flatnonzero(similarity >= near):
        yield int(shared.row[at]), int(shared.col[at]), float(similarity[at])


def _matrix(rows: Sequence[Sequence[int]], width: int) -> Any:
    from itertools import accumulate, chain

    import numpy as np
    from scipy.sparse import csr_array

    columns = np.fromiter(chain.from_iterable(rows), dtype=np.int32)
    ends = np.fromiter(accumulate((len(row) for row in rows), initial=0), dtype=np.int64)
    return csr_array((np.ones(len(columns), dtype=np.int32), columns, ends), shape=(len(rows), max(1, width)))
