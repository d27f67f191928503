"""The four verbs on parts and records: no path to a recipe, no console."""
