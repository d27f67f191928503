"""What solutions are worth: judged, counted, compared, and checked for leaks."""
