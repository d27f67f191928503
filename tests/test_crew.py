"""Who of a crew gets an item where not all workers have a place: nothing is given to one that may wait for ever."""

from __future__ import annotations

import asyncio

import pytest

from socratic_cli.errors import WorkerGone
from socratic_cli.workers.crew import Crew, Worker


class Placed(Worker[str, int]):
    """A worker that comes when its place is free: before, it gets to nothing; it dies of the word poison."""

    def __init__(self, place: int, free: asyncio.Event) -> None:
        super().__init__(place)
        self._free = free

    @property
    def here(self) -> bool:
        return self._free.is_set()

    async def arrive(self) -> None:
        await self._free.wait()

    async def _do(self, item: str) -> int:
        await self.arrive()
        await asyncio.sleep(0)
        if item == "poison":
            raise self.lost("poisoned")
        self.began = True
        return self.place

    def dismiss(self) -> None:
        """Nothing is open."""

    def stop(self) -> None:
        """Nothing is left."""


async def done(items: list[str], *, alone: bool = False, rooms: int) -> list[int | BaseException]:
    """Return where three workers do items: so many of them come after all was handed out, and the others never."""
    free = [asyncio.Event() for _ in range(3)]
    crew = Crew(lambda place: Placed(place, free[place]), 3)
    asked = [asyncio.ensure_future(crew.do(item, alone=alone)) for item in items]
    await asyncio.sleep(0.01)
    for one in free[3 - rooms :]:
        one.set()
    async with asyncio.timeout(5):
        return await asyncio.gather(*asked, return_exceptions=True)


@pytest.mark.parametrize("alone", [False, True])
def test_what_comes_before_any_worker_waits_for_the_first_and_not_for_its_own(alone: bool) -> None:
    assert set(asyncio.run(done(["a", "b", "c", "d"], alone=alone, rooms=1))) == {2}
    assert set(asyncio.run(done(["a", "b", "c", "d"], alone=alone, rooms=2))) <= {1, 2}


def test_the_next_item_is_done_though_the_last_one_killed_its_worker_alone() -> None:
    died, after = asyncio.run(done(["poison", "a"], alone=True, rooms=1))
    assert isinstance(died, WorkerGone)
    assert after == 2


def test_who_dies_while_it_is_emptied_leaves_the_item_to_another_that_has_a_place() -> None:
    async def asked() -> list[int | BaseException]:
        free = [asyncio.Event() for _ in range(3)]
        crew = Crew(lambda place: Placed(place, free[place]), 3)
        free[2].set()
        dying = asyncio.ensure_future(crew.do("poison"))
        alone = asyncio.ensure_future(crew.do("a", alone=True))
        await asyncio.sleep(0)  # both have come to the only worker that is there
        free[2].clear()
        free[0].set()
        async with asyncio.timeout(5):
            return list(await asyncio.gather(dying, alone, return_exceptions=True))

    died, after = asyncio.run(asked())
    assert isinstance(died, WorkerGone)
    assert after == 0
