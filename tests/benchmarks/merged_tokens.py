"""How many tokens are trained when examples that extend one another are merged, and when they are trained one by one.

    python -m tests.benchmarks.merged_tokens

Counts on the whole training file of GSM8K with the tokenizer of SmolLM2; nothing is trained.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from socratic_cli import plugins
from socratic_cli.dialogue import Passage, merge, rehearse
from socratic_cli.parts import Scheme, Student
from socratic_cli.records import Problem
from socratic_cli.sources import resolve
from socratic_cli.students.huggingface import HuggingFace
from socratic_cli.students.tokens import Tokens
from socratic_cli.students.weights import load_tokenizer
from tests.benchmarks import measured
from tests.conftest import DATA

SCHEMES = ("cot", "socratic-unified", "socratic", "socratic ask=next", "socratic guidance=equations")
STEPS = range(1, 12)


@dataclass
class Count:
    """Tokens of one role, by number of steps."""

    problems: Counter[int] = field(default_factory=Counter)
    apart: Counter[int] = field(default_factory=Counter)
    merged: Counter[int] = field(default_factory=Counter)
    learnt: Counter[int] = field(default_factory=Counter)
    learnt_merged: Counter[int] = field(default_factory=Counter)


def counted(scheme: Scheme, problems: Iterable[Problem], tokens: Tokens) -> dict[str, Count]:
    """Count the tokens of every role of a scheme."""
    counts: dict[str, Count] = {}
    for problem in problems:
        steps = len(problem.steps)
        examples = rehearse(scheme.solve(problem.blind()), scheme.replies(problem.rationale))
        for role in dict.fromkeys(example.role for example in examples):
            count = counts.setdefault(role, Count())
            count.problems[steps] += 1
            its = [example for example in examples if example.role == role]
            add(count.apart, count.learnt, steps, (passage for one in its for passage in merge([one])), tokens)
            add(count.merged, count.learnt_merged, steps, merge(its), tokens)
    return counts


def add(whole: Counter[int], learnt: Counter[int], steps: int, passages: Iterable[Passage], tokens: Tokens) -> None:
    """Add the tokens of passages, and those of them that are learnt."""
    for passage in passages:
        sequence = tokens.passage(passage)
        whole[steps] += len(sequence)
        learnt[steps] += sequence.targets


def overall(label: str, counts: dict[str, Count]) -> Iterator[str]:
    """Yield a line a role."""
    for role, count in counts.items():
        apart, merged, learnt = (sum(one.values()) for one in (count.apart, count.merged, count.learnt))
        yield f"| `{label}` | {role} | {apart:,} | {merged:,} | {apart / merged:.2f} | {learnt / merged:.0%} |"


def by_steps(count: Count) -> Iterator[str]:
    """Yield a line a number of steps."""
    for steps in (one for one in STEPS if count.problems[one]):
        apart, merged, of = count.apart[steps], count.merged[steps], count.problems[steps]
        yield f"| {steps} | {of:,} | {apart / of:.0f} | {merged / of:.0f} | {apart / merged:.2f} |"


def main() -> None:
    """Count and write."""
    problems = list(resolve("gsm8k/train", data_dir=DATA))
    base = plugins.load(Student, "smollm2-135m")
    assert isinstance(base, HuggingFace)
    tokens = Tokens(load_tokenizer(base.where()))
    counts = {}
    for label in SCHEMES:
        measured.note(label)
        counts[label] = counted(plugins.load(Scheme, label), problems, tokens)
    differing = [
        f"{label}, {role}: {sum(count.learnt.values()):,} and {sum(count.learnt_merged.values()):,}"
        for label, of in counts.items()
        for role, count in of.items()
        if count.learnt != count.learnt_merged
    ]
    measured.write(
        "merged_tokens",
        [
            f"Tokens of the {len(problems):,} problems of GSM8K's training file, tokenizer of SmolLM2-135M.",
            f"Made by `{measured.command_line()}`.",
            "",
            "| scheme | role | tokens one by one | tokens merged | factor | learnt of the merged |",
            "|---|---|--:|--:|--:|--:|",
            *(line for label, of in counts.items() for line in overall(label, of)),
            "",
            "The solver of `socratic`, tokens a problem:",
            "",
            "| steps | problems | one by one | merged | factor |",
            "|--:|--:|--:|--:|--:|",
            *by_steps(counts["socratic"]["solver"]),
            "",
            "Learnt tokens, one by one and merged: "
            + ("equal in every role and number of steps." if not differing else f"differ in {'; '.join(differing)}."),
        ],
    )


if __name__ == "__main__":
    main()
