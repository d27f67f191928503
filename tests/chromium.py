"""A real browser, headless, which tells what it logged and what it asked of the network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_QUIET = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def path() -> str | None:
    """Return where a browser is installed."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


@dataclass
class Heard:
    """What a page said: errors, lines of the console, and addresses that it asked for."""

    errors: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def browser() -> Iterator[Browser]:
    """Open a browser, or skip the test where there is none."""
    playwright = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed")
    found = path()
    if found is None:
        pytest.skip("no Chromium: install the package chromium")
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=found, args=list(_QUIET), chromium_sandbox=False)
        yield opened
        opened.close()


@contextmanager
def visit(opened: Browser, file: Path, address: str = "", **options: Any) -> Iterator[tuple[Page, Heard]]:
    """Open a file as a reader would, and wait until its problems are there."""
    context = opened.new_context(**{"viewport": {"width": 1280, "height": 800}, "reduced_motion": "reduce", **options})
    page, heard = context.new_page(), Heard()
    page.set_default_timeout(15_000)
    page.on("pageerror", lambda fault: heard.errors.append(str(fault)))
    page.on("console", lambda line: heard.console.append(line.text))
    page.on("request", lambda request: heard.requests.append(request.url))
    page.goto(f"{file.as_uri()}{address}")
    page.wait_for_selector("html[data-ready]")
    yield page, heard
    context.close()
