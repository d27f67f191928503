"""A cluster of Ray on this machine, and the worker processes of a command, for tests that kill them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def cluster(gpus: int = 0) -> Iterator[str]:
    """Start a cluster of 2 CPUs, and GPUs that are there in name only; yield its address, by which others join it."""
    import socratic_cli.workers.cluster  # noqa: F401  # tells Ray to be quiet, before it is imported
    import ray  # isort: skip

    context: Any = ray.init(
        address="local",
        num_cpus=2,
        num_gpus=gpus,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
        object_store_memory=100 * 2**20,
    )
    try:
        yield context.address_info["gcs_address"]
    finally:
        ray.shutdown()


@contextmanager
def two_machines() -> Iterator[tuple[str, Callable[[], None]]]:
    """Start a cluster of two nodes with a CPU each; yield its address, and what ends the second without a word."""
    import socratic_cli.workers.cluster  # noqa: F401  # tells Ray to be quiet, before it is imported
    from ray.cluster_utils import Cluster  # isort: skip

    size = {"num_cpus": 1, "object_store_memory": 100 * 2**20}
    machines: Any = Cluster(initialize_head=True, head_node_args={**size, "include_dashboard": False})
    second = machines.add_node(**size)
    try:
        yield machines.address, lambda: machines.remove_node(second, allow_graceful=False)
    finally:
        machines.shutdown()


def workers_of(process: int) -> list[int]:
    """Return the workers below a process: spawned ones but for the tracker of resources, and Ray's actors."""
    found = [one for one in below(process) if any(name in _command(one) for name in ("spawn_main", "ray::_Served"))]
    assert found
    return found


def is_there(process: int) -> bool:
    """Say whether a process lives."""
    return bool(_command(process))


def below(process: int) -> Iterator[int]:
    """Yield the processes that a process started, and those that these started."""
    for task in Path(f"/proc/{process}/task").glob("*/children"):
        for child in map(int, _told(task).split()):
            yield child
            yield from below(child)


def _command(process: int) -> str:
    return _told(Path(f"/proc/{process}/cmdline"))


def _told(file: Path) -> str:
    """Return what the kernel tells of a process; nothing where it has ended meanwhile."""
    try:
        return file.read_text()
    except OSError:
        return ""
