"""vLLM's processes end with the one that started them, however it ends.

vLLM tells its engines to end, which a process that is killed (`kill -9`, no memory) can no longer do: they would keep
their memory, a GPU's too, until somebody finds them. vLLM loads this as a plugin in every process that it starts.
"""

from __future__ import annotations

import multiprocessing
import os
from multiprocessing.process import BaseProcess
from threading import Thread

WATCHED = "SOCRATIC_VLLM_WATCHED"
"""Variable that processes inherit from socratic's backend; other users of vLLM are left as they are."""


def end_with_parent() -> None:
    """End this process as soon as its parent has ended."""
    parent = multiprocessing.parent_process()
    if parent is not None and WATCHED in os.environ:
        Thread(target=_end_after, args=(parent,), daemon=True, name="ends with its parent").start()


def _end_after(parent: BaseProcess) -> None:
    parent.join()
    os._exit(1)  # nobody is left to be told anything
