"""The four appearances: how the light on a clip changes, on scene and sprites alike.

Motion vectors cannot tell of it: all stays where it is. The residual can: what the vectors predict comes out
too dark or too bright.

Legend: T frames.
"""

from __future__ import annotations

import numpy as np

from cvrl_lite.scenes.integers import ONE, TURN, Dice, Ints, sine

APPEARANCES = ("steady", "fade", "breath", "flutter")

# From frame to frame the light changes by 6 grey levels or less, as faint changes do not lead an encoder's
# search for vectors astray; in the course of a clip it changes by several times as much.
_HEIGHTS = {"fade": (24, 32), "breath": (12, 16), "flutter": (6, 8)}  # grey levels up and down
_PERIODS = {"fade": (640, 768), "breath": (288, 352), "flutter": (144, 176)}  # 1/16 frames


def light(appearance: str, seed: int, frames: int) -> Ints:
    """How much brighter each frame of a clip is.

    Args:
        appearance: One of `APPEARANCES`.
        seed: The clip's seed.
        frames: T.

    Returns:
        (T,) int64 grey levels, to be added to all three colours.

    Example:
        >>> light("flutter", 3, 12).tolist()
        [-6, -7, -5, -2, 3, 6, 7, 5, 2, -3, -6, -7]
    """
    time = np.arange(frames, dtype=np.int64)
    if appearance == "steady":
        return np.zeros_like(time)
    dice = Dice(seed, 8)
    height, period = dice.between(*_HEIGHTS[appearance]), dice.between(*_PERIODS[appearance])
    if appearance == "fade":  # up in a straight line, then down
        place = (dice.below(period) + 16 * time) % period
        return height * np.minimum(place, period - place) * 4 // period - height
    wave = sine(dice.below(TURN) + time * TURN * 16 // period)
    return (height * wave + ONE // 2) // ONE
