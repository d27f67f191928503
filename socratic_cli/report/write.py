"""A report in a folder: the page, its tables and figures as files, and what every arm answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from socratic_cli import jsonl
from socratic_cli.errors import OutputError
from socratic_cli.report.figures import drawings, save
from socratic_cli.report.formats import markdown, write_csv
from socratic_cli.report.model import Findings
from socratic_cli.report.page import page
from socratic_cli.report.tables import tables


def write(findings: Findings, folder: Path) -> Path:
    """Write the report and return the path of its page.

        report.html        everything on one page, with a browser over the problems; needs no network
        report.md          the tables
        tables/*.csv       the tables with raw numbers
        figures/*          each figure as SVG, PDF and PNG
        outcomes.jsonl     one line for each problem: what every arm answered, and whether that is correct

    Raises:
        OutputError: the folder cannot be written.
    """
    try:
        for part in ("tables", "figures"):
            (folder / part).mkdir(parents=True, exist_ok=True)
        (folder / "report.html").write_text(page(findings), encoding="utf-8")
        _write_tables(findings, folder)
        for drawing in drawings(findings):
            save(drawing, folder / "figures")
        jsonl.write_all(folder / "outcomes.jsonl", _outcomes(findings))
    except OSError as fault:
        raise OutputError(f"{folder} cannot be written: {fault.strerror}") from fault
    return folder / "report.html"


def _write_tables(findings: Findings, folder: Path) -> None:
    found = tables(findings)
    for table in found:
        write_csv(table, findings, folder / "tables")
    text = "\n\n".join("\n".join(markdown(table, findings)) for table in found)
    notes = "".join(f"{note}\n\n" for note in findings.notes)
    (folder / "report.md").write_text(f"{notes}{text}\n", encoding="utf-8")


def _outcomes(findings: Findings) -> Iterator[dict[str, Any]]:
    for case in findings.cases:
        yield {
            "id": case.problem.id,
            "answer": case.problem.answer,
            "gold_steps": len(case.problem.steps),
            "runs": {
                run.name: {
                    "outcome": attempt.outcome,
                    "answer": attempt.solution.answer,
                    **({"reason": attempt.solution.unanswered} if attempt.solution.unanswered else {}),
                    **({"fault": attempt.fault.kind, "step": attempt.fault.step} if attempt.fault else {}),
                }
                for run, attempt in zip(findings.runs, case.attempts, strict=True)
                if attempt is not None
            },
        }
