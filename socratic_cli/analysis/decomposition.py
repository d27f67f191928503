"""How well a decomposer asks: as many questions as the gold ones, in like words, and none twice.

#Q and the soft count after Shridhar et al. (arXiv 2211.12835): the share of problems with as many subquestions as
gold, and the mean of 1 - |difference| / gold, which is below 0 where more than twice as many are asked. BLEU is
sacreBLEU's of the corpus, a problem's subquestions being one line of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from socratic_cli.analysis.groups import DECOMPOSER, PLANNER, Group, Share, accuracy, share
from socratic_cli.analysis.words import normal
from socratic_cli.notation import ASK
from socratic_cli.records import GOLD, Solution

Similarity = Callable[[Sequence[str], Sequence[str]], float]
"""The mean likeness of texts to references."""
Planned = Literal["none", "planner", "gold"]
Count = Literal["too few", "equal", "too many"]


@dataclass(frozen=True, slots=True)
class Decomposition:
    """The subquestions of one author beside the gold ones.

    Attributes:
        scheme: of the author.
        author: who, and who else played.
        planned: who guided the decomposer; plans of the gold rationale are an oracle's.
        problems: solutions of problems with gold subquestions.
        same_count: solutions with as many subquestions as gold (#Q).
        soft_count: mean of 1 - |difference| / gold.
        bleu: of the corpus, 0 to 100; `bleu_signature` is how it was computed.
        bleu_signature: version and settings of sacreBLEU.
        bertscore: mean F1, None where no model was asked for.
        repeated: solutions that ask something twice.
        by_count: accuracy by whether too few, equally or too many subquestions were asked.
    """

    scheme: str
    author: str
    planned: Planned
    problems: int
    same_count: Share
    soft_count: float
    bleu: float
    bleu_signature: str
    bertscore: float | None
    repeated: Share
    by_count: dict[Count, Share]


def decompositions(found: Iterable[Group], similarity: Similarity | None = None) -> tuple[Decomposition, ...]:
    """Measure every group that asks subquestions of its own, where gold ones are known."""
    measured = (_of(group, similarity) for group in found if group.others.get(DECOMPOSER) != GOLD)
    return tuple(one for one in measured if one is not None)


def _of(group: Group, similarity: Similarity | None) -> Decomposition | None:
    known = [one for one in group.solutions if _gold(one)]
    asked = [subquestions(solution) for solution in known]
    if not any(asked):
        return None
    gold = [_gold(solution) for solution in known]
    lines, references = [" ".join(ones) for ones in asked], [" ".join(ones) for ones in gold]
    bleu, signature = _bleu(lines, references)
    counts = [(len(mine), len(theirs)) for mine, theirs in zip(asked, gold, strict=True)]
    return Decomposition(
        group.scheme,
        group.name,
        _planned(group),
        len(known),
        share(sum(mine == theirs for mine, theirs in counts), len(counts), group.runs),
        sum(1 - abs(mine - theirs) / theirs for mine, theirs in counts) / len(counts),
        bleu,
        signature,
        similarity(lines, references) if similarity else None,
        share(sum(_repeats(ones) for ones in asked), len(asked), group.runs),
        _by_count(known, counts, group.runs),
    )


def subquestions(solution: Solution) -> tuple[str, ...]:
    """Return what was asked: of a solution that came to no answer, what its decomposer said until then."""
    if solution.steps:
        return tuple(step.subquestion for step in solution.steps if step.subquestion)
    said = (exchange.reply for exchange in solution.trace if exchange.role == DECOMPOSER)
    lines = (line.removesuffix(ASK).strip() for reply in said for line in reply.split("\n"))
    return tuple(line for line in lines if any(map(str.isalpha, line)))


def _gold(solution: Solution) -> tuple[str, ...]:
    return tuple(step.subquestion for step in solution.problem.steps if step.subquestion)


def _planned(group: Group) -> Planned:
    if PLANNER not in group.players:
        return "none"
    return "gold" if group.others.get(PLANNER) == GOLD else "planner"


def _repeats(asked: Sequence[str]) -> bool:
    return len(set(map(normal, asked))) < len(asked)


def _by_count(solutions: list[Solution], counts: list[tuple[int, int]], runs: int) -> dict[Count, Share]:
    by: dict[Count, list[Solution]] = {"too few": [], "equal": [], "too many": []}
    for solution, (mine, theirs) in zip(solutions, counts, strict=True):
        by["too few" if mine < theirs else "equal" if mine == theirs else "too many"].append(solution)
    return {count: accuracy(ones, runs) for count, ones in by.items()}


def _bleu(lines: list[str], references: list[str]) -> tuple[float, str]:
    from sacrebleu.metrics.bleu import BLEU

    metric = BLEU()
    return metric.corpus_score(lines, [references]).score, str(metric.get_signature())
