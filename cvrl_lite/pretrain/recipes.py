"""Functions that return a recipe."""

from __future__ import annotations

from cvrl_lite.pretrain.recipe import TASKS, Recipe


def laptop(tasks: tuple[str, ...] = TASKS, *, seed: int = 0) -> Recipe:
    """The course's own recipe: MovingScenes on two cores.

    Args:
        tasks: `("context",)`, `("motion",)` or both.
        seed: Of everything random.

    Returns:
        A recipe whose every number is ours; docs/experiments.md tells what else was tried.
    """
    return Recipe(tasks=tasks, seed=seed)
