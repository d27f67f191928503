"""`python -m socratic_cli` is `socratic`."""

from socratic_cli.cli import main

main()
