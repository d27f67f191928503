"""How fast engines for serving write on a CPU, beside the scheduler of `socratic solve`: one core, one thread.

    python -m tests.benchmarks.serving_engines --model DIR [--openvino PYTHON] [--ctranslate2 PYTHON] [--vllm PYTHON]

MODEL is a causal language model with safetensors; each PYTHON is that of an environment with the engine (and, for its
export, transformers or optimum-intel). An engine that is not given is left out. All write 96 tokens after each of the
same prompts, greedily; loading, and a first short round, are left out. Told are seconds of processor, which other work
on the machine does not change much. Writes results/serving_engines.md.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks import measured

WIDTHS = (1, 32, 64)
NEW = 96
LIMIT = 900.0
NAMES = {
    "socratic": "`socratic solve`, transformers, bfloat16",
    "openvino": "OpenVINO GenAI, continuous batching, bfloat16",
    "ctranslate2": "CTranslate2, float32",
    "ctranslate2-int8": "CTranslate2, 8 bit",
    "vllm": "vLLM for CPUs, bfloat16, not compiled",
}
VERSIONS = ("torch", "transformers")


@dataclass(frozen=True)
class Cell:
    """What an engine took for so many replies at once, and what it wrote; or why it did not."""

    cpu: float = 0.0
    written: tuple[tuple[int, ...], ...] = ()
    fault: str = ""

    @property
    def speed(self) -> float:
        """Tokens a second of processor."""
        return sum(map(len, self.written)) / self.cpu if self.cpu else 0.0

    def same(self, other: Cell) -> float:
        """Return the share of tokens before the first that differs."""
        pairs = zip(self.written, other.written, strict=False)
        return sum(_common(one, two) for one, two in pairs) / max(1, sum(map(len, other.written)))


def _common(one: tuple[int, ...], other: tuple[int, ...]) -> int:
    return next((at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1]), len(one))


def prompts(model: str) -> list[list[int]]:
    """Return the tokens of as many prompts as the widest batch has."""
    code = (
        "import json, sys\n"
        "from socratic_cli.sources import resolve\n"
        "from socratic_cli.students.tokens import Tokens\n"
        "from socratic_cli.students.weights import load_tokenizer\n"
        "tokens = Tokens(load_tokenizer(sys.argv[1]))\n"
        "found = resolve('arithmetic:4-4/test', limit=int(sys.argv[2]))\n"
        "print(json.dumps([tokens.prompt(f'Question: {one.question}\\nAnswer:\\n') for one in found]))\n"
    )
    command = [sys.executable, "-c", code, model, str(max(WIDTHS))]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=measured.ROOT)
    return json.loads(done.stdout)  # type: ignore[no-any-return]


def exported(way: str, python: str, model: str, folder: Path) -> str:
    """Return the model in an engine's own format, made by its own tool."""
    tools = Path(python).parent
    out = str(folder / way.partition("-")[0])
    if way == "openvino" and not Path(out).exists():
        task = ("--task", "text-generation-with-past", "--weight-format", "fp16")
        measured.run([tools / "optimum-cli", "export", "openvino", "--model", model, *task, out], LIMIT)
    if way.startswith("ctranslate2") and not Path(out).exists():
        measured.run([tools / "ct2-transformers-converter", "--model", model, "--output_dir", out], LIMIT)
    return out if way not in ("socratic", "vllm") else model


def cell(way: str, python: str, model: str, asked: list[list[int]], folder: Path) -> Cell:
    """Measure one engine at one width."""
    given, out = folder / "prompts.json", folder / "out.json"
    given.write_text(json.dumps(asked), encoding="utf-8")
    command = [python, "-m", "tests.benchmarks.serving_ways", way, model, given, NEW, out]
    try:
        measured.run(command, LIMIT, watch=False)
    except measured.Failed as fault:
        return Cell(fault=str(fault))
    told = json.loads(out.read_text(encoding="utf-8"))
    found = Cell(told["cpu"], tuple(map(tuple, told["written"])))
    measured.note(f"{way}, {len(asked)} at once: {found.speed:.0f} tokens/s")
    return found


def report(rows: dict[str, list[Cell]]) -> Iterator[str]:
    """Yield the lines of the results."""
    ours = rows["socratic"]
    yield "# Engines for serving on a CPU, beside the scheduler of `socratic solve`"
    yield ""
    yield f"`{measured.command_line()}` on {measured.machine(VERSIONS)}"
    yield f"One thread; {NEW} tokens after each prompt. One run of each: differences under 20% are ties."
    yield ""
    heads = " | ".join(f"{width} at once" for width in WIDTHS)
    yield f"| engine: tokens a second of processor | {heads} | tokens as `socratic solve` up to the first other one |"
    yield f"|---|{'--:|' * (len(WIDTHS) + 1)}"
    for way, cells in rows.items():
        told = [
            f"{one.speed:.0f} ({one.speed / our.speed:.1f})" if not one.fault else f"failed: {one.fault}"
            for one, our in zip(cells, ours, strict=True)
        ]
        yield f"| {NAMES[way]} | {' | '.join(told)} | {cells[-1].same(ours[-1]):.0%} |"


def main() -> None:
    """Measure every engine."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True)
    for way in ("openvino", "ctranslate2", "vllm"):
        parser.add_argument(f"--{way}", metavar="PYTHON")
    asked = vars(parser.parse_args())
    pythons = {way: asked.get(way.partition("-")[0]) for way in NAMES} | {"socratic": sys.executable}
    with tempfile.TemporaryDirectory() as name:
        folder, rows = Path(name), dict[str, list[Cell]]()
        given = prompts(asked["model"])
        for way, python in pythons.items():
            if python is not None:
                model = exported(way, python, asked["model"], folder)
                rows[way] = [cell(way, python, model, given[:width], folder) for width in WIDTHS]
    measured.write("serving_engines", report(rows))


if __name__ == "__main__":
    main()
