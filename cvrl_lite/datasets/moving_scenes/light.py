"""The four appearances: how the light on a clip changes, on scene and sprites alike.

Motion vectors cannot tell of it: all stays where it is. The residual can: what the vectors predict comes out
too dark or too bright.

Legend: T frames.
"""

from __future__ import annotations

import numpy as np

from cvrl_lite.datasets.moving_scenes.integers import ONE, TURN, Dice, Ints, sine

APPEARANCES = ("steady", "brightening", "dimming", "wavering")

# From frame to frame the light changes by a few gray levels, as faint changes do not lead an encoder's search
# for vectors astray; in the course of a clip it changes by many times as much.
_SLOPE = (1000, 1500)  # 1/1000 gray level a frame
_HEIGHT = (12, 16)  # gray levels up and down
_PERIOD = (16 * 16, 20 * 16)  # 1/16 frames


def light(appearance: str, seed: int, frames: int) -> Ints:
    """How much brighter each frame of a clip is.

    Args:
        appearance: One of `APPEARANCES`.
        seed: The clip's seed.
        frames: T.

    Returns:
        (T,) int64 gray levels, to be added to all three colors.

    Example:
        >>> light("brightening", 3, 12).tolist()
        [-7, -6, -5, -4, -2, -1, 0, 1, 3, 4, 5, 6]
    """
    time = np.arange(frames, dtype=np.int64)
    if appearance == "steady":
        return np.zeros_like(time)
    dice = Dice(seed, 8)
    if appearance == "wavering":
        height, period = dice.between(*_HEIGHT), dice.between(*_PERIOD)
        return (height * sine(dice.below(TURN) + time * TURN * 16 // period) + ONE // 2) // ONE
    rise = (2 * time - frames + 1) * dice.between(*_SLOPE) // 2000  # 0 in the middle of the clip
    return rise if appearance == "brightening" else -rise
