"""Verbs whose work is shared, with processes and with actors: killed workers, killed runs, Ctrl-C."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.clusters import cluster, is_there, two_machines, workers_of
from tests.command import COMMAND, socratic


class Engine(NamedTuple):
    """What workers are; whose children they are, where not the command's own; and where the command finds them."""

    name: str
    parent: int | None = None
    address: str = ""

    @property
    def workers(self) -> tuple[str, ...]:
        more = ("--cpus-per-worker", "0.75") if self.name == "ray" else ()
        return ("--workers", "2", "--engine", self.name, *more)

    def pids(self, command: int) -> list[int]:
        return workers_of(self.parent or command)


@pytest.fixture(scope="module", params=["local", "ray"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "local":
        yield Engine("local")
        return
    pytest.importorskip("ray", reason="Ray is not installed: pip install ray")
    with cluster() as address:
        yield Engine("ray", os.getpid(), address)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Hold a parrot that takes a while, and what it learnt from."""
    place = tmp_path_factory.mktemp("workers")
    for words in (
        ("annotate", "arithmetic:2/train", "--limit", "100", "-o", "a.jsonl"),
        ("train", "a.jsonl", "-o", "s", "--student", "parrot delay=0.2"),
    ):
        told = socratic(*words, cwd=place)
        assert told.code == 0, told.err
    asked = [{"id": str(at), "question": f"Ann has {at} hens. How many?", "answer": "5"} for at in range(90)]
    for name, more in (("problems", {}), ("replies", {"reply": "#### 5"})):
        (place / f"{name}.jsonl").write_text("".join(json.dumps(one | more) + "\n" for one in asked))
    return place


PROBLEMS = ("arithmetic:2/train", "--limit", "100")
ANNOTATE = (
    *("annotate", "problems.jsonl", "--teacher", "parrot file=replies.jsonl delay=0.2"),
    *("--scheme", "answer shots=0", "--concurrency", "6"),
)
SOLVE = ("solve", "s", *PROBLEMS, "--concurrency", "3")


class TestSolving:
    def test_a_worker_that_is_killed_loses_nothing(self, engine: Engine, folder: Path) -> None:
        with started(engine, folder, *SOLVE, "--concurrency", "2") as running:
            assert running.stdout is not None
            first = running.stdout.readline()
            os.kill(engine.pids(running.pid)[0], signal.SIGKILL)
            out = running.stdout.read()  # communicate would lose what was read ahead
            _, err = running.communicate(timeout=120)
        assert running.returncode == 0, err
        assert "a new one starts" in err
        found = [json.loads(line) for line in [first, *out.splitlines()]]  # data alone is on standard output
        assert len({line["problem"]["id"] for line in found}) == len(found) == 100
        assert all(line["correct"] for line in found)

    @pytest.mark.parametrize(
        "number",
        [signal.SIGINT, signal.SIGKILL, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)],
        ids=lambda one: one.name,
    )
    def test_a_run_that_is_ended_takes_its_workers_along_and_goes_on(
        self, engine: Engine, folder: Path, number: signal.Signals
    ) -> None:
        out = folder / f"{engine.name}-{number}.jsonl"
        with started(engine, folder, *SOLVE, "-o", out) as running:
            until(lambda: count(out) >= 5 or running.poll() is not None)
            workers = engine.pids(running.pid)
            if number == signal.SIGINT:
                os.killpg(running.pid, number)  # a terminal sends it to all
            else:
                running.send_signal(number)
            _, err = running.communicate(timeout=60)
        assert running.returncode == (130 if number == signal.SIGINT else -number)
        assert ("and --resume goes on" in err) == (number == signal.SIGINT)
        until(lambda: not any(map(is_there, workers)))
        before = out.read_bytes()
        assert 5 <= before.count(b"\n") < 100
        told = run(engine, folder, *SOLVE, "-o", out, "--resume")
        assert f"{before.count(bytes([10]))} were done before" in told
        assert out.read_bytes().startswith(before)
        found = lines(out)
        assert len({line["problem"]["id"] for line in found}) == len(found) == 100

    def test_bench_shares_what_its_students_solve(self, engine: Engine, folder: Path) -> None:
        assert "100.0%" in run(engine, folder, "bench", "s", "--problems", "arithmetic:2/train", "--limit", "4")


def test_a_machine_that_is_lost_loses_nothing(folder: Path) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: pip install ray")
    out = folder / "machines.jsonl"
    with (
        two_machines() as (address, end_second),
        started(Engine("ray", address=address), folder, *SOLVE, "-o", out) as running,
    ):
        until(lambda: count(out) >= 8 or running.poll() is not None)
        end_second()
        _, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    assert "a new one starts" in err
    assert len({line["problem"]["id"] for line in lines(out)}) == count(out) == 100


class TestAnnotating:
    def test_a_worker_that_is_killed_loses_nothing(self, engine: Engine, folder: Path) -> None:
        out = folder / f"{engine.name}-killed.jsonl"
        with started(engine, folder, *ANNOTATE, "-o", out) as running:
            until(lambda: count(out) >= 5 or running.poll() is not None)
            os.kill(engine.pids(running.pid)[0], signal.SIGKILL)
            _, err = running.communicate(timeout=120)
        assert running.returncode == 0, err
        assert "a new one starts" in err
        assert "kept 90 of 90" in err
        assert len({line["problem"]["id"] for line in lines(out)}) == count(out) == 90

    def test_ctrl_c_waits_for_what_is_asked_and_the_same_command_goes_on(self, engine: Engine, folder: Path) -> None:
        out = folder / f"{engine.name}-stopped.jsonl"
        with started(engine, folder, *ANNOTATE, "-o", out) as running:
            until(lambda: count(out) >= 5 or running.poll() is not None)
            os.killpg(running.pid, signal.SIGINT)
            _, err = running.communicate(timeout=60)
        assert running.returncode == 130, err
        assert "what was in flight was waited for" in err
        before = out.read_bytes()
        assert 5 <= before.count(b"\n") < 90
        run(engine, folder, *ANNOTATE, "-o", out, "--resume")
        assert out.read_bytes().startswith(before)
        assert len({line["problem"]["id"] for line in lines(out)}) == count(out) == 90


def started(engine: Engine, folder: Path, *words: str | Path) -> subprocess.Popen[str]:
    """Start a verb with workers, in a group of its own as a terminal does."""
    return subprocess.Popen(
        [*COMMAND, *map(str, words), *engine.workers],
        cwd=folder,
        env=os.environ | {"RAY_ADDRESS": engine.address},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(engine: Engine, folder: Path, *words: str | Path) -> str:
    """Run a verb with workers to its end; return what it says."""
    told = socratic(*words, *engine.workers, cwd=folder, RAY_ADDRESS=engine.address)
    assert told.code == 0, told.err
    return told.out + told.err


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def count(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def until(ready: Callable[[], Any], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)
