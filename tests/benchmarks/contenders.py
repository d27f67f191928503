"""Who is measured: `socratic annotate`, bare loops, and other tools, each of these in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks import measured
from tests.benchmarks.measured import Cost, Failed
from tests.benchmarks.peers.task import MODEL

CONCURRENCY = 64
SCHEME = "cot shots=0"
_PEERS = "tests.benchmarks.peers"


@dataclass(frozen=True)
class Place:
    """A folder for one benchmark: problems and prompts of every size, each made once."""

    folder: Path
    url: str

    def problems(self, calls: int) -> Path:
        """Return a file of so many problems."""
        path = self.folder / f"problems-{calls}.jsonl"
        return path if path.exists() else measured.problems(path, calls)

    def prompts(self, calls: int) -> Path:
        """Return what is asked about them, as messages."""
        path = self.folder / f"prompts-{calls}.jsonl"
        if not path.exists():
            measured.run([sys.executable, "-m", f"{_PEERS}.prompts", self.problems(calls), path], limit=600)
        return path

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Lend a folder for one run."""
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            yield Path(folder)


Run = Callable[[Place, int, float], Cost]


@dataclass
class Contender:
    """Somebody who makes calls; `why_not` is set once that turned out to be impossible here."""

    name: str
    run: Run
    about: str = ""
    why_not: str = ""

    def measured(self, place: Place, calls: int, limit: float) -> Cost | None:
        """Make so many calls, or find out why that cannot be."""
        if self.why_not:
            return None
        try:
            return self.run(place, calls, limit)
        except Failed as fault:
            self.why_not = str(fault)
            measured.note(f"{self.name}: {fault}")
            return None


def socratic(workers: int = 1) -> Contender:
    """Return `socratic annotate` as everybody calls it."""

    def run(place: Place, calls: int, limit: float) -> Cost:
        teacher = ["--teacher", f"litellm:openai/{MODEL}", "--api-base", place.url, "--scheme", SCHEME]
        more = [*teacher, "--concurrency", str(CONCURRENCY), "--workers", str(workers)]
        return annotated(place, calls, limit, more)

    name = "`socratic annotate`" + (f" `--workers {workers}`" if workers > 1 else "")
    return Contender(name, run, f"socratic-cot {version('socratic-cot')}")


def annotated(place: Place, calls: int, limit: float, more: list[str]) -> Cost:
    """Run `socratic annotate` and check that every problem was kept.

    Raises:
        Failed: it was not.
    """
    source = place.problems(calls)
    with place.scratch() as folder:
        out = folder / "a.jsonl"
        command = [sys.executable, "-m", "socratic_cli", "annotate", str(source), *more, "-o", str(out)]
        cost = measured.run(command, limit)
        if (kept := measured.line_count(out)) != calls:
            raise Failed(f"{kept} of {calls} were kept")
    return cost


def runner(name: str, module: str, about: str, python: str | Path = sys.executable) -> Contender:
    """Return a script of the folder peers/ as a contender."""

    def run(place: Place, calls: int, limit: float) -> Cost:
        prompts = place.prompts(calls)
        with place.scratch() as folder:
            asked = [place.url, str(prompts), str(calls), str(CONCURRENCY), str(folder)]
            return measured.run([python, "-m", f"{_PEERS}.{module}", *asked], limit)

    return Contender(name, run, about)


def bare() -> list[Contender]:
    """Return the loops without a tool around them."""
    return [
        runner("bare litellm `acompletion` loop", "bare_litellm", f"litellm {version('litellm')}"),
        runner("bare aiohttp loop, the ceiling", "bare_aiohttp", f"aiohttp {version('aiohttp')}"),
    ]


@dataclass(frozen=True)
class Peer:
    """Another tool: what is installed, which of its packages are told with their versions, and its runner."""

    name: str
    module: str
    requirements: tuple[str, ...]
    told: tuple[str, ...] = field(default=())

    def made(self, folder: Path, limit: float) -> tuple[Path, str]:
        """Return the interpreter of its environment, made if need be, and its versions.

        Raises:
            Failed: it cannot be installed.
        """
        home = folder.absolute() / self.module.removeprefix("with_")
        return _python(home), self._installed(home, limit)

    def contender(self, folder: Path | None, limit: float) -> Contender:
        """Return it, installed below a folder; or as one that cannot be measured, and why."""
        if folder is None:
            return Contender(self.name, _nothing, why_not="no --peers DIR was given")
        try:
            python, about = self.made(folder, limit)
        except (Failed, OSError) as fault:
            measured.note(f"{self.name}: {fault}")
            return Contender(self.name, _nothing, why_not=str(fault))
        return runner(self.name, self.module, about, python)

    def _installed(self, home: Path, limit: float) -> str:
        if not _python(home).exists():
            measured.note(f"{self.name}: making an environment")
            venv.create(home, with_pip=True)
        try:
            return self._versions(home)
        except Failed:
            measured.note(f"{self.name}: installing {' '.join(self.requirements)}")
            pip = [str(_python(home)), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            measured.run([*pip, *self.requirements], limit)
        return self._versions(home)

    def _versions(self, home: Path) -> str:
        """Return the versions of what is told; a requirement that is missing is a fault."""
        code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
        command = [str(_python(home)), "-c", code, *self.told]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Failed(measured.last_line(done.stderr))
        return ", ".join(" ".join(pair) for pair in zip(self.told, done.stdout.split(), strict=True))


def _python(home: Path) -> Path:
    return home / "bin" / "python"


def _nothing(_: Place, __: int, ___: float) -> Cost:
    raise Failed("it is not installed")


CURATOR = Peer(
    "Bespoke Curator",
    "with_curator",
    ("bespokelabs-curator==0.1.31",),
    ("bespokelabs-curator", "aiohttp", "litellm"),
)
DISTILABEL = Peer(
    "distilabel",
    "with_distilabel",
    ("distilabel[openai]==1.5.3", "requests"),  # it imports requests, and does not say that it needs it
    ("distilabel", "openai", "requests"),
)
TRL = Peer(
    "TRL",
    "with_trl",
    ("torch==2.13.0", "transformers==5.23.0", "accelerate==1.15.0", "datasets==5.2.0", "trl==1.16.0"),
    ("trl", "transformers", "torch"),
)
PEERS = (CURATOR, DISTILABEL)


def told(contenders: list[Contender]) -> list[str]:
    """Return lines about versions, and about who was not measured."""
    lines = [f"- {contender.name}: {contender.about}." for contender in contenders if contender.about]
    return lines + [f"- {one.name}: not measured: {one.why_not}" for one in contenders if one.why_not]
