"""Problems whose gold rationale can reply for roles; the others are left out, and that is said."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator

from socratic_cli.errors import InputError
from socratic_cli.jobs.done import Wanted
from socratic_cli.jobs.tally import Tally
from socratic_cli.parts import Scheme
from socratic_cli.stages.oracle import gold_replies

log = logging.getLogger(__name__)


def playable(wanted: Iterable[Wanted], scheme: Scheme, tally: Tally) -> Iterator[Wanted]:
    """Pass on the problems of which an oracle knows the gold rationale.

    Data sets have problems whose steps are no subquestions: they end no run, and count neither as right nor as wrong.

    Raises:
        InputError: there is none that could be passed on.
    """
    first: InputError | None = None
    passed = left_out = 0
    for problem, number in wanted:
        try:
            gold_replies(scheme, problem)
        except InputError as fault:
            left_out, first = left_out + 1, first or fault
        else:
            passed += 1
            yield problem, number
    if first and not passed and not tally.skipped:
        raise first
    if first:
        log.warning("left out %d of %d problems: %s", left_out, left_out + passed, first)
