"""What is true of a clip that we drew: where its shapes are."""

from __future__ import annotations

import numpy as np

from cvrl_lite.datasets.moving_scenes.actions import FINE, paths


def shape_centers(action: str, seed: int, *, frames: int, size: int) -> np.ndarray:
    """Where the shapes of a clip of MovingScenes are.

    Args:
        action: One of `moving_scenes.ACTIONS`.
        seed: With which the clip was drawn.
        frames: Of the clip.
        size: Pixels of a side.

    Returns:
        (frames, shapes, 2) pixels, x right and y down from the upper left corner; some lie outside.

    Example:
        >>> shape_centers("right", 3, frames=2, size=112).shape[::2]
        (2, 2)
    """
    return np.asarray(paths(action, seed, frames) * (size / 112) / FINE + size / 2)
