"""The replies of a service as they came, in a file of their own: written to the disk before anybody reads them.

A reply is looked up by everything that it depends on, so a run that was killed goes on where it was, one that parses
better or keeps more asks nobody again, and two outputs can share what was paid for.

Power loss: `put` returns when the reply is on the disk (fsync). Replies that arrive while the disk is busy share the
next fsync. Everything else that a run writes can be made again from this file.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, cast

from socratic_cli import jsonl
from socratic_cli.dialogue import Reply, Turn
from socratic_cli.errors import InputError, OutputError
from socratic_cli.ids import Table
from socratic_cli.records import Usage

Key = str
# Seconds in which replies gather for one fsync; to a reply that took a second they are nothing.
_TOGETHER = 0.01


def key_of(teacher: str, request: dict[str, Any], sample: int) -> Key:
    """Return the fingerprint of everything a reply depends on: model, address, messages, sampling, seed, sample."""
    everything = json.dumps([teacher, request, sample], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(everything.encode()).hexdigest()[:32]


@dataclass
class _Waiting:
    lines: list[tuple[Key, dict[str, Any]]] = field(default_factory=list)
    written: asyncio.Future[None] | None = None


class Replies:
    """An append-only file of replies. It is locked: one run at a time."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; a last line torn by a killed process is taken off.

        Raises:
            OutputError: the file cannot be written, or another run is writing it.
            InputError: a line of it cannot be read.
        """
        self.path = path
        self.spent = 0.0
        self._writer = jsonl.Writer(path, lock=True)
        self._places = Table()
        self._reading = path.open("rb")
        self._waiting = _Waiting()
        self._writing: asyncio.Task[None] | None = None
        try:
            jsonl.take_off_torn_line(path)
            self._index()
        except Exception:
            self._writer.close()
            raise

    def _index(self) -> None:
        at = 0
        for number, raw in enumerate(self._reading, 1):
            try:
                line = json.loads(raw)
                self._places.put(line["key"], at)
                self.spent += line.get("usage", {}).get("cost", 0.0)
            except (ValueError, TypeError, KeyError) as fault:
                raise InputError(
                    f"{self.path}:{number}: this is no stored reply ({fault}). Move the file aside to begin without it"
                ) from None
            at += len(raw)

    @property
    def count(self) -> int:
        """How many replies are stored."""
        return len(self._places)

    def get(self, key: Key) -> Reply | None:
        """Return the stored reply, or None."""
        at = self._places.get(key)
        if at is None:
            return None
        self._reading.seek(at)
        return _reply(json.loads(self._reading.readline()))

    async def put(self, key: Key, turn: Turn, reply: Reply) -> None:
        """Store a reply; returns when it is on the disk.

        Raises:
            OutputError: the disk is full, or the like. Nothing of the line is left then.
        """
        self._waiting.lines.append((key, _line(key, turn, reply)))
        if self._waiting.written is None:
            self._waiting.written = asyncio.get_running_loop().create_future()
        written = self._waiting.written
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await asyncio.shield(written)

    async def _write(self) -> None:
        """Write what is waiting, together, until nothing is."""
        while self._waiting.lines:
            await asyncio.sleep(_TOGETHER)
            batch, self._waiting = self._waiting, _Waiting()
            written = cast(asyncio.Future[None], batch.written)
            try:
                places = await asyncio.to_thread(self._append, [line for _, line in batch.lines])
            except OutputError as fault:
                written.set_exception(fault)
                continue
            for (key, line), place in zip(batch.lines, places, strict=True):
                self._places.put(key, place)
                self.spent += line["usage"].get("cost", 0.0)
            written.set_result(None)

    def _append(self, lines: list[dict[str, Any]]) -> list[int]:
        """Write lines and wait for the disk; return where each begins."""
        places = []
        for line in lines:
            places.append(self._writer.size)
            self._writer.write(line)
        self._writer.sync()
        return places

    def close(self) -> None:
        """Close the file, and with it the lock."""
        self._reading.close()
        self._writer.close()

    def __enter__(self) -> Replies:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _line(key: Key, turn: Turn, reply: Reply) -> dict[str, Any]:
    said = {name: value for name, value in asdict(reply).items() if value and name != "usage"}
    who = {"problem": turn.problem.id, "role": turn.role, "sample": turn.sample}
    return {"key": key, **who, **said, "usage": reply.usage.line()}


def _reply(line: dict[str, Any]) -> Reply:
    return Reply(
        line.get("text", ""),
        line.get("finish_reason", "stop"),
        Usage(**line["usage"]),
        line.get("thinking", ""),
        shares=tuple(line.get("shares", ())),
    )
