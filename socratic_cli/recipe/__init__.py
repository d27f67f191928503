"""Recipes: a whole experiment in one YAML file, typed, with errors that name file and line, all at once."""

from socratic_cli.recipe.experiment import Arm, Recipe, Source, Verifying, merged, sampling
from socratic_cli.recipe.reading import read

__all__ = ["Arm", "Recipe", "Source", "Verifying", "merged", "read", "sampling"]
