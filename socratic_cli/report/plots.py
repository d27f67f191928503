"""The plots behind the figures."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import socratic_cli.report.colours as colours
from socratic_cli.report.model import Arm, Share
from socratic_cli.stages.bench import wilson

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDE, NARROW = 7.2, 3.7
"""Inches: as wide as the text of a page, and as a phone."""
TOGETHER = 3
"""So many arms can be told apart on one pair of axes."""

_FEW = 20


def canvas(width: float, height: float) -> Figure:
    """Return an empty figure; its parts make room for one another."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def accuracy(arms: Sequence[Arm], width: float) -> Figure:
    """Draw the accuracy of every arm."""
    figure = canvas(width, 0.7 + 0.28 * len(arms))
    axes = figure.subplots()
    for at, arm in enumerate(arms):
        _point(axes, arm.share.accuracy, at, arm.share, at, sideways=True)
    axes.set_yticks(range(len(arms)), [short(arm.name, 44 if width == WIDE else 20) for arm in arms])
    axes.tick_params(axis="y", length=0, labelcolor=colours.INK)
    axes.invert_yaxis()
    axes.grid(False, axis="y")
    axes.spines["left"].set_visible(False)
    axes.set_xlim(left=0)
    _percent(axes, "x")
    return figure


def by_steps(arms: Sequence[Arm], width: float) -> Figure:
    """Draw accuracy by the number of gold steps: few arms on one pair of axes, many on one each."""
    if len(arms) <= TOGETHER:
        return _steps_together(arms, width)
    columns = min(4 if width == WIDE else 2, len(arms))
    rows = math.ceil(len(arms) / columns)
    figure = canvas(width, 1.55 * rows + 0.2)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    series = [pooled(arm.by_steps) for arm in arms]
    for at, axes in enumerate(grid.flat):
        if at >= len(arms):
            axes.set_visible(False)
            continue
        for other in series:
            axes.plot(*_line(other), color=colours.RULE, linewidth=0.9, zorder=1)
        _steps_of(axes, series[at], at, 0.0)
        axes.set_title(short(arms[at].name, 24))
        axes.tick_params(labelbottom=at + columns >= len(arms))
    _label_steps(list(grid.flat), series)
    figure.supxlabel("gold steps", fontsize=8.5)
    return figure


def _steps_together(arms: Sequence[Arm], width: float) -> Figure:
    figure = canvas(width, 2.9)
    axes = figure.subplots()
    series = [pooled(arm.by_steps) for arm in arms]
    for at, shares in enumerate(series):
        _steps_of(axes, shares, at, 0.08 * (at - (len(arms) - 1) / 2), label=short(arms[at].name, 40))
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
        shares[f"{tail[0]}+"] = Share(correct, problems, *wilson(correct, problems))
    return shares


def by_cost(arms: Sequence[Arm], width: float) -> Figure:
    """Draw accuracy against what an answer takes."""
    figure = canvas(width, 2.9 if width == WIDE else 2.6 + 0.16 * len(arms))
    axes = figure.subplots()
    written = [arm.cost.completion_tokens / max(1, arm.cost.attempts) for arm in arms]
    for at, (arm, tokens) in enumerate(zip(arms, written, strict=True)):
        _point(axes, tokens, arm.share.accuracy, arm.share, at, label=short(arm.name, 34))
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
        clip_on=False,  # a point at zero is drawn whole
    )


def _percent(axes: Axes, side: str) -> None:
    from matplotlib.ticker import PercentFormatter

    (axes.xaxis if side == "x" else axes.yaxis).set_major_formatter(PercentFormatter(1, decimals=None))


def short(name: str, length: int) -> str:
    """Return a name that fits."""
    name = " ".join(name.split())
    return name if len(name) <= length else f"{name[: length - 1]}\N{HORIZONTAL ELLIPSIS}"
