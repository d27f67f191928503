"""Tables of ids on disk, so that memory does not grow with their number: doubled ids, and what is done already.

They live in a temporary file that SQLite makes, keeps within a few megabytes of memory, and removes at the end.
"""

from __future__ import annotations

import sqlite3


class Table:
    """A mapping from texts to numbers."""

    def __init__(self) -> None:
        """Begin empty."""
        # The empty name is SQLite's own for a temporary file. Nothing is ever committed: it dies with the process.
        self._base = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        self._base.execute("PRAGMA journal_mode=OFF")
        self._base.execute("PRAGMA cache_size=-8192")
        self._base.execute("CREATE TABLE ids (id TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID")
        self._base.execute("BEGIN")

    def get(self, identity: str) -> int | None:
        """Return the number of an id, or None."""
        found = self._base.execute("SELECT number FROM ids WHERE id = ?", (identity,)).fetchone()
        return int(found[0]) if found else None

    def put(self, identity: str, number: int) -> None:
        """Set the number of an id."""
        self._base.execute("REPLACE INTO ids VALUES (?, ?)", (identity, number))

    def __len__(self) -> int:
        return int(self._base.execute("SELECT COUNT(*) FROM ids").fetchone()[0])


class Ids:
    """Remembers the ids of a stream and the number (of the line, of the problem) under which each came."""

    def __init__(self) -> None:
        """Begin with no ids."""
        self._numbers = Table()

    def add(self, identity: str, number: int) -> int | None:
        """Note an id; return the number under which it came before, or None if it is new."""
        earlier = self._numbers.get(identity)
        if earlier is None:
            self._numbers.put(identity, number)
        return None if earlier == number else earlier
