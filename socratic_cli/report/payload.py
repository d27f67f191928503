"""What the page's browser over problems reads: findings as JSON, compressed.

    runs      [{name, arm}]                   arm: its place, for its colour
    problems  [{id, question, answer, steps: [{ask, text}], facts}]
    attempts  of every run, in the order of the problems: null, or
              {outcome, answer, steps: [{ask, text, found, slips}], reason, fault, at, replies, plan, votes, ...}

A field that says nothing is left out. Texts are as they were written; the page shows them as text alone.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterator, Sequence
from typing import Any

from socratic_cli.records import Problem, Solution, Step
from socratic_cli.report.marks import Gold, gold_of, marked
from socratic_cli.report.model import Attempt, Case, Findings

MAX_BYTES = 11 * 1024**2
"""Of compressed text: with the figures and in letters it is a page under 15 MB."""
_MAX_TEXT = 4000
_MAX_STEPS = 64
_LEVEL = 6


def payload(findings: Findings, max_bytes: int = MAX_BYTES) -> tuple[str, int]:
    """Return the data of the browser in base64, and how many problems it holds.

    Where all do not fit, every second, third ... problem is taken: a sample without a choice.
    """
    cases, stride = list(findings.cases), 1
    while True:
        taken = cases[::stride]
        packed = gzip.compress(_json(findings, taken), _LEVEL, mtime=0)
        if len(packed) <= max_bytes or len(taken) <= 1:
            return base64.b64encode(packed).decode("ascii"), len(taken)
        stride = max(stride + 1, -(-stride * len(packed) // max_bytes))


def _json(findings: Findings, cases: Sequence[Case]) -> bytes:
    golds = [gold_of(case.problem) for case in cases]
    data = {
        "runs": [{"name": run.name, "arm": run.arm} for run in findings.runs],
        "problems": [_problem(case.problem) for case in cases],
        "attempts": [
            [_attempt(case.attempts[at], gold) for case, gold in zip(cases, golds, strict=True)]
            for at in range(len(findings.runs))
        ],
    }
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode()


def _problem(problem: Problem) -> dict[str, Any]:
    return _said(
        id=problem.id,
        question=_cut(problem.question),
        answer=problem.answer,
        steps=[_step(step) for step in problem.steps],
        facts=[_cut(fact) for fact in problem.facts],
    )


def _step(step: Step) -> dict[str, Any]:
    return _said(ask=_cut(step.subquestion or ""), text=_cut(step.solution))


def _attempt(attempt: Attempt | None, gold: Gold) -> dict[str, Any] | None:
    if attempt is None:
        return None
    solution = attempt.solution
    return _said(
        outcome=attempt.outcome,
        answer=_cut(solution.answer or ""),
        steps=list(_steps(gold, solution.steps[:_MAX_STEPS])),
        more=max(0, len(solution.steps) - _MAX_STEPS),
        reason=(solution.unanswered or "no reason given") if attempt.outcome == "unanswered" else "",
        **_fault(attempt),
        **_asides(solution),
    )


def _steps(gold: Gold, steps: Sequence[Step]) -> Iterator[dict[str, Any]]:
    for step, mark in zip(steps, marked(gold, steps), strict=True):
        yield {**_step(step), **_said(found=mark.found, slips=list(mark.slips))}


def _fault(attempt: Attempt) -> dict[str, Any]:
    return _said(fault=attempt.fault.kind, at=attempt.fault.step, why=attempt.fault.detail) if attempt.fault else {}


def _asides(solution: Solution) -> dict[str, Any]:
    """Return what stands beside the steps; the replies as they came only where no step could be read from them."""
    plans = [turn.reply for turn in solution.trace if turn.role == "planner"]
    replies = [] if solution.steps else [turn for turn in solution.trace if turn.role != "planner"][:_MAX_STEPS]
    is_said_by_answer = len(replies) == 1 and replies[0].reply.strip("# \n") == solution.answer
    return _said(
        plan=_cut("\n".join(plans).strip()),
        replies=[] if is_said_by_answer else [[turn.role, _cut(turn.reply)] for turn in replies],
        calculator=[line for turn in solution.trace for line in turn.calculator][:_MAX_STEPS],
        votes=solution.votes,
        tokens=solution.usage.completion_tokens,
        leaked=solution.leaked,
    )


def _said(**fields: Any) -> dict[str, Any]:
    # 0 is the first step of a fault and says something; False, "" and [] do not.
    return {
        name: value for name, value in fields.items() if value or (value == 0 and name == "at" and value is not None)
    }


def _cut(text: str) -> str:
    """Return a text, cut where a reply went on and on."""
    if len(text) <= _MAX_TEXT:
        return text
    return f"{text[:_MAX_TEXT]} [\N{HORIZONTAL ELLIPSIS} {len(text) - _MAX_TEXT:,} more characters]"
