"""Several processes that train one student together, as torchrun and `accelerate launch` start them.

Each is told its number in the environment. The first (number 0) writes the files and speaks; the others compute. What
they agree on is written as if all were called at once: every function from `join` on must be called by
every process. In one process alone none of them does anything, and torch is not imported.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from socratic_cli.errors import SocraticError, StudentError, UsageError

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
MINUTES: float = 30
"""After which a process that does not answer is given up: longer than the first may need to save a student alone."""
_BUCKET = 1 << 22
"""Numbers that are summed in one message: more cost memory, fewer cost time."""


def count() -> int:
    """Return how many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1")) if "RANK" in os.environ else 1


def number() -> int:
    """Return which of them this one is."""
    return int(os.environ["RANK"]) if count() > 1 else 0


def first() -> bool:
    """Say whether this is the one that writes and speaks."""
    return number() == 0


def first_here() -> bool:
    """Say whether this is the one that tells errors: those of a machine are mostly the same in all its processes."""
    return count() == 1 or os.environ.get("LOCAL_RANK", "0") == "0"


def sharded() -> bool:
    """Say whether each process is to hold only its part of the weights, as the launcher's configuration asks (FSDP)."""
    return count() > 1 and os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"


def join() -> None:
    """Meet the others, unless that was done before.

    Raises:
        UsageError: whoever started the processes did not say which GPU is whose.
        StudentError: not all of them came.
    """
    if count() == 1:
        return
    if "LOCAL_RANK" not in os.environ:
        raise UsageError("RANK is set and LOCAL_RANK is not: start the processes with torchrun or accelerate launch")
    from datetime import timedelta

    import torch
    from accelerate import PartialState

    with _answered():
        PartialState(cpu=not torch.cuda.is_available(), timeout=timedelta(minutes=MINUTES))


@contextmanager
def joined() -> Iterator[None]:
    """Meet the others, and part from them when the work is done, or when there is no more to hope for."""
    if count() == 1:
        yield
        return
    from accelerate import PartialState

    join()
    try:
        yield
    finally:
        PartialState().destroy_process_group()  # else torch aborts a process whose message was never answered


def meet() -> None:
    """Wait until all are here."""
    highest(0)


def highest(number: int) -> int:
    """Return the highest of all processes' numbers."""
    if count() == 1:
        return number
    from torch.distributed import ReduceOp

    return int(_reduced([float(number)], ReduceOp.MAX)[0])


def totals(numbers: Sequence[float]) -> list[float]:
    """Return each number, summed over all processes."""
    if count() == 1:
        return list(numbers)
    from torch.distributed import ReduceOp

    return _reduced(numbers, ReduceOp.SUM)


def gathered(value: T) -> list[T]:
    """Return the values of all processes, in the order of their numbers."""
    if count() == 1:
        return [value]
    from torch.distributed import all_gather_object

    found: list[Any] = [None] * count()
    with _answered():
        all_gather_object(found, value)
    return found


def of_first(value: T) -> T:
    """Return the value of the first process."""
    if count() == 1:
        return value
    from torch.distributed import broadcast_object_list

    told: list[Any] = [value]
    with _answered():
        broadcast_object_list(told, src=0)
    return told[0]  # type: ignore[no-any-return]


def first_does(work: Callable[[], T]) -> T | None:
    """Let the first process do something that the others wait for; what it cannot do, nobody goes on without.

    Raises:
        SocraticError: what the work raised, in every process.
    """
    done: T | None = None
    fault: SocraticError | None = None
    if first():
        try:
            done = work()
        except SocraticError as raised:
            if count() == 1:
                raise
            fault = raised
    if told := of_first(fault):
        raise told
    return done


def check_same(value: object, what: str) -> None:
    """See that all processes have the same before them.

    Raises:
        StudentError: they do not.
    """
    found = gathered(value)
    if any(one != found[0] for one in found):
        raise StudentError(f"the processes {what}: {', '.join(map(str, found))}")


def add(tensors: Sequence[Tensor]) -> None:
    """Sum each tensor over all processes, in place."""
    if count() == 1:
        return
    for bucket in _buckets(tensors):
        _add(bucket)


def _add(bucket: list[Tensor]) -> None:
    import torch
    from torch.distributed import all_reduce

    flat = torch.cat([tensor.reshape(-1) for tensor in bucket])
    with _answered():
        all_reduce(flat)
    for tensor, summed in zip(bucket, torch.split(flat, [tensor.numel() for tensor in bucket]), strict=True):
        tensor.copy_(summed.view_as(tensor))


def _buckets(tensors: Sequence[Tensor]) -> Iterator[list[Tensor]]:
    """Yield tensors of one type together, so many that a message is worth its latency."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        if bucket and (tensor.dtype != bucket[0].dtype or sum(one.numel() for one in bucket) >= _BUCKET):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


def _reduced(numbers: Sequence[float], how: Any) -> list[float]:
    import torch
    from accelerate import PartialState
    from torch.distributed import all_reduce

    tensor = torch.tensor(numbers, dtype=torch.float64, device=PartialState().device)
    with _answered():
        all_reduce(tensor, how)
    return tensor.tolist()


@contextmanager
def _answered() -> Iterator[None]:
    """Turn the silence of another process into a sentence."""
    try:
        yield
    except RuntimeError as fault:  # torch's DistError and gloo's own are
        raise StudentError(
            f"another process of this training ended, or did not answer for {MINUTES} minutes; the same command goes"
            f" on from the last checkpoint ({str(fault).splitlines()[0][:200]})"
        ) from fault
