"""The training curve of a student, drawn from its metrics.jsonl: loss, what was measured on held-out problems, rate."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

METRICS, NAME = "metrics.jsonl", "training.png"
log = logging.getLogger(__name__)

# Okabe and Ito's colours: told apart by the colour-blind, and in grey by their lightness.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00")
_STYLE: Any = {  # its own keys, which matplotlib lists one by one
    "font.size": 8,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.color": "#E5E5E5",
    "grid.linewidth": 0.5,
    "legend.frameon": False,
}
_PANELS = {"loss": "loss (nats a token)", "held_out_accuracy": "held out, solved", "learning_rate": "learning rate"}
_WIDTH, _HEIGHT, _LOW, _DPI = 5.5, 3.0, 0.9, 300

_KEPT = "step kept"

Lines = Sequence[Mapping[str, Any]]


def draw(folder: Path, kept: Mapping[str, int | None] | None = None) -> None:
    """Draw training.png beside the metrics in a folder, with the step that each role kept.

    It is drawn when the training is over, and a picture is not worth a trained student: whatever fails is a warning.
    """
    try:
        roles = by_role(folder / METRICS)
        if roles:
            _draw(roles, kept or {}, folder / NAME)
    except Exception as fault:
        log.warning("%s was not drawn: %s", NAME, fault)


def by_role(path: Path) -> dict[str, Lines]:
    """Read what was noted of each role, in the order of its steps; a line torn by the end of a run is passed over."""
    found: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    if path.is_file():
        for line in _whole(path):
            found[line["role"]].append(line)
    return {role: sorted(found[role], key=lambda line: line["step"]) for role in sorted(found)}


def smoothed(values: Sequence[float]) -> list[float]:
    """Return the moving average over a tenth of the values, centred so that it does not lag: narrower at the ends."""
    sums = [0.0, *accumulate(values)]
    last = len(values) - 1
    reaches = [min(len(values) // 20, at, last - at) for at in range(len(values))]
    return [(sums[at + reach + 1] - sums[at - reach]) / (2 * reach + 1) for at, reach in enumerate(reaches)]


def _whole(path: Path) -> Iterator[Mapping[str, Any]]:
    for text in path.read_text(encoding="utf-8").splitlines():
        try:
            yield json.loads(text)
        except ValueError:
            continue


def _draw(roles: Mapping[str, Lines], kept: Mapping[str, int | None], path: Path) -> None:
    import matplotlib as mpl
    from matplotlib.figure import Figure  # never pyplot: it would look for a display

    shown = [name for name in _PANELS if any(name in line for lines in roles.values() for line in lines)]
    heights = [_HEIGHT if name == "loss" else _LOW for name in shown]
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(_WIDTH, sum(heights) + 0.4), layout="constrained")
        panels = figure.subplots(len(shown), sharex=True, height_ratios=heights, squeeze=False)[:, 0]
        for name, panel in zip(shown, panels, strict=True):
            panel.set_ylabel(_PANELS[name])
            for colour, (role, lines) in zip(_COLOURS, roles.items(), strict=False):
                _panel(panel, name, role, lines, kept.get(role), colour)
        panels[-1].set_xlabel("optimiser step")
        panels[0].legend()
        beside = path.with_name(f".{path.name}.part")
        figure.savefig(beside, format="png", dpi=_DPI)
    beside.replace(path)


def _panel(panel: Axes, name: str, role: str, lines: Lines, kept: int | None, colour: str) -> None:
    steps = [line["step"] for line in lines]
    if name == "learning_rate":
        panel.plot(steps, [line[name] for line in lines], color=colour, linewidth=1)
        panel.ticklabel_format(axis="y", scilimits=(-3, 3), useMathText=True)
    elif name == "loss":
        losses = [line["loss"] for line in lines]
        panel.plot(steps, losses, color=colour, linewidth=0.5, alpha=0.3)
        panel.plot(steps, smoothed(losses), color=colour, linewidth=1.4, label=role)
        _held_out(panel, "held_out_loss", lines, kept, colour, f"{role}, held out")
    else:
        _held_out(panel, name, lines, kept, colour)
        panel.yaxis.set_major_formatter("{x:.0%}")


def _held_out(panel: Axes, name: str, lines: Lines, kept: int | None, colour: str, label: str | None = None) -> None:
    """Draw the points that were measured, and a ring around the one that was kept."""
    points = [(line["step"], line[name]) for line in lines if name in line]
    if not points:
        return
    panel.plot(*zip(*points, strict=True), "o--", color=colour, linewidth=0.8, markersize=3, label=label)
    best = [point for point in points if point[0] == kept]
    if best:
        told = _KEPT not in panel.get_legend_handles_labels()[1]  # once for all roles
        panel.plot(*best[0], "o", color="#333333", markersize=9, fillstyle="none", label=_KEPT if told else None)
