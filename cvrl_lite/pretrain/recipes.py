"""Functions that return a recipe."""

from __future__ import annotations

from cvrl_lite.augment import Augmentation
from cvrl_lite.datasets import Sampling
from cvrl_lite.pretrain.recipe import TASKS, Recipe


def laptop(tasks: tuple[str, ...] = TASKS, *, seed: int = 0) -> Recipe:
    """The course's own recipe: MovingScenes on two cores.

    Args:
        tasks: `("context",)`, `("motion",)` or both.
        seed: Of everything random.

    Returns:
        A recipe whose every number is ours; docs/experiments.md tells what else was tried.
    """
    return Recipe(
        tasks=tasks,
        seed=seed,
        steps=1000,
        batch=40,
        learning_rate=2e-3,
        context_weight=0.5,  # context is the easier task: it needs less of what both share
        context_temperature=0.2,  # clips of one scene are pushed apart less than at 0.1
        widths=(24, 48, 128, 128),
        sampling=Sampling(frames=8, step=0.08, gap=0.12, window=8, others=1),
        # Hue strong enough that clips are not matched by their palette, crops gentle enough to learn from.
        augmentation=Augmentation(size=64, cells=16, least_area=0.5, hue=0.2, saturation=0.6),
    )
