"""The page: one HTML file with everything in it, which nothing that a model wrote can make run.

Jinja2 escapes every text; the browser over problems writes text alone; and the page's own policy allows the one script
that it brings, by its hash, and no network.
"""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from typing import TYPE_CHECKING, NamedTuple

import socratic_cli.report.colours as colours
from socratic_cli import __version__
from socratic_cli.report.figures import drawings, inline
from socratic_cli.report.formats import shown
from socratic_cli.report.matrix import matrix
from socratic_cli.report.model import Findings, Section, Table
from socratic_cli.report.payload import payload
from socratic_cli.report.plots import NARROW, WIDE
from socratic_cli.report.tables import tables

if TYPE_CHECKING:
    from jinja2 import Environment

_SCRIPTS = ("data", "texts", "filters", "rows", "dialogue", "browser")
_MANY_RUNS = 16
_HEADINGS: dict[Section, str] = {
    "scores": "Scores",
    "steps": "Accuracy by number of steps",
    "comparisons": "Comparisons",
    "slices": "Slices",
    "faults": "Whose fault",
    "decomposers": "Decomposers",
    "cost": "Cost",
    "training": "Training",
    "leaks": "Questions seen before",
}


class _Figure(NamedTuple):
    caption: str
    wide: str
    narrow: str


class _Part(NamedTuple):
    """A section of the page."""

    name: str
    heading: str
    figures: list[_Figure]
    tables: list[Table]


def page(findings: Findings) -> str:
    """Return the page."""
    data, held = payload(findings)
    script = "\n".join(_text(f"{name}.js") for name in _SCRIPTS)
    return (
        _environment()
        .get_template("report.html")
        .render(
            findings=findings,
            parts=_parts(findings),
            pairs=matrix(findings) if len(findings.runs) <= _MANY_RUNS else [],
            shown=shown,
            # The run that stands for an arm where a number leads to its problems.
            first_run=[[run.arm for run in findings.runs].index(at) for at in range(len(findings.arms))],
            version=__version__,
            light=colours.variables(is_dark=False),
            dark=colours.variables(is_dark=True),
            script=script,
            script_hash=_hash(script),
            data=data,
            held=held,
        )
    )


def _parts(findings: Findings) -> list[_Part]:
    made, found = list(drawings(findings)), tables(findings)
    parts = [
        _Part(
            section,
            heading,
            # The page's first table shows its own bars, which say what the first figure says.
            [
                _Figure(drawing.caption, inline(drawing, WIDE), inline(drawing, NARROW))
                for drawing in made
                if drawing.section == section and section != "scores"
            ],
            [table for table in found if table.section == section],
        )
        for section, heading in _HEADINGS.items()
    ]
    return [part for part in parts if part.figures or part.tables]


def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("socratic_cli.report")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _text(name: str) -> str:
    return (files("socratic_cli.report") / "templates" / name).read_text(encoding="utf-8")


def _hash(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(f"\n{script}\n".encode()).digest()).decode("ascii")
    return f"sha256-{digest}"
