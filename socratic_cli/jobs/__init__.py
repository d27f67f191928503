"""The verbs on files: where results go, what is done already, what is counted."""

from socratic_cli.jobs.annotate import annotate_file
from socratic_cli.jobs.bench import bench_files
from socratic_cli.jobs.cards import described, put_on_cards
from socratic_cli.jobs.evaluating import Target, evaluate_files, solutions
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
    "Target",
    "annotate_file",
    "bench_files",
    "described",
    "evaluate_files",
    "put_on_cards",
    "solutions",
    "solve_file",
]
