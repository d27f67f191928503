"""Actors of Ray share problems as processes do: the same results, nothing lost where one dies."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="Ray is not installed: pip install ray")

from socratic_cli.errors import StudentError, WorkerError
from socratic_cli.settings import Spread
from socratic_cli.stages.window import as_finished
from socratic_cli.workers.actors import actors
from socratic_cli.workers.port import Work, surely
from tests.clusters import cluster
from tests.working import POISON, DyingOnce, Echo, Unopened

Said = tuple[str, int]
RAY = Spread(workers=2, engine="ray", cpus_per_worker=0.5)


@pytest.fixture(scope="module", autouse=True)
def _cluster() -> Iterator[None]:
    with cluster():
        yield


def done(work: Work[str, Said], words: list[str], spread: Spread = RAY) -> list[Said]:
    """Return what workers make of words."""

    async def gathered() -> list[Said]:
        one = partial(surely, workers, lost=lambda _, why: (why, 0))
        return [said async for said in as_finished(words, one, 8)]

    with actors(work, spread, computes=True) as workers:
        return asyncio.run(gathered())


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
