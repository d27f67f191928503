"""How well the kinds of first wrong steps are found: faults put in mechanically, and solutions labelled by hand.

    python -m tests.benchmarks.faults

Writes tests/benchmarks/results/faults.md. Reads GSM8K's test problems and the solutions kept beside the recipes.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from random import Random

from socratic_cli import sources
from socratic_cli.analysis.faults import judge, walk
from socratic_cli.stages.bench import wilson
from tests.benchmarks import measured
from tests.conftest import DATA
from tests.injected import confusion, foreign_ways, spoilt, written_table
from tests.labelled import labelled


def main(data_dir: Path) -> None:
    """Write the tables."""
    parts = [_by_hand(data_dir), *(_put_in(data_dir, seed) for seed in (0, 1)), _own_ways(data_dir)]
    head = "# First wrong steps: how often their kind is found\n\nMade by `python -m tests.benchmarks.faults`.\n"
    (measured.RESULTS / "faults.md").write_text("\n".join([head, *parts]), encoding="utf-8")


def _by_hand(data_dir: Path) -> str:
    lines = [
        "## Students' solutions, labelled by hand (tests/labelled.jsonl)",
        "",
        "Wrong answers of SmolLM2-135M after 1,000 problems of GSM8K, in three arms. The rules were mended with an eye",
        "on the first ones; the fresh ones were labelled afterwards.",
        "",
        "| solutions | the same kind | 95% interval | the same step |",
        "|---|--:|--:|--:|",
    ]
    found = [(label, judge(solution)) for label, solution in labelled(data_dir)]
    for name, fresh in (("seen while the rules were mended", False), ("fresh", True)):
        pairs = [(label, verdict) for label, verdict in found if label.fresh is fresh]
        kinds = sum(label.kind == verdict.kind for label, verdict in pairs)
        steps = sum(label.step == verdict.step for label, verdict in pairs)
        low, high = wilson(kinds, len(pairs))
        lines.append(
            f"| {name} | {kinds} of {len(pairs)} ({kinds / len(pairs):.0%}) | {low:.0%} to {high:.0%} |"
            f" {steps} of {len(pairs)} |"
        )
    others = Counter((label.kind, verdict.kind) for label, verdict in found if label.kind != verdict.kind)
    lines += ["", "Where they differ:", "", "| by hand | found | solutions |", "|---|---|--:|"]
    lines += [f"| {hand} | {kind} | {count} |" for (hand, kind), count in others.most_common()]
    return "\n".join(lines) + "\n"


def _put_in(data_dir: Path, seed: int) -> str:
    problems = list(sources.resolve("gsm8k/test", data_dir=data_dir))
    rng = Random(seed)
    table = confusion(one for problem in problems for one in spoilt(problem, problems, rng))
    return f"## Put into the gold steps of all test problems, seed {seed}\n\n{written_table(table)}"


def _own_ways(data_dir: Path) -> str:
    ways = Counter(walk(cut, problem).kind for problem, cut in foreign_ways(data_dir))
    total = ways.total()
    sound = ways.pop("stopped-early", 0) + ways.pop("wrong-answer-after-right-steps", 0)
    others = ", ".join(f"{kind} {count}" for kind, count in ways.most_common())
    return (
        "## Right ways of another author\n\n"
        f"Of {total} rationales by GPT-5.1, cut before their last calculation, {sound / total:.1%} are sound up to"
        f" their end. The others: {others}.\n"
    )


if __name__ == "__main__":
    main(DATA)
