"""Where the records of a data set come from: files in a local folder, or the Hugging Face hub."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from socratic_cli.errors import InputError, SocraticError
from socratic_cli.jsonl import Line


def local(data_dir: Path, folder: str, file: str) -> Path:
    """Return the path of a file of a data set.

    Raises:
        InputError: there is no such file.
    """
    path = data_dir / folder / file
    if not path.is_file():
        raise InputError(
            f"{path} is missing: the data folder (--data-dir or SOCRATIC_DATA) must hold {folder}/{file}."
            " Without a data folder the data set comes from the Hugging Face hub."
        )
    return path


def json_file(path: Path) -> Any:
    """Return what a JSON file holds.

    Raises:
        InputError: it is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except ValueError as fault:
        raise InputError(f"{path} is not JSON: {fault}. Download the file anew.") from None


def numbered(source: str | Path, rows: Iterable[Any]) -> Iterator[Line]:
    """Yield rows with the place of each: its source and its position, from 0.

    Raises:
        InputError: a row is not an object.
    """
    for number, row in enumerate(rows):
        where = f"{source}[{number}]"
        if not isinstance(row, dict):
            raise InputError(f"{where} is no JSON object with named fields: {str(row)[:60]}")
        yield Line(where, row)


def hub(repository: str, split: str, config: str | None = None) -> Iterator[Line]:
    """Yield the rows of a split of a data set on the hub, from the cache where it was loaded before.

    Raises:
        SocraticError: the hub cannot be reached, or has no such data set.
    """
    import datasets  # heavy, and needed by no one who has the files

    try:
        rows = datasets.load_dataset(repository, config, split=split)
    except Exception as fault:  # whatever the hub, its cache and the network between may raise
        reason = str(fault).partition("\n")[0] or type(fault).__name__
        raise SocraticError(
            f"{repository} cannot be loaded from the Hugging Face hub: {reason}\n"
            "Without a network, name the folder that holds the data sets with --data-dir or SOCRATIC_DATA."
        ) from fault
    return numbered(f"{repository}/{split}", rows)
