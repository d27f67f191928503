"""Sources of problems, found by their entry points."""
