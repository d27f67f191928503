"""How large the report of a whole study is, and how long a browser takes until its problems can be read.

.venv/bin/python -m tests.benchmarks.report_load --data-dir DATA

What eight arms of the study wrote to GSM8K's test problems (recipes/results/gsm8k-cpu). Writes results/report_load.md.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tests import chromium
from tests.benchmarks import measured
from tests.command import COMMAND

if TYPE_CHECKING:
    from playwright.sync_api import Browser

KEPT = measured.ROOT / "recipes/results/gsm8k-cpu"
ARMS = (
    "untrained",
    "answer-0",
    "cot-0",
    "cot-2000",
    "socratic-unified-0",
    "socratic-0",
    "socratic-ending-0",
    "socratic-gold-subquestions-0",
)
_MB = 1e6
# Frames of a list that is scrolled from its top to its end, as milliseconds between them.
_SCROLL = """async () => {
  const list = document.getElementById("list"), times = [];
  const frames = 120;
  for (let at = 0; at <= frames; at++) {
    list.scrollTop = (list.scrollHeight - list.clientHeight) * at / frames;
    times.push(await new Promise(requestAnimationFrame));
  }
  return times.slice(1).map((time, at) => time - times[at]);
}"""
_SEARCH = """word => {
  const began = performance.now();
  const input = document.getElementById("search");
  input.value = word;
  input.dispatchEvent(new Event("input", {bubbles: true}));
  return performance.now() - began;
}"""


class Visit(NamedTuple):
    """Milliseconds of one visit with a browser that has never seen the page."""

    ready: float
    frames: list[float]
    first_search: float
    next_search: float


def visited(opened: Browser, path: Path, **options: Any) -> Visit:
    """Open the page, scroll through all problems and search twice: the first search reads all texts."""
    with chromium.visit(opened, path, **options) as (page, heard):
        ready = float(page.get_attribute("html", "data-ready") or "nan")
        frames = page.evaluate(_SCROLL)
        searches = [page.evaluate(_SEARCH, word) for word in ("monday", "tuesday")]
        assert heard.errors == []
        return Visit(ready, frames, *searches)


def rows(name: str, visits: list[Visit]) -> Iterator[str]:
    """Yield a line for each thing that was measured."""
    frames = [max(visit.frames) for visit in visits]
    kinds = {
        "ready": [visit.ready for visit in visits],
        "slowest frame while scrolling": frames,
        "first search": [visit.first_search for visit in visits],
        "next search": [visit.next_search for visit in visits],
    }
    for kind, values in kinds.items():
        spread = f"{measured.quartiles(values, 0)} | {max(values):.0f}"
        yield f"| {name} | {kind} | {measured.middle(values, 0)} | {spread} |"


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, required=True, help="folder with gsm8k/test.jsonl")
    parser.add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium.browser() as opened:
        kept = [KEPT / f"{arm}.jsonl.gz" for arm in ARMS]
        scoring = [*COMMAND, "bench", *kept, "--problems", "gsm8k/test", "--data-dir", given.data_dir, "-o", folder]
        cost = measured.run(scoring, limit=600)
        path = Path(folder) / "report.html"
        size = path.stat().st_size / _MB
        phone = {"viewport": {"width": 390, "height": 844}}
        wide = [visited(opened, path) for _ in range(given.rounds)]
        narrow = [visited(opened, path, **phone) for _ in range(given.rounds)]
        browser = opened.version
    lines = [
        f"The report of {len(ARMS)} arms of the study on GSM8K's 1,319 problems: {size:.1f} MB; `socratic bench -o`"
        f" took {cost.seconds:.0f} s, tables, intervals and figures included. Opened {given.rounds} times each, from a"
        " file, in a new profile; ready is `performance.now()` when the problems can be read.",
        "",
        measured.machine(("matplotlib", "playwright")).rstrip(".") + f", Chromium {browser} headless.",
        f"Made by `{measured.command_line()}`.",
        "",
        "| window | milliseconds until, or of | median | quartiles | most |",
        "|---|---|--:|---|--:|",
        *rows("1280 x 800", wide),
        *rows("390 x 844", narrow),
    ]
    measured.write("report_load", lines)


if __name__ == "__main__":
    main()
