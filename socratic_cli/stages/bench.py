"""Solution -> Score: accuracy with its interval, by author and by number of gold steps."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator

from socratic_cli.answers import same_answer
from socratic_cli.errors import InputError
from socratic_cli.records import Score, Solution

_Z95 = 1.959963984540054


def wilson(correct: int, total: int) -> tuple[float, float]:
    """Return the 95% Wilson score interval of a share, as two shares (Wilson, 1927).

    >>> [round(share, 4) for share in wilson(10, 100)]
    [0.0552, 0.1744]
    """
    if total == 0:
        return 0.0, 1.0
    share, z2 = correct / total, _Z95**2 / total
    centre = (share + z2 / 2) / (1 + z2)
    half = _Z95 / (1 + z2) * math.sqrt(share * (1 - share) / total + z2 / total / 4)
    return max(0.0, centre - half), min(1.0, centre + half)


def is_correct(solution: Solution) -> bool:
    """Judge a solution by its problem's gold answer; what the record says of itself is not believed.

    Raises:
        InputError: the problem has no gold answer.
    """
    if solution.problem.answer is None:
        raise InputError(f"problem {solution.problem.id} has no gold answer to score against")
    return same_answer(solution.answer, solution.problem.answer)


def bench(solutions: Iterable[Solution]) -> list[Score]:
    """Score solutions by scheme and author.

    Raises:
        InputError: a problem occurs twice under one author and scheme, or has no gold answer.
    """
    groups: dict[tuple[str, str], dict[str, Solution]] = defaultdict(dict)
    for solution in solutions:
        of_author = groups[solution.scheme, solution.author]
        if solution.problem.id in of_author:
            raise InputError(
                f"{solution.author} solved the problem {solution.problem.id} twice: score one run at a time"
            )
        of_author[solution.problem.id] = solution
    return [_score(scheme, author, list(of_author.values())) for (scheme, author), of_author in groups.items()]


def _score(scheme: str, author: str, solutions: list[Solution]) -> Score:
    by_steps: dict[int, list[Solution]] = defaultdict(list)
    for solution in solutions:
        by_steps[len(solution.problem.steps)].append(solution)
    slices = {str(steps): _share(scheme, author, by_steps[steps]) for steps in sorted(by_steps) if steps}
    return _share(scheme, author, solutions).model_copy(update={"by_steps": slices})


def _share(scheme: str, author: str, solutions: list[Solution]) -> Score:
    correct = sum(map(is_correct, solutions))
    low, high = wilson(correct, len(solutions))
    return Score(
        scheme=scheme,
        author=author,
        problems=len(solutions),
        correct=correct,
        accuracy=correct / len(solutions),
        low=low,
        high=high,
        unanswered=sum(solution.answer is None for solution in solutions),
        leaked=sum(solution.leaked for solution in solutions),
    )


def markdown(scores: Iterable[Score]) -> str:
    """Return a Markdown table of scores, and one of accuracy by number of gold steps where these are known."""
    scores = list(scores)
    return "\n".join([*_table(scores), *_steps_table(scores)]) + "\n"


def _table(scores: list[Score]) -> Iterator[str]:
    yield "| scheme | author | problems | correct | accuracy | 95% interval | unanswered |"
    yield "|---|---|--:|--:|--:|---|--:|"
    for s in scores:
        yield (
            f"| {s.scheme} | {s.author} | {s.problems} | {s.correct} | {s.accuracy:.1%} "
            f"| {s.low:.1%} - {s.high:.1%} | {s.unanswered} |"
        )


def _steps_table(scores: list[Score]) -> Iterator[str]:
    columns = sorted({int(steps) for score in scores for steps in score.by_steps})
    if not columns:
        return
    yield "\nAccuracy by number of gold steps (correct / problems):\n"
    yield "| scheme | author | " + " | ".join(map(str, columns)) + " |"
    yield "|---|---|" + "--:|" * len(columns)
    for score in scores:
        cells = (score.by_steps.get(str(steps)) for steps in columns)
        shown = (f"{cell.accuracy:.0%} ({cell.correct}/{cell.problems})" if cell else "-" for cell in cells)
        yield f"| {score.scheme} | {score.author} | " + " | ".join(shown) + " |"
