"""The four appearances: how the light on a clip changes, on scene and sprites alike.

Motion vectors cannot tell of it: all stays where it is. The residual can: what the vectors predict comes out
too dark or too bright.

Legend: T frames.
"""

from __future__ import annotations

import numpy as np

from cvrl_lite.scenes.integers import ONE, TURN, Dice, Ints, sine

APPEARANCES = ("steady", "flicker", "fade", "flash")

# As faint as this, encoders keep their vectors; changes twice as strong lead the search for vectors astray.
_FLICKER = (2, 3)  # grey levels up and down
_FLICKER_PERIOD = (80, 112)  # 1/16 frames: 5 to 7 frames, so that a clip of every second frame shows it
_FADE = (8, 12)  # grey levels up and down, in a straight line
_FADE_PERIOD = (44 * 16, 60 * 16)
_FLASH = (5, 7)  # grey levels, for one frame; two thirds and one third of it for the next two
_FLASH_PERIOD = (9, 12)  # frames


def light(appearance: str, seed: int, frames: int) -> Ints:
    """How much brighter each frame of a clip is.

    Args:
        appearance: One of `APPEARANCES`.
        seed: The clip's seed.
        frames: T.

    Returns:
        (T,) int64 grey levels, to be added to all three colours.

    Example:
        >>> light("flash", 3, 12).tolist()
        [0, 0, 0, 0, 12, 8, 4, 0, 0, 0, 0, 0]
    """
    dice, time = Dice(seed, 8), np.arange(frames, dtype=np.int64)
    if appearance == "flicker":
        height, period = dice.between(*_FLICKER), dice.between(*_FLICKER_PERIOD)
        wave = sine(dice.below(TURN) + time * TURN * 16 // period)
        return (height * wave + ONE // 2) // ONE
    if appearance == "fade":
        height, period = dice.between(*_FADE), dice.between(*_FADE_PERIOD)
        place = (dice.below(period) + 16 * time) % period  # of a triangle: up in its first half, then down
        return height * np.minimum(place, period - place) * 4 // period - height
    if appearance == "flash":
        height, period = dice.between(*_FLASH), dice.between(*_FLASH_PERIOD)
        since = (dice.below(period) + time) % period
        return height * np.maximum(3 - since, 0) // 3
    return np.zeros_like(time)
