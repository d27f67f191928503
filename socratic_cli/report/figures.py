"""Figures for the page and for papers, drawn with matplotlib."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import socratic_cli.report.colours as colours
import socratic_cli.report.losses as losses
import socratic_cli.report.plots as plots
from socratic_cli.report.model import Findings, Section

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Any: matplotlib types its settings by their names, one by one.
_STYLE: dict[Any, Any] = {
    "font.family": "sans-serif",
    "font.size": 8.5,
    "axes.edgecolor": colours.MUTED,
    "axes.labelcolor": colours.INK,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "grid.color": colours.RULE,
    "grid.linewidth": 0.5,
    "text.color": colours.INK,
    "xtick.color": colours.MUTED,
    "ytick.color": colours.MUTED,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "svg.hashsalt": "socratic",
    # A dollar in a name is no formula.
    "text.parse_math": False,
}


class Drawing(NamedTuple):
    """A figure that can be drawn at any width, with its caption and the section it stands in."""

    name: str
    section: Section
    caption: str
    draw: Callable[[float], Figure]


def drawings(findings: Findings) -> Iterator[Drawing]:
    """Yield every figure that there is data for."""
    arms = findings.arms
    if arms:
        caption = "Accuracy with 95% Wilson intervals."
        yield Drawing("accuracy", "scores", caption, lambda width: plots.accuracy(arms, width))
    if any(len(arm.by_steps) > 1 for arm in arms):
        caption = "Accuracy by the number of gold steps, with 95% Wilson intervals; grey, the other arms."
        if len(arms) <= plots.TOGETHER:
            caption = caption.partition(";")[0] + "."
        yield Drawing("accuracy-by-steps", "steps", caption, lambda width: plots.by_steps(arms, width))
    if any(arm.cost.completion_tokens for arm in arms) and len(arms) > 1:
        caption = "Accuracy against tokens written for each problem, with 95% Wilson intervals."
        yield Drawing("accuracy-by-cost", "cost", caption, lambda width: plots.by_cost(arms, width))
    if findings.curves:
        caption = "Training loss by optimiser step, a mean of neighbours; circles, the loss on held-out problems."
        yield Drawing("training", "training", caption, lambda width: losses.training(findings.curves, arms, width))


def save(drawing: Drawing, folder: Path) -> list[Path]:
    """Write a figure for papers: SVG and PDF with their letters as shapes or fonts, and a PNG."""
    from matplotlib import rc_context

    folder.mkdir(parents=True, exist_ok=True)
    with rc_context({**_STYLE, "svg.fonttype": "path", "pdf.fonttype": 42}):
        figure = drawing.draw(plots.WIDE)
        paths = [folder / f"{drawing.name}.{form}" for form in ("svg", "pdf", "png")]
        for path in paths:
            # No date: the same findings are the same file.
            dated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(path.suffix[1:], {})
            figure.savefig(path, dpi=220, metadata=dated, facecolor="white")
    return paths


def inline(drawing: Drawing, width: float) -> str:
    """Return a figure as SVG for the page: its letters are text, its colours the page's."""
    from matplotlib import rc_context

    with rc_context({**_STYLE, "svg.fonttype": "none"}):
        stream = io.StringIO()
        drawing.draw(width).savefig(stream, format="svg", metadata={"Date": None}, transparent=True)
    return colours.themed(_for_page(stream.getvalue(), f"{drawing.name}-{width:g}"))


def _for_page(svg: str, prefix: str) -> str:
    """Keep the drawing alone, with names of its own: a page holds several, and no name twice."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'(?<=\bid=")|(?<=href="#)|(?<=url\(#)', f"{prefix}-", svg)
    # What a screen reader is told is the caption; the marks alone say nothing to it.
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1).replace("font-family", "data-font")
