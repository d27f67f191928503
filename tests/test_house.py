"""The house keeps its order: imports run downward, help is quick, recipes and README are true."""

from __future__ import annotations

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "socratic_cli"
# Lowest floor first; a module imports from its own floor or below it, never from above.
FLOORS = (
    ("records", "errors"),
    (
        "settings",
        "answers",
        "calculator",
        "notation",
        "fields",
        "calculations",
        "dialogue",
        "voting",
        "prompts",
        "jsonl",
        "markdown",
        "ids",
        "hashing",
        "machine",
        "processes",
        "tracking",
    ),
    ("parts", "backends", "plugins", "workers"),
    ("card", "curve"),
    ("fingerprints",),
    ("modelcard",),
    ("asking", "scoring"),
    ("stages", "schemes", "teachers", "students", "datasets"),
    ("analysis",),
    ("report",),
    ("sources", "trained", "authors", "casting", "recipe", "hub"),
    ("jobs", "run"),
    ("cli",),
)
HEAVY = (
    "torch",
    "transformers",
    "litellm",
    "datasets",
    "numpy",
    "scipy",
    "peft",
    "bitsandbytes",
    "pydantic",
    "matplotlib",
    "jinja2",
)


def floor(module: str) -> int:
    room = module.split(".")[1]
    return next(number for number, rooms in enumerate(FLOORS) if room in rooms)


def imported(path: Path) -> set[str]:
    """Return the modules of ours that a file imports at its head."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("socratic_cli"):
            names = [alias.name for alias in node.names]
            at_top = node.module == "socratic_cli"
            found |= {f"socratic_cli.{name}" for name in names if name != "__version__"} if at_top else {node.module}
    return found


def modules() -> dict[str, Path]:
    paths = (path for path in PACKAGE.rglob("*.py") if path.parent != PACKAGE or not path.name.startswith("__"))
    return {".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): path for path in paths}


def test_imports_run_downward() -> None:
    upward = [
        f"{module} imports {other}"
        for module, path in modules().items()
        for other in imported(path)
        if floor(other) > floor(module)
    ]
    assert upward == []
    assert len(modules()) > 30


def test_nobody_imports_a_leaf_from_below_or_beside() -> None:
    """Schemes, teachers, students and data sets are found by entry points, so none but their own room imports them."""
    leaves = ("schemes", "teachers", "students", "datasets")
    foreign = [
        f"{module} imports {other}"
        for module, path in modules().items()
        for other in imported(path)
        if other.split(".")[1] in leaves and other.split(".")[1] != module.split(".")[1]
    ]
    assert foreign == []


def graph() -> dict[str, set[str]]:
    """Return every module of ours with those that it imports, wherever in it, and not for types only."""
    found = modules()
    return {module: _named(path) & found.keys() - {module} for module, path in found.items()}


def _named(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    branches = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    for_types = {inner for branch in branches for node in branch.body for inner in ast.walk(node)}
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node not in for_types]
    return {
        name for one in imports for name in (f"{one.module}", *(f"{one.module}.{alias.name}" for alias in one.names))
    }


def test_there_is_no_circle_of_imports() -> None:
    """Raises CycleError, which shows the circle."""
    order = list(TopologicalSorter(graph()).static_order())
    assert order.index("socratic_cli.records") < order.index("socratic_cli.run.arms") < order.index("socratic_cli.run")


def test_help_imports_nothing_heavy() -> None:
    code = "import sys; from socratic_cli.cli import main\ntry: main()\nexcept SystemExit: print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert "typer" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_every_verb_has_help_without_torch() -> None:
    from socratic_cli.cli import VERBS

    for verb in VERBS:
        code = "import sys; from socratic_cli.cli import main\ntry: main()\nexcept SystemExit: print(*sys.modules)"
        done = subprocess.run([sys.executable, "-c", code, verb, "--help"], capture_output=True, text=True, check=True)
        assert VERBS[verb] in done.stdout
        loaded = {name.partition(".")[0] for name in done.stdout.splitlines()[-1].split()}
        assert loaded.isdisjoint({"torch", "transformers", "litellm", "peft"}), verb


def test_only_the_command_line_prints() -> None:
    printing = [
        str(path.relative_to(ROOT))
        for path in PACKAGE.rglob("*.py")
        if "cli" not in path.parts[-2:] or path.parent.name != "cli"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("print", "input")
    ]
    assert printing == []


def test_text_is_never_evaluated_and_nothing_is_pickled() -> None:
    forbidden = {"eval", "exec", "pickle", "__import__"}
    for path in [*PACKAGE.rglob("*.py"), *(ROOT / "plugins").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            called = node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else None
            names = {alias.name for alias in node.names} if isinstance(node, ast.Import | ast.ImportFrom) else set()
            assert called not in forbidden, f"{path}:{getattr(node, 'lineno', 0)}"
            assert not names & forbidden, f"{path}:{getattr(node, 'lineno', 0)}"
