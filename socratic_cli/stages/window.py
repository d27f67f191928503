"""A bounded window of open work: input is pulled lazily, results come as they finish, memory does not grow."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from itertools import count
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


async def as_finished(
    items: Iterable[T],
    work: Callable[[T], Awaitable[R]],
    width: int,
    *,
    stopped: Callable[[], bool] = lambda: False,
) -> AsyncIterator[R]:
    """Yield `await work(item)` for every item, in the order of finishing, with at most `width` open at once.

    What finishes together comes in the order of its beginning, so that work without waiting keeps the input's order.
    After an error in `work` or in `items`, or when `stopped`, nothing more is begun; what is open is finished and
    yielded (it may be paid for), and then the first error is raised. Whoever closes the iterator cancels the rest.
    """
    source, numbers = iter(items), count()
    open_: dict[asyncio.Task[R], int] = {}  # with the number of its beginning
    ended: list[asyncio.Task[R]] = []
    some_ended = asyncio.Event()

    def note(task: asyncio.Task[R]) -> None:
        ended.append(task)
        some_ended.set()

    fault: BaseException | None = None
    try:
        while True:
            while fault is None and not stopped() and len(open_) < width:
                try:
                    item = next(source)
                except StopIteration:
                    source = _nothing()
                    break
                except Exception as broken:
                    fault = broken
                else:
                    task = asyncio.ensure_future(work(item))
                    open_[task] = next(numbers)
                    task.add_done_callback(note)
            if not open_:
                break
            await some_ended.wait()  # not asyncio.wait, which looks at all that are open, each time
            some_ended.clear()
            now, ended[:] = sorted(ended, key=open_.__getitem__), []
            for task in now:
                del open_[task]
                failed = task.exception()
                fault = fault or failed
                if failed is None:
                    yield task.result()
    finally:
        for task in open_:
            task.cancel()
        await asyncio.gather(*open_, return_exceptions=True)
    if fault is not None:
        raise fault


def _nothing() -> Iterator[T]:
    yield from ()
