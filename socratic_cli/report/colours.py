"""One palette for the page and the figures: told apart by people who see colours otherwise, on light and on dark.

Figures are drawn in the light colours; inside the page each gives way to a variable, so that one drawing serves both.
"""

from __future__ import annotations

import re

INK, MUTED, RULE = "#22211f", "#6b6862", "#dcd8cf"
_LIGHT = ("#2f5f8f", "#b4502c", "#3a7d5c", "#85569b", "#94700f", "#23808a", "#ad3f6b", "#5b636e")
_DARK = ("#86b4e2", "#ea9472", "#80c8a0", "#c8a0dc", "#dcb855", "#70ccd4", "#ec8fb4", "#aeb6c0")
_NAMES = {INK: "ink", MUTED: "muted", RULE: "rule", **{colour: f"arm-{at}" for at, colour in enumerate(_LIGHT)}}
_HEX = re.compile("|".join(_NAMES))

MARKERS = "osD^vPX*"
DASHES = ("-", "--", ":", "-.")


def of_arm(at: int) -> str:
    """Return the colour of an arm by its place; a ninth arm takes the first again, with another dash."""
    return _LIGHT[at % len(_LIGHT)]


def dash_of_arm(at: int) -> str:
    """Return the line style that tells apart the arms of one colour."""
    return DASHES[at // len(_LIGHT) % len(DASHES)]


def variables(is_dark: bool) -> dict[str, str]:
    """Return the page's variables of the arms' colours."""
    return {f"--arm-{at}": colour for at, colour in enumerate(_DARK if is_dark else _LIGHT)}


def themed(svg: str) -> str:
    """Return a drawing whose colours are the page's."""
    return _HEX.sub(lambda found: f"var(--{_NAMES[found[0]]})", svg)
