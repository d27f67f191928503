"""Figures for the page and for papers, drawn with matplotlib."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from socratic_cli.report import colours
from socratic_cli.report.model import Arm, Curve, Findings, Section, Share
from socratic_cli.stages.bench import wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# As wide as the text of a page, and as a phone.
WIDE, NARROW = 7.2, 3.7
_FEW = 20
_TOGETHER = 3
_POINTS = 300
_STYLE = {
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
        yield Drawing("accuracy", "scores", caption, lambda width: _accuracy(arms, width))
    if any(len(arm.by_steps) > 1 for arm in arms):
        caption = "Accuracy by the number of gold steps, with 95% Wilson intervals; grey, the other arms."
        if len(arms) <= _TOGETHER:
            caption = caption.partition(";")[0] + "."
        yield Drawing("accuracy-by-steps", "steps", caption, lambda width: _by_steps(arms, width))
    if any(arm.cost.completion_tokens for arm in arms) and len(arms) > 1:
        caption = "Accuracy against tokens written for each problem, with 95% Wilson intervals."
        yield Drawing("accuracy-by-cost", "cost", caption, lambda width: _by_cost(arms, width))
    if findings.curves:
        caption = "Training loss by optimiser step, each point a mean over neighbouring steps."
        yield Drawing("training", "training", caption, lambda width: _training(findings.curves, arms, width))


def save(drawing: Drawing, folder: Path) -> list[Path]:
    """Write a figure for papers: SVG and PDF with their letters as shapes or fonts, and a PNG."""
    from matplotlib import rc_context

    folder.mkdir(parents=True, exist_ok=True)
    with rc_context({**_STYLE, "svg.fonttype": "path", "pdf.fonttype": 42}):
        figure = drawing.draw(WIDE)
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


def _figure(width: float, height: float) -> Figure:
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _accuracy(arms: Sequence[Arm], width: float) -> Figure:
    figure = _figure(width, 0.7 + 0.28 * len(arms))
    axes = figure.subplots()
    for at, arm in enumerate(arms):
        _point(axes, arm.share.accuracy, at, arm.share, at, sideways=True)
    axes.set_yticks(range(len(arms)), [_short(arm.name, 44 if width == WIDE else 20) for arm in arms])
    axes.tick_params(axis="y", length=0, labelcolor=colours.INK)
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlim(left=0)
    _percent(axes, "x")
    return figure


def _by_steps(arms: Sequence[Arm], width: float) -> Figure:
    if len(arms) <= _TOGETHER:
        return _steps_together(arms, width)
    columns = min(4 if width == WIDE else 2, len(arms))
    rows = math.ceil(len(arms) / columns)
    figure = _figure(width, 1.55 * rows + 0.2)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    series = [pooled(arm.by_steps) for arm in arms]
    for at, axes in enumerate(grid.flat):
        if at >= len(arms):
            axes.set_visible(False)
            continue
        for other in series:
            axes.plot(*_line(other), color=colours.RULE, linewidth=0.9, zorder=1)
        _steps_of(axes, series[at], at, 0.0)
        axes.set_title(_short(arms[at].name, 24))
        axes.tick_params(labelbottom=at + columns >= len(arms))
    _label_steps(list(grid.flat), series)
    figure.supxlabel("gold steps", fontsize=8.5)
    return figure


def _steps_together(arms: Sequence[Arm], width: float) -> Figure:
    figure = _figure(width, 2.9)
    axes = figure.subplots()
    series = [pooled(arm.by_steps) for arm in arms]
    for at, shares in enumerate(series):
        _steps_of(axes, shares, at, 0.08 * (at - (len(arms) - 1) / 2), label=_short(arms[at].name, 40))
    _label_steps([axes], series)
    axes.set_xlabel("gold steps")
    figure.legend(loc="outside upper left", ncols=len(arms) if width == WIDE else 1)
    return figure


def _steps_of(axes: Axes, shares: dict[str, Share], at: int, shift: float, label: str | None = None) -> None:
    places = _places(shares)
    for place, share in zip(places, shares.values(), strict=True):
        _point(axes, place + shift, share.accuracy, share, at)
    line = [share.accuracy for share in shares.values()]
    shifted = [place + shift for place in places]
    axes.plot(shifted, line, color=colours.of_arm(at), linestyle=colours.dash_of_arm(at), linewidth=1.2, label=label)


def _line(shares: dict[str, Share]) -> tuple[list[int], list[float]]:
    return _places(shares), [share.accuracy for share in shares.values()]


def _places(shares: dict[str, Share]) -> list[int]:
    return [int(steps.rstrip("+")) for steps in shares]


def _label_steps(axes: Sequence[Axes], series: Sequence[dict[str, Share]]) -> None:
    labels = {int(steps.rstrip("+")): steps for shares in series for steps in shares}
    for one in axes:
        one.set_xticks(sorted(labels), [labels[place] for place in sorted(labels)])
        one.set_ylim(bottom=0)
        _percent(one, "y")


def pooled(by_steps: Mapping[int, Share]) -> dict[str, Share]:
    """Return shares by number of steps; the longest problems, where few, are one point ("8+")."""
    left = sorted(by_steps)
    tail: list[int] = []
    while len(left) > 1 and sum(by_steps[steps].problems for steps in tail) + by_steps[left[-1]].problems < _FEW:
        tail.insert(0, left.pop())
    if tail and len(left) > 1:
        tail.insert(0, left.pop())
    shares = {str(steps): by_steps[steps] for steps in left}
    if tail:
        correct = sum(by_steps[steps].correct for steps in tail)
        problems = sum(by_steps[steps].problems for steps in tail)
        shares[f"{tail[0]}+"] = Share(correct, problems, *wilson(round(correct), problems))
    return shares


def _by_cost(arms: Sequence[Arm], width: float) -> Figure:
    figure = _figure(width, 2.9 if width == WIDE else 2.6 + 0.16 * len(arms))
    axes = figure.subplots()
    written = [arm.cost.completion_tokens / max(1, arm.cost.attempts) for arm in arms]
    for at, (arm, tokens) in enumerate(zip(arms, written, strict=True)):
        _point(axes, tokens, arm.share.accuracy, arm.share, at, label=_short(arm.name, 34))
    if min(written) > 0 and max(written) > 8 * min(written):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.set_xlabel("tokens written for each problem")
    axes.set_ylim(bottom=0)
    _percent(axes, "y")
    beside = width == WIDE
    figure.legend(loc="outside right upper" if beside else "outside lower left", ncols=1)
    return figure


def _point(
    axes: Axes, x: float, y: float, share: Share, at: int, *, sideways: bool = False, label: str | None = None
) -> None:
    """Draw a share with its interval."""
    error = [[max(0.0, share.accuracy - share.low)], [max(0.0, share.high - share.accuracy)]]
    axes.errorbar(
        [x],
        [y],
        xerr=error if sideways else None,
        yerr=None if sideways else error,
        color=colours.of_arm(at),
        marker=colours.MARKERS[at % len(colours.MARKERS)],
        markersize=4,
        elinewidth=1,
        linestyle="none",
        label=label,
    )


def _training(curves: Sequence[Curve], arms: Sequence[Arm], width: float) -> Figure:
    panels = [(role, list(of_role)) for role, of_role in groupby(sorted(curves, key=_role), key=_role)]
    columns = min(len(panels), 3 if width == WIDE else 1)
    rows = math.ceil(len(panels) / columns)
    figure = _figure(width, 2.4 * rows + 0.3)
    places = _arm_places(curves, arms)
    named: set[str] = set()
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (role, of_role) in zip(grid.flat, panels, strict=False):
        axes.set_title(role)
        axes.set_xlabel("step")
        for curve in of_role:
            at = places[curve.student]
            label = None if curve.student in named else _short(curve.student, 40)
            named.add(curve.student)
            steps, values = smoothed(curve.points)
            axes.plot(
                steps, values, color=colours.of_arm(at), linestyle=colours.dash_of_arm(at), linewidth=1.1, label=label
            )
    if len(named) > 1:
        figure.legend(loc="outside lower left", ncols=2 if width == WIDE else 1)
    return figure


def _role(curve: Curve) -> str:
    return f"{curve.role}: {curve.measure}"


def _arm_places(curves: Sequence[Curve], arms: Sequence[Arm]) -> dict[str, int]:
    """Give a student the colour of its arm, and the others the colours after them."""
    places = {author: at for at, arm in enumerate(arms) for author in arm.authors}
    for curve in curves:
        places.setdefault(curve.student, len(places))
    return places


def smoothed(points: Sequence[tuple[int, float]]) -> tuple[list[float], list[float]]:
    """Return at most some hundred points, each the mean of its neighbours, so that a trend is seen through the noise."""
    size = max(1, math.ceil(len(points) / _POINTS), len(points) // 60)
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return (
        [sum(step for step, _ in part) / len(part) for part in parts],
        [sum(value for _, value in part) / len(part) for part in parts],
    )


def _percent(axes: Axes, side: str) -> None:
    from matplotlib.ticker import PercentFormatter

    (axes.xaxis if side == "x" else axes.yaxis).set_major_formatter(PercentFormatter(1, decimals=None))


def _short(name: str, length: int) -> str:
    name = " ".join(name.split())
    return name if len(name) <= length else f"{name[: length - 1]}\N{HORIZONTAL ELLIPSIS}"
