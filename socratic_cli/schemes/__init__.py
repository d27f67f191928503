"""Ways to write reasoning down. Nobody imports them: they are found by their entry points."""
