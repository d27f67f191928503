"""A recipe's stages: planned, run one after another, skipped where nothing changed, and put on record."""

from __future__ import annotations

from pathlib import Path

from socratic_cli.recipe import Recipe
from socratic_cli.run.arms import planned
from socratic_cli.run.data import read
from socratic_cli.run.plans import Plan
from socratic_cli.run.stages import Stage, Watcher

__all__ = ["Plan", "Stage", "Watcher", "execute", "plan"]


def execute(recipe: Recipe, folder: Path, watcher: Watcher) -> Path:
    """Run every stage that is not done, and return the folder of the scores.

    Raises:
        SocraticError: a stage failed; those before it stay done.
    """
    found = plan(recipe, folder)
    for stage in found.stages:
        done = stage.done
        watcher.stage(stage, done)
        if not done:
            stage.run(watcher)
        found.record()
    return found.stages[-1].folder


def plan(recipe: Recipe, folder: Path) -> Plan:
    """Return the stages of a recipe, each once. The data is read (not kept) to know whether it changed."""
    data = read(recipe)
    return Plan(recipe, folder, data, planned(recipe, folder, data))
