"""A bounded window of open work: input is pulled lazily, results come as they finish, memory does not grow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def as_finished(items: Iterable[T], work: Callable[[T], Awaitable[R]], width: int) -> AsyncIterator[R]:
    """Yield `await work(item)` for every item, in the order of finishing, with at most `width` open at once.

    An error in `work` or in `items` is raised after the results that were finished before it; the rest is cancelled.
    """
    source = iter(items)
    open_: set[asyncio.Task[R]] = set()
    try:
        while True:
            while len(open_) < width and (item := next(source, None)) is not None:
                open_.add(asyncio.ensure_future(work(item)))
            if not open_:
                return
            done, open_ = await asyncio.wait(open_, return_when=asyncio.FIRST_COMPLETED)
            failed = [task for task in done if task.exception()]
            for task in done:
                if task not in failed:
                    yield task.result()
            for task in failed:
                task.result()
    finally:
        for task in open_:
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)
