"""Ways to write reasoning down."""
