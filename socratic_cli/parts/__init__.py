"""Four kinds of part that a plugin can bring: scheme, teacher, student, dataset. The fifth is in `backends`.

A part's class is the typed model of its own options, so nobody else needs to know them.
"""

from socratic_cli.parts.datasets import Dataset
from socratic_cli.parts.part import Part
from socratic_cli.parts.schemes import Hint, Scheme, Verification
from socratic_cli.parts.students import HeldOut, Progress, Student, Trained
from socratic_cli.parts.teachers import Batches, BatchState, Price, Teacher

__all__ = [
    "BatchState",
    "Batches",
    "Dataset",
    "HeldOut",
    "Hint",
    "Part",
    "Price",
    "Progress",
    "Scheme",
    "Student",
    "Teacher",
    "Trained",
    "Verification",
]
