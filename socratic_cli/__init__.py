"""Distil the step-by-step reasoning of a large language model into small ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from socratic_cli.trained import TrainedStudent

__version__ = "0.1.0"
__all__ = ["TrainedStudent", "__version__"]


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that the command's help stays quick."""
    if name == "TrainedStudent":
        from socratic_cli.trained import TrainedStudent

        return TrainedStudent
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
