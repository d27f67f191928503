"""A bounded window of open work: input is pulled lazily, results come as they finish, memory does not grow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def as_finished(items: Iterable[T], work: Callable[[T], Awaitable[R]], width: int) -> AsyncIterator[R]:
    """Yield `await work(item)` for every item, in the order of finishing, with at most `width` open at once.

    What finishes together comes in the order of its beginning, so that work without waiting keeps the input's order.
    An error in `work` or in `items` is raised after the results that were finished before it; the rest is cancelled.
    """
    source = iter(items)
    open_: dict[asyncio.Task[R], None] = {}  # in the order of beginning
    try:
        while True:
            while len(open_) < width and (item := next(source, None)) is not None:
                open_[asyncio.ensure_future(work(item))] = None
            if not open_:
                return
            await asyncio.wait(open_, return_when=asyncio.FIRST_COMPLETED)
            done = [task for task in open_ if task.done()]
            for task in done:
                del open_[task]
            for task in sorted(done, key=_failed):
                yield task.result()
    finally:
        for task in open_:
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)


def _failed(task: asyncio.Task[R]) -> bool:
    return task.exception() is not None
