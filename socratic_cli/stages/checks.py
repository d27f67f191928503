"""TEMPORARY: being written by a helper."""

from socratic_cli.records import Rationale


def tagged(rationale: Rationale) -> Rationale:
    return rationale


def mended(rationale: Rationale) -> Rationale | None:
    return rationale
