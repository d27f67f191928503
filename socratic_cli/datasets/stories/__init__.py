"""Arithmetic stories: word problems that are told, with the steps that solve them."""

from socratic_cli.datasets.stories.telling import LIMIT, Story, tell

__all__ = ["LIMIT", "Story", "tell"]
