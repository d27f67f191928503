"""Commands forked from a process that has imported what is slow to import: torch, transformers, litellm and the like.

Each command is a process of its own, with its streams, environment, folder, signals and exit code; what it imports of
the project it imports itself. Only the seconds that the libraries take to load are spent once.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from typing import BinaryIO, NoReturn

_LIBRARIES = ("numpy", "scipy.stats", "matplotlib.pyplot", "torch", "transformers.modeling_utils", "peft", "litellm")
_MOST = 1 << 20
_SECONDS = 300


@lru_cache(maxsize=1)
def _server() -> socket.socket:
    """Start the process that commands are forked from; it ends when this one does."""
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with its:
        subprocess.Popen(
            [sys.executable, "-m", "tests.warm", str(its.fileno())],
            pass_fds=[its.fileno()],
            cwd=Path(__file__).resolve().parents[1],
            start_new_session=True,  # Ctrl-C is for the tests and their commands
        )
    return mine


def run(
    arguments: list[str], streams: tuple[BinaryIO, BinaryIO, BinaryIO], cwd: Path | None, environment: dict[str, str]
) -> int:
    """Run `socratic` with these streams and return its exit code.

    Raises:
        TimeoutError: it has not ended after five minutes.
    """
    mine, its = socket.socketpair()
    with mine, its:
        mine.settimeout(_SECONDS)
        order = json.dumps([arguments, str(cwd or Path.cwd()), environment]).encode()
        descriptors = [stream.fileno() for stream in streams]
        socket.send_fds(_server(), [order], [*descriptors, its.fileno()])
        its.close()
        return int(mine.recv(16).decode())


def _serve(orders: socket.socket) -> None:
    """Fork a command for every order; return in the command's own process."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for who waits
    while True:
        order, descriptors, *_ = socket.recv_fds(orders, _MOST, 4)
        if not order:
            sys.exit()
        if not os.fork():
            orders.close()
            _command(order, descriptors)
            return
        for one in descriptors:
            os.close(one)


def _command(order: bytes, descriptors: list[int]) -> None:
    """Become the command; another process waits for it and tells its exit code."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    *streams, answer = descriptors
    if command := os.fork():
        for one in streams:
            os.close(one)
        _tell(command, answer)
    os.close(answer)
    for number, one in enumerate(streams):
        os.dup2(one, number)
        os.close(one)
    arguments, folder, environment = json.loads(order)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv[1:] = arguments
    sys.path[0] = folder


def _tell(command: int, answer: int) -> NoReturn:
    _, status = os.waitpid(command, 0)
    os.write(answer, str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _ended(command: Callable[[], None]) -> NoReturn:
    """End as an interpreter does, but for taking apart the libraries: that would copy all their memory first."""
    code: object = 0
    try:
        command()
    except SystemExit as ended:
        code = ended.code
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    for library in _LIBRARIES:
        import_module(library)
    gc.freeze()
    _serve(socket.socket(fileno=int(sys.argv[1])))
    from socratic_cli.cli import main

    _ended(main)
