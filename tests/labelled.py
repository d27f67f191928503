"""First wrong steps of students' solutions, labelled by hand: what their classification is measured against.

`labelled.jsonl` names solutions that are kept beside the recipes (recipes/results/gsm8k-cpu), drawn at random of those
with a wrong answer. They were labelled from the text alone, by the words of `socratic_cli.analysis.faults`. The rules
were mended with an eye on those that are not `fresh`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import jsonlines

from socratic_cli import sources
from socratic_cli.analysis.kinds import Kind
from socratic_cli.records import Solution
from socratic_cli.scoring.foreign.fields import Fields, Gold
from socratic_cli.scoring.outputs import solutions

_KEPT = Path(__file__).resolve().parents[1] / "recipes/results/gsm8k-cpu"


class Label(NamedTuple):
    """What somebody who read a solution said of it; `step` is None where no step is wrong."""

    kind: Kind
    step: int | None
    fresh: bool


def kept(arm: str, data_dir: Path) -> Iterator[Solution]:
    """Yield what an arm wrote, with its problems."""
    fields = Fields(gold=Gold(sources.resolve("gsm8k/test", data_dir=data_dir)))
    return solutions(_KEPT / f"{arm}.jsonl.gz", fields)


def labelled(data_dir: Path) -> Iterator[tuple[Label, Solution]]:
    """Yield every label with the solution it is of."""
    known: dict[str, dict[str, Solution]] = {}
    with jsonlines.open(Path(__file__).with_suffix(".jsonl")) as lines:
        for line in lines:
            arm = line["arm"]
            if arm not in known:
                known[arm] = {solution.problem.id: solution for solution in kept(arm, data_dir)}
            yield Label(line["kind"], line["step"], line["fresh"]), known[arm][line["id"]]
