"""Models that can be trained, found by their entry points."""
