"""Distil the step-by-step reasoning of a large language model into small ones."""

__version__ = "0.1.0"
