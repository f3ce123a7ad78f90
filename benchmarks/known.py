"""The known motion of MovingScenes, pixel by pixel, from the paths that its sprites were drawn along.

Sprites do not turn, they only move, so all pixels of one share its displacement. The scene lies still.

Axes: T frames, H W pixels.
"""

from __future__ import annotations

import numpy as np

from cvrl_lite.datasets.moving_scenes.actions import FINE, paths
from cvrl_lite.datasets.moving_scenes.integers import Dice
from cvrl_lite.datasets.moving_scenes.sprites import tile
from cvrl_lite.datasets.moving_scenes.textures import REFERENCE

_OPAQUE = 16  # of 256: less than that shows through a sprite
_SHADOW = 156  # more than that shows through a shadow, and what it falls on goes on as it went


def known_motion(action: str, seed: int, frames: int, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the content of each pixel was one frame ago.

    Args:
        action: As given to `cvrl_lite.datasets.moving_scenes.draw`.
        seed: As given to it.
        frames: T.
        size: As given to it: H and W.

    Returns:
        Displacements (T, 2, H, W) float32 in pixels, x and y, from each frame back to the one before, as
        motion vectors point; a mask (T, H, W) of the pixels that belong to a sprite which moved, and were
        to be seen in the frame before; and one of those that show the bare scene in both. The first
        frame's are zero and False.
    """
    places = paths(action, seed, frames)  # (T, N, 2)
    center = (4 * places * size // FINE + 2 * REFERENCE * size) // REFERENCE  # quarter pixels, as drawn
    owner = np.full((frames, size, size), -1)
    for number in range(places.shape[1]):
        through = tile(Dice(seed, 4, number), 0, size).through  # its color does not matter here
        side = through.shape[1]
        for t, (left, top) in enumerate((center[:, number] - 2 * (side - 1)).tolist()):
            if not (-4 * side < left < 4 * size and -4 * side < top < 4 * size):
                continue
            x, y, shift = left >> 2, top >> 2, 4 * (top & 3) + (left & 3)
            down, across = slice(max(-y, 0), min(size - y, side)), slice(max(-x, 0), min(size - x, side))
            cover = through[shift, down, across, 0]
            below = owner[t, max(y, 0) : max(y + side, 0), max(x, 0) : max(x + side, 0)]
            below[(cover < 256) & (below == -1)] = -2  # a shadow on the scene, neither this nor that
            below[cover < _SHADOW] = -2  # a soft edge
            below[cover < _OPAQUE] = number

    step = np.zeros((frames, places.shape[1], 2), np.float32)  # back in time
    step[1:] = (center[:-1] - center[1:]) / 4
    back, moving = np.zeros((frames, 2, size, size), np.float32), np.zeros((frames, size, size), bool)
    rows, columns = np.mgrid[0:size, 0:size]
    for t in range(1, frames):
        here = owner[t] >= 0
        back[t] = np.where(here, step[t, owner[t]].transpose(2, 0, 1), 0)
        x = columns + np.rint(back[t, 0]).astype(int)
        y = rows + np.rint(back[t, 1]).astype(int)
        inside = (x >= 0) & (x < size) & (y >= 0) & (y < size)
        seen = owner[t - 1, y.clip(0, size - 1), x.clip(0, size - 1)] == owner[t]
        moving[t] = here & inside & seen & (back[t] != 0).any(0)
    still = owner == -1
    still[1:] &= still[:-1]
    still[0] = False
    return back, moving, still
