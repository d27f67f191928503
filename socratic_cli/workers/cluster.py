"""The Ray cluster in which actors live: that of RAY_ADDRESS, or one that is started here for the time of a run."""

from __future__ import annotations

import logging
import math
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager, suppress
from typing import Any

from socratic_cli.errors import WorkerError
from socratic_cli.settings import Spread
from socratic_cli.workers.port import cores

# Nothing is told to Ray's makers; and what it has to say of dead workers it prints to standard output, among our data.
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
import ray

_log = logging.getLogger(__name__)
_STORE = 100 * 2**20
"""Bytes of Ray's object store where it is ours: problems and solutions are small, and it would take a third of RAM."""
_PATIENCE = 30.0
"""Seconds after which a run begins without the workers that no machine has room for."""


@contextmanager
def joined() -> Iterator[bool]:
    """Be in a cluster, the one that this process is in already where it is; yield whether it is ours.

    Raises:
        WorkerError: none answers, or none can be started.
    """
    if ray.is_initialized():
        yield False
        return
    address = os.environ.get("RAY_ADDRESS") or "local"
    ours = address == "local"
    size: dict[str, Any] = (
        {"num_cpus": cores(), "object_store_memory": _STORE, "include_dashboard": False} if ours else {}
    )
    before = signal.getsignal(signal.SIGTERM)
    try:
        _require_listener(address)
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR, **size)
    except (OSError, RuntimeError, ValueError) as fault:  # a ConnectionError is an OSError
        why = " ".join(str(fault).split())[:300]
        raise WorkerError(
            f"Ray cannot be started here: {why}" if ours else f"no Ray at RAY_ADDRESS={address}: {why}"
        ) from fault
    with suppress(ValueError):  # not the main thread
        signal.signal(signal.SIGTERM, before)  # Ray's own would end with a code of its own
    try:
        yield ours
    finally:
        ray.shutdown()


def _require_listener(address: str) -> None:
    """Ask at once whether anybody listens at HOST:PORT: Ray itself would try for minutes."""
    host, _, port = address.rpartition("/")[2].rpartition(":")
    if host and port.isdigit():
        socket.create_connection((host, int(port)), timeout=10).close()


def needs(spread: Spread, *, computes: bool, ours: bool) -> dict[str, float]:
    """Return the options by which each worker asks Ray for its place, as it counts: in parts of one, or whole."""
    there = _resources()
    share = there.get("CPU", 1) / spread.workers if ours else 1.0
    cpus, gpus = spread.cpus_per_worker, spread.gpus_per_worker
    if cpus is None:
        cpus = _part(share) if share < 1 else math.floor(share)
    if gpus is None:
        gpus = 0.0
        if computes and (there_are := math.floor(there.get("GPU", 0))):
            gpus = _part(1 / math.ceil(spread.workers / there_are))
    return {"num_cpus": cpus, "num_gpus": gpus}


def _resources() -> Mapping[str, float]:
    found: Mapping[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return found


def _part(share: float) -> float:
    return math.floor(share * 10_000) / 10_000


def require_room(count: int, needs: Mapping[str, float]) -> None:
    """Refuse workers that a cluster of this machine alone has no room for; others can grow.

    Raises:
        WorkerError: it has not.
    """
    for name, flag in (("CPU", "cpus"), ("GPU", "gpus")):
        wanted, found = count * needs[f"num_{flag}"], _resources().get(name, 0)
        if wanted > found:
            raise WorkerError(
                f"{count} workers ask for {wanted:g} {name}s, and this machine has {found:g}: fewer --workers, a"
                f" smaller --{flag}-per-worker, or a larger cluster in RAY_ADDRESS"
            )


def await_places(placed: list[Future[None]], needs: Mapping[str, float]) -> None:
    """Wait for all to be somewhere; after a while for one alone."""
    found, missing = wait(placed, timeout=_PATIENCE)
    if missing:
        _log.warning(
            "%d of %d workers have no room: each asks for %g CPUs and %g GPUs, the cluster has %s in all; %s",
            len(missing),
            len(placed),
            *needs.values(),
            " and ".join(f"{_resources().get(name, 0):g} {name}s" for name in ("CPU", "GPU")),
            "they begin when there is some" if found else "waiting for some",
        )
    wait(placed, return_when=FIRST_COMPLETED)
