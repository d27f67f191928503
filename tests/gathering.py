"""Solutions as a report tells them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from socratic_cli.records import Solution
from socratic_cli.report import Curve, Fault, Findings, Table, evaluated
from socratic_cli.stages.bench import evaluate


def gather(
    solutions: Iterable[Solution],
    *,
    fault_of: Callable[[Solution], Fault | None] | None = None,
    tables: Sequence[Table] = (),
    curves: Sequence[Curve] = (),
) -> Findings:
    """Return what a report tells of solutions; `fault_of` says what went wrong first, in place of the analysis."""
    findings = evaluated(evaluate(solutions), tables=tables, curves=curves)
    assert findings is not None
    if fault_of is None:
        return findings
    cases = tuple(
        replace(case, attempts=tuple(one and replace(one, fault=fault_of(one.solution)) for one in case.attempts))
        for case in findings.cases
    )
    return replace(findings, cases=cases)
