"""Lines of JSON, in and out; and objects out of JSON that is no lines."""

from socratic_cli.jsonl.claiming import claim, take_off_torn_line
from socratic_cli.jsonl.nested import objects
from socratic_cli.jsonl.reading import MAX_LINE, Invalid, Line, OnInvalid, read, record
from socratic_cli.jsonl.writing import Writer, write_all

__all__ = [
    "MAX_LINE",
    "Invalid",
    "Line",
    "OnInvalid",
    "Writer",
    "claim",
    "objects",
    "read",
    "record",
    "take_off_torn_line",
    "write_all",
]
