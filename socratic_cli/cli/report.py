"""What `socratic annotate` tells beside its data: what it would ask, what it would cost, what came of it."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from socratic_cli.asking.estimate import Estimate, estimate
from socratic_cli.asking.replies import Replies
from socratic_cli.cli.console import out, say
from socratic_cli.jobs import Paths, Tally
from socratic_cli.parts import Scheme, Teacher
from socratic_cli.prompts import rendered
from socratic_cli.records import Problem
from socratic_cli.settings import Annotation

_MANY_STEPS = 10


def prompt(scheme: Scheme, problem: Problem) -> str:
    """Return the first thing a teacher is asked about a problem, as a person reads it."""
    return rendered(next(scheme.annotate(problem)))


async def dry_run(
    problems: Iterable[Problem], scheme: Scheme, teacher: Teacher, annotation: Annotation, paths: Paths
) -> None:
    """Print what an annotation would take."""
    path = paths.replies_of(teacher, scheme)
    stored = Replies(path) if teacher.paid and path.exists() else None
    out(_estimated(await estimate(problems, scheme, teacher, annotation, stored), teacher))
    if stored is not None:
        stored.close()


def _estimated(found: Estimate, teacher: Teacher) -> str:
    if not teacher.paid:
        return f"{found.problems:,} problems; {teacher.label} costs nothing\n"
    rows = [
        ("", "low", "expected", "high"),
        ("calls", *(f"{count:,.0f}" for count in found.calls)),
        ("prompt tokens", *(f"{count:,.0f}" for count in found.prompt_tokens)),
        ("reply tokens", *(f"{count:,.0f}" for count in found.completion_tokens)),
    ]
    if teacher.price is not None:
        rows.append(("US dollars", *(f"{cost:,.4f}" for cost in found.cost(teacher.price))))
    lines = [f"{name:<14}{low:>16}{expected:>16}{high:>16}" for name, low, expected, high in rows]
    price = teacher.price
    told = (
        f"${price.prompt * 1e6:g} a million prompt tokens, ${price.completion * 1e6:g} a million tokens of replies"
        if price
        else "not known: give input_price and output_price, US dollars a million tokens"
    )
    head = f"{found.problems:,} problems, {found.stored:,} replies are stored already"
    return "\n".join([head, *lines, f"price: {told}", f"tokens: counted by {teacher.tokenizer}", ""])


def annotated(tally: Tally, paths: Paths) -> None:
    """Say what came of an annotation, on standard error."""
    say(_summary(tally))
    if tally.done > tally.kept:
        _print_yield(tally)
        beside = paths.rejects
        say(f"rejected ones: {beside}" if beside else "rejected ones were not kept: name a file with --rejects")


def _summary(tally: Tally) -> str:
    words = [f"kept {tally.kept} of {tally.done}"]
    if tally.rationales > tally.kept:
        words.append(f"{tally.rationales} rationales")
    if tally.skipped:
        words.append(f"{tally.skipped} were done before")
    words += [f"{count} {reason}" for reason, count in tally.reasons.most_common()]
    if tally.miscalculated:
        words.append(f"{tally.miscalculated} kept with a miscalculation")
    if tally.waiting:
        words.append(f"{tally.waiting} without a stored reply")
    tokens = tally.usage.prompt_tokens + tally.usage.completion_tokens
    if tokens:
        words.append(f"{tokens:,} tokens")
    if tally.retried:
        words.append(f"{tally.retried} attempts repeated")
    return ", ".join(words + _money(tally))


def _money(tally: Tally) -> list[str]:
    words = []
    if tally.spent:
        before = f" (${tally.spent_before:.4f} of it before)" if tally.spent_before else ""
        words.append(f"${tally.spent:.4f} spent{before}")
    if tally.lost:
        words.append(f"up to ${tally.lost:.4f} for replies lost on the way")
    return words


def _print_yield(tally: Tally) -> None:
    """Print how much was kept by number of steps: what a teacher fails at is what students will lack."""
    table = Table("steps", "problems", "kept", "share", box=None, padding=(0, 2), header_style="")
    for column in table.columns[1:]:
        column.justify = "right"
    for steps, problems, kept in _rows(tally):
        table.add_row(steps, f"{problems:,}", f"{kept:,}", f"{kept / problems:.0%}")
    Console(stderr=True, highlight=False).print(table)


def _rows(tally: Tally) -> list[tuple[str, int, int]]:
    rows = [
        (str(steps) if steps else "unknown", row.problems, row.kept)
        for steps, row in sorted(tally.by_steps.items())
        if steps < _MANY_STEPS
    ]
    many = [row for steps, row in tally.by_steps.items() if steps >= _MANY_STEPS]
    if many:
        rows.append((f"{_MANY_STEPS} or more", sum(row.problems for row in many), sum(row.kept for row in many)))
    return rows
