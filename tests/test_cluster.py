"""Actors of Ray share problems as processes do: the same results, nothing lost where one dies."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install ray")

from socratic_cli.errors import MissingPackage, StudentError, WorkerError
from socratic_cli.settings import Spread
from socratic_cli.workers import cluster as there
from socratic_cli.workers.actors import actors
from socratic_cli.workers.pools import require
from socratic_cli.workers.port import Work
from tests.clusters import cluster
from tests.command import socratic
from tests.working import POISON, DyingOnce, Echo, Said, Surroundings, Unopened, said_by

RAY = Spread(workers=2, engine="ray", cpus_per_worker=0.5)


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    with cluster(gpus=2):
        yield


def done(work: Work[str, Said], words: list[str], spread: Spread = RAY, *, computes: bool = True) -> list[Said]:
    """Return what workers make of words."""
    return said_by(actors(work, spread, computes=computes), words)


class TestActors:
    def test_they_share_what_there_is(self) -> None:
        found = done(Echo(seconds=0.05), [str(at) for at in range(20)])
        assert sorted(word for word, _ in found) == sorted(map(str, range(20)))
        assert len({process for _, process in found}) == 2
        assert os.getpid() not in {process for _, process in found}

    def test_what_a_dead_one_had_is_done_by_others(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        found = done(DyingOnce(tmp_path / "mark"), [str(at) for at in range(12)])
        assert sorted(word for word, _ in found) == sorted(map(str, range(12)))
        assert caplog.text.count("a new one starts") == 1

    @pytest.mark.parametrize("workers", [1, 2])
    def test_an_item_that_kills_every_worker_is_given_up_and_its_neighbours_are_not(self, workers: int) -> None:
        spread = RAY.model_copy(update={"workers": workers})
        found = done(Echo(seconds=0.05), ["a", POISON, "b", "c"], spread)
        assert sorted(word for word, process in found if process) == ["a", "b", "c"]
        (lost,) = [word for word, process in found if not process]
        assert "each of the 4 workers that had it died, the last two with nothing else: worker" in lost

    @pytest.mark.parametrize(("dies", "told"), [(False, "no weights"), (True, "died one after the other")])
    def test_what_cannot_be_opened_ends_the_run(self, dies: bool, told: str) -> None:
        with pytest.raises(WorkerError if dies else StudentError, match=told):
            done(Unopened(dies), ["a", "b"])

    def test_a_fault_of_the_work_is_raised_here_as_it_is_and_a_bug_is_named(self) -> None:
        with pytest.raises(StudentError, match=r"^told$"):
            done(Echo(), ["fault"])
        with pytest.raises(WorkerError, match="ZeroDivisionError"):
            done(Echo(), ["bug"])

    def test_work_that_cannot_travel_is_refused(self) -> None:
        class Here(Echo):
            lock = threading.Lock()

        with pytest.raises(WorkerError, match="cannot be shared"):
            done(Here(), ["a"])

    def test_variables_of_the_parent_go_along_as_keys_must(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("SOME_API_KEY", "sk-marked")
        monkeypatch.setenv("HOME", "/of/another/machine")
        ((key, _),) = done(Surroundings(), ["SOME_API_KEY"])
        ((home, _),) = done(Surroundings(), ["HOME"])
        assert key == "sk-marked"
        assert home not in ("", "/of/another/machine")


def gpus(workers: int, *, computes: bool = True, **asked: float) -> list[str]:
    """Return the GPUs that the workers see, as CUDA counts them."""
    spread = Spread(workers=workers, engine="ray", cpus_per_worker=0.25, **asked)
    found = done(Surroundings(), ["CUDA_VISIBLE_DEVICES"] * 4 * workers, spread, computes=computes)
    seen = {process: value for value, process in found}
    assert len(seen) == workers
    return sorted(seen.values())


class TestPlaces:
    def test_each_worker_gets_a_gpu_or_its_share_of_one(self) -> None:
        assert gpus(2) == ["0", "1"]
        assert gpus(3)[0] == "0"
        assert gpus(3)[-1] == "1"

    def test_who_asks_a_service_gets_none_and_who_wants_several_gets_them(self) -> None:
        assert gpus(1, computes=False) == [""]
        assert gpus(1, gpus_per_worker=2) == ["0,1"]

    def test_who_finds_no_room_is_told_of_and_the_others_work(
        self, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(there, "_PATIENCE", 2.0)
        found = done(Echo(), ["a", "b", "c"], Spread(workers=3, engine="ray", cpus_per_worker=1, gpus_per_worker=1))
        assert sorted(word for word, _ in found) == ["a", "b", "c"]
        assert "of 3 workers have no room: each asks for 1 CPUs and 1 GPUs, the cluster has 2 CPUs and 2 GPUs" in (
            caplog.text
        )

    @pytest.mark.parametrize("asked", [{"cpus_per_worker": 1000}, {"gpus_per_worker": 1}])
    def test_a_cluster_of_this_machine_alone_says_at_once_what_it_has_not(self, asked: dict[str, float]) -> None:
        wanted = {"num_cpus": 0.5, "num_gpus": 0.0} | {f"num_{name[:4]}": count for name, count in asked.items()}
        with pytest.raises(WorkerError, match=f"4 workers ask for {4 * next(iter(asked.values()))}"):
            there.require_room(4, wanted)

    def test_an_address_where_nobody_listens_is_told_at_once(self, tmp_path: Path) -> None:
        (tmp_path / "p.jsonl").write_text('{"question": "2+2?"}\n')
        wanted = ("annotate", "p.jsonl", "--teacher", "gold", "--engine", "ray", "-o", "a.jsonl")
        told = socratic(*wanted, cwd=tmp_path, RAY_ADDRESS="127.0.0.1:1")
        assert (told.code, told.err.partition(":1:")[0]) == (1, "error: no Ray at RAY_ADDRESS=127.0.0.1")


def test_without_ray_a_sentence_says_what_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingPackage, match="pip install ray") as told:
        require(RAY)
    assert told.value.exit_code == 2
