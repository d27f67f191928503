"""Models that write annotations, found by their entry points."""
