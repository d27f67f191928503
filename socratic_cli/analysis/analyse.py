"""All that solutions tell beside their accuracy, as one tree of plain data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from socratic_cli.analysis.culprits import Culprit, Pairing, culprits, pairings
from socratic_cli.analysis.decomposition import Decomposition, Similarity, decompositions
from socratic_cli.analysis.groups import groups
from socratic_cli.analysis.progress import Progress, progress
from socratic_cli.records import Solution


@dataclass(frozen=True, slots=True)
class Analysis:
    """Each part has an entry for every author that it can be told of, and is empty where it can be told of none.

    Attributes:
        pairings: accuracy by who asks and who answers.
        culprits: what a gold decomposer, or a stronger solver, makes of a student's unsolved problems.
        progress: kinds of first wrong steps, right sums, right steps.
        decompositions: how well was asked.
    """

    pairings: tuple[Pairing, ...] = ()
    culprits: tuple[Culprit, ...] = ()
    progress: tuple[Progress, ...] = ()
    decompositions: tuple[Decomposition, ...] = ()


def analyse(solutions: Iterable[Solution], similarity: Similarity | None = None) -> Analysis:
    """Analyse solutions; `similarity` compares subquestions with gold ones, BERTScore for one."""
    found = groups(solutions)
    return Analysis(pairings(found), culprits(found), progress(found), decompositions(found, similarity))
