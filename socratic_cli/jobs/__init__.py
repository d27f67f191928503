"""The verbs on files: where results go, what is done already, what is counted."""

from socratic_cli.jobs.annotate import annotate_file
from socratic_cli.jobs.bench import bench_files, described, put_on_cards, solutions
from socratic_cli.jobs.paths import Paths
from socratic_cli.jobs.solve import solve_file
from socratic_cli.jobs.stopping import Stop
from socratic_cli.jobs.tally import Report, Tally

STDIO = "-"

__all__ = [
    "STDIO",
    "Paths",
    "Report",
    "Stop",
    "Tally",
    "annotate_file",
    "bench_files",
    "described",
    "put_on_cards",
    "solutions",
    "solve_file",
]
