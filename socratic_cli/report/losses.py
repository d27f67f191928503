"""The plot of training: how the loss of every role fell."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING

import socratic_cli.report.colours as colours
from socratic_cli.report.model import TRAINING, Arm, Curve
from socratic_cli.report.plots import WIDE, canvas, short

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 300


def training(curves: Sequence[Curve], arms: Sequence[Arm], width: float) -> Figure:
    """Draw the losses of every role."""
    panels = [(role, list(of_role)) for role, of_role in groupby(sorted(curves, key=_role), key=_role)]
    columns = min(len(panels), 3 if width == WIDE else 1)
    rows = math.ceil(len(panels) / columns)
    figure = canvas(width, 2.4 * rows + 0.3)
    places = _arm_places(curves, arms)
    named: set[str] = set()
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, (role, of_role) in zip(grid.flat, panels, strict=False):
        axes.set_title(role)
        axes.set_xlabel("step")
        for curve in of_role:
            label = None if curve.student in named else short(curve.student, 40)
            named.add(curve.student)
            _curve(axes, curve, places[curve.student], label)
    if len(named) > 1:
        figure.legend(loc="outside lower left", ncols=2 if width == WIDE else 1)
    return figure


def _curve(axes: Axes, curve: Curve, at: int, label: str | None) -> None:
    """Draw what was learnt from as a line, what was held out as points."""
    if curve.measure == TRAINING:
        steps, values = smoothed(curve.points)
        dash = colours.dash_of_arm(at)
        axes.plot(steps, values, color=colours.of_arm(at), label=label, linestyle=dash, linewidth=1.1)
    else:
        steps, values = [step for step, _ in curve.points], [value for _, value in curve.points]
        colour = colours.of_arm(at)
        axes.plot(steps, values, "o", color=colour, label=label, markersize=3.5, markerfacecolor="none")


def _role(curve: Curve) -> str:
    return curve.role


def _arm_places(curves: Sequence[Curve], arms: Sequence[Arm]) -> dict[str, int]:
    """Give a student the colour of its arm, and the others the colours after them."""
    places = {author: at for at, arm in enumerate(arms) for author in arm.authors}
    for curve in curves:
        places.setdefault(curve.student, len(places))
    return places


def smoothed(points: Sequence[tuple[int, float]]) -> tuple[list[float], list[float]]:
    """Return at most some hundred points, each a mean of neighbours: a trend is seen through the noise."""
    size = max(1, math.ceil(len(points) / _POINTS), len(points) // 60)
    parts = [points[start : start + size] for start in range(0, len(points), size)]
    return (
        [sum(step for step, _ in part) / len(part) for part in parts],
        [sum(value for _, value in part) / len(part) for part in parts],
    )
