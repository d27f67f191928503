"""How long `socratic --help` takes, beside `python -c 'import typer'`, in one run.

.venv/bin/python tests/benchmarks/startup.py        # writes tests/benchmarks/results/startup.md
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path

ROUNDS = 40
COMMANDS = {
    "socratic --help": [str(Path(sys.executable).parent / "socratic"), "--help"],
    "python -c 'import typer'": [sys.executable, "-c", "import typer"],
    "python -c pass": [sys.executable, "-c", "pass"],
}


def seconds(command: list[str]) -> float:
    """Run a command and return how long it took."""
    began = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - began


def main() -> None:
    """Take turns, so that a slow moment of the machine slows all alike; write medians and quartiles."""
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command))
    base = statistics.median(taken["python -c 'import typer'"])
    lines = [
        f"Wall time of {ROUNDS} runs each, in turns; Python {sys.version.split()[0]}, typer {version('typer')}.",
        "Made by `python tests/benchmarks/startup.py`.",
        "",
        "| command | median s | quartiles s | times `import typer` |",
        "|---|--:|---|--:|",
    ]
    for name, times in taken.items():
        low, middle, high = statistics.quantiles(times, n=4)
        lines.append(f"| `{name}` | {middle:.3f} | {low:.3f} - {high:.3f} | {middle / base:.2f} |")
    (Path(__file__).parent / "results" / "startup.md").write_text("\n".join([*lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    main()
