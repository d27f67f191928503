"""Workers share problems, die and are replaced; the result is that of one process."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from socratic_cli import authors, jobs
from socratic_cli.errors import MissingPackage, StudentError, UsageError, WorkerError, WorkerGone
from socratic_cli.parts import Scheme
from socratic_cli.plugins import load
from socratic_cli.records import Problem
from socratic_cli.settings import Decoding, Spread
from socratic_cli.workers.local import Processes
from socratic_cli.workers.port import Work
from tests import tiny
from tests.clusters import cluster
from tests.working import POISON, DyingOnce, Echo, RoomForOne, Said, Unopened, mortal, never, said_by

PROBLEMS = [Problem(id=str(at), question=f"Ann has {at} hens and buys 2. How many?", answer="5") for at in range(7)]


def done(work: Work[str, Said], words: list[str], count: int = 2) -> list[Said]:
    """Return what workers make of words."""
    return said_by(Processes(work, count), words)


class TestProcesses:
    def test_they_share_what_there_is(self) -> None:
        found = done(Echo(seconds=0.05), [str(at) for at in range(20)])
        assert sorted(word for word, _ in found) == sorted(map(str, range(20)))
        assert len({process for _, process in found}) == 2
        assert os.getpid() not in {process for _, process in found}

    def test_what_a_dead_one_had_is_done_by_others(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        found = done(DyingOnce(tmp_path / "mark"), [str(at) for at in range(12)])
        assert sorted(word for word, _ in found) == sorted(map(str, range(12)))
        assert "ended by SIGKILL" in caplog.text
        assert caplog.text.count("a new one starts") == 1

    def test_an_item_that_kills_every_worker_is_given_up_and_its_neighbours_are_not(self) -> None:
        found = done(Echo(seconds=0.05), ["a", POISON, "b", "c"])
        lost = [word for word, process in found if not process]
        assert sorted(word for word, process in found if process) == ["a", "b", "c"]
        assert len(lost) == 1
        assert "each of the 4 workers that had it died" in lost[0]
        assert "SIGKILL" in lost[0]

    @pytest.mark.parametrize(("dies", "told"), [(False, "no weights"), (True, "died one after the other")])
    def test_what_cannot_be_opened_ends_the_run(self, dies: bool, told: str) -> None:
        with pytest.raises(WorkerError if dies else StudentError, match=told):
            done(Unopened(dies), ["a", "b"])

    def test_where_only_some_have_room_the_run_ends_and_says_so(self, tmp_path: Path) -> None:
        with pytest.raises(WorkerError, match="fewer --workers need less memory"):
            done(RoomForOne(tmp_path / "mark"), [str(at) for at in range(40)])

    def test_a_fault_of_the_work_is_raised_here_as_it_is_and_a_bug_is_named(self) -> None:
        with pytest.raises(StudentError, match=r"^told$"):
            done(Echo(), ["fault"], 1)
        with pytest.raises(WorkerError, match="ZeroDivisionError"):
            done(Echo(), ["bug"], 1)

    def test_work_that_cannot_travel_is_refused(self) -> None:
        class Here(Echo):
            pass

        with pytest.raises(WorkerError, match="cannot be shared"):
            Processes(Here(), 1)


def test_errors_of_workers_can_travel() -> None:
    import copy  # by the same door as between processes

    assert str(copy.copy(MissingPackage("This", "that"))) == "This needs the package that: pip install that"
    gone = copy.copy(WorkerGone("worker 1 died", began=False))
    assert (str(gone), gone.began) == ("worker 1 died", False)


def lines(path: Path) -> list[dict[str, Any]]:
    return sorted(map(json.loads, path.read_text().splitlines()), key=lambda line: (line["problem"]["id"], str(line)))


@pytest.fixture(scope="module", params=["local", "ray"])
def shared(request: pytest.FixtureRequest) -> Iterator[Spread]:
    """Return two workers, processes or actors."""
    if request.param == "local":
        yield Spread(workers=2)
        return
    pytest.importorskip("ray", reason="Ray is not installed: pip install ray")
    with cluster():
        yield Spread(workers=2, engine="ray", cpus_per_worker=0.5)


class TestSolving:
    @pytest.mark.parametrize(
        ("decoding", "keep"),
        [
            (Decoding(max_new_tokens=8), False),
            (Decoding(max_new_tokens=8, temperature=1.0, samples=2, seed=3), True),
            (Decoding(max_new_tokens=1, temperature=0.5, samples=5, seed=3), False),
        ],
        ids=["greedy", "sampled", "voted"],
    )
    def test_workers_write_what_one_process_writes(
        self, decoding: Decoding, keep: bool, shared: Spread, tmp_path: Path
    ) -> None:
        if shared.engine == "ray" and decoding.samples < 5:
            pytest.skip("what actors are given and send back is the same")
        base = tiny.llama(tmp_path / "base", context=1024)
        for name, spread in (("alone", Spread()), ("shared", shared)):
            author = authors.find(f"huggingface:{base} dtype=float32", load(Scheme, "answer shots=0"), decoding)
            out = str(tmp_path / f"{name}.jsonl")
            jobs.solve_file(PROBLEMS, author, out, lambda _: None, decoding=decoding, keep_samples=keep, spread=spread)
        alone = lines(tmp_path / "alone.jsonl")
        assert lines(tmp_path / "shared.jsonl") == alone
        assert len({line["trace"][0]["reply"] for line in alone}) > 1

    def test_a_problem_that_kills_each_worker_is_failed_and_says_why(self, shared: Spread, tmp_path: Path) -> None:
        author = authors.Author("mortal", load(Scheme, "answer shots=0"), True, mortal, never)
        problems = [*PROBLEMS, Problem(id="deadly", question=f"How many hens die of {POISON}?", answer="5")]
        tally = jobs.solve_file(problems, author, str(tmp_path / "a.jsonl"), lambda _: None, spread=shared)
        assert (tally.done, tally.correct, dict(tally.reasons)) == (8, 7, {"failed": 1})
        (failed,) = [line for line in lines(tmp_path / "a.jsonl") if "unanswered" in line]
        assert (failed["problem"]["id"], failed["unanswered"]) == ("deadly", "failed")
        assert "each of the 4 workers that had it died, the last two with nothing else: worker" in failed["detail"]


def test_a_model_that_is_asked_over_a_network_is_not_shared() -> None:
    teacher = authors.find("litellm:openai/m", load(Scheme, "cot"), Decoding())
    with pytest.raises(UsageError, match="--concurrency"):
        jobs.solve_file(PROBLEMS, teacher, "-", lambda _: None, spread=Spread(workers=2))
