"""The eight actions: one velocity field carries every sprite of a clip.

Four are steady. Four change in the course of a cycle, so that the next frames move otherwise than these.

Places count `FINE` to a pixel of a 112-pixel frame, from the frame's center, x right and y down. Sprites
are spread evenly over a field much wider than the frame, a square that wraps around or a disc of the
same area: a single frame then shows as many sprites, in the same places, whatever the action.

Legend: T frames, N sprites.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cvrl_lite.datasets.moving_scenes.integers import ONE, TURN, Dice, Ints, cosine, sine

FINE = 1024
STEADY = ("right", "down", "clockwise", "counter_clockwise")
CHANGING = ("turn", "shake", "pulse", "stop_and_go")
ACTIONS = STEADY + CHANGING

SPEED = (1.2, 2.5)  # pixels a frame, of a sprite `_ARM` from the center where the speed depends on it
PERIOD = (12.0, 16.0)  # frames to a cycle
SPRITES = (19, 24)  # on the whole field; the frame shows 7 to 11 of them

_RADIUS = 98 * FINE  # of the disc; the frame's corners are 79 from the center
_SIDE = 174 * FINE  # of the square: the same area
_APART = 21 * FINE  # the least distance between two sprites, at first
_ARM = 43 * FINE  # mean distance from the center of the points of the frame


@dataclass(frozen=True)
class Pace:
    """How fast one clip moves.

    Attributes:
        speed: 1/1024 pixel a frame.
        period: 1/16 frame to a cycle.
        phase: Where in its cycle the clip begins, in steps of 1/8192 turn.
    """

    speed: int
    period: int
    phase: int

    @classmethod
    def drawn(cls, dice: Dice) -> Pace:
        """A pace within the limits of `SPEED` and `PERIOD`."""
        speed = dice.between(*(round(limit * FINE) for limit in SPEED))
        period = dice.between(*(round(limit * 16) for limit in PERIOD))
        return cls(speed, period, dice.below(TURN))


def _scattered(dice: Dice, count: int, disc: bool) -> Ints:
    """(N, 2) places at random, each at least `_APART` from the others."""
    reach = _RADIUS if disc else _SIDE // 2
    places: list[tuple[int, int]] = []
    while len(places) < count:
        x, y = dice.between(-reach, reach), dice.between(-reach, reach)
        if disc and x * x + y * y > reach * reach:
            continue
        for other_x, other_y in places:
            dx, dy = abs(x - other_x), abs(y - other_y)
            if not disc:
                dx, dy = min(dx, _SIDE - dx), min(dy, _SIDE - dy)
            if dx * dx + dy * dy < _APART * _APART:
                break
        else:
            places.append((x, y))
    return np.array(places, np.int64)


def displacement(action: str, pace: Pace, frames: int) -> Ints:
    """How far an action that translates has moved the sprites.

    Args:
        action: `"right"`, `"down"`, `"turn"`, `"shake"` or `"stop_and_go"`.
        pace: The clip's pace.
        frames: T.

    Returns:
        (T, 2) int64, x and y in 1/1024 pixel.
    """
    time = np.arange(frames, dtype=np.int64)
    angle = pace.phase + time * TURN * 16 // pace.period
    still = np.zeros_like(time)
    if action == "right":
        return np.stack([pace.speed * time, still], 1)
    if action == "down":
        return np.stack([still, pace.speed * time], 1)
    if action == "turn":  # a circle whose circumference is walked in one period
        radius = pace.speed * pace.period * 1000 // (16 * 6283)
        return np.stack([radius * cosine(angle), radius * sine(angle)], 1) // ONE
    if action == "shake":  # there and back four times the amplitude, at this mean speed
        return np.stack([pace.speed * pace.period // 64 * sine(angle) // ONE, still], 1)
    turns, within = angle // TURN, angle % TURN  # stop and go: the first half of each cycle goes
    gone = turns * (TURN // 2) + np.minimum(within, TURN // 2)
    return np.stack([gone * pace.speed * pace.period // (16 * TURN), still], 1)


def paths(action: str, seed: int, frames: int) -> Ints:
    """Where every sprite of a clip is in every frame.

    Args:
        action: One of `ACTIONS`.
        seed: The clip's seed.
        frames: T.

    Returns:
        (T, N, 2) int64: x and y of each center in 1/1024 pixel of a 112-pixel frame, from its center.

    Example:
        >>> x = paths("right", 7, 3)[:, 0, 0]
        >>> bool(x[1] - x[0] == x[2] - x[1] > 0)
        True
    """
    dice = Dice(seed, 2)
    pace = Pace.drawn(dice)
    count = dice.between(*SPRITES)
    swings = action in ("clockwise", "counter_clockwise", "pulse")
    start = _scattered(dice, count, disc=swings)  # (N, 2)
    if not swings:
        moved = start + displacement(action, pace, frames)[:, None]
        return (moved + _SIDE // 2) % _SIDE - _SIDE // 2
    time = np.arange(frames, dtype=np.int64)
    if action == "pulse":
        swing = pace.speed * pace.period // 64 * sine(pace.phase + time * TURN * 16 // pace.period)
        return start + start * (swing // ONE)[:, None, None] // (_ARM * 5 // 4)
    sense = 1 if action == "clockwise" else -1
    angle = sense * time * pace.speed * TURN * 1000 // (_ARM * 6283)
    c, s = cosine(angle)[:, None], sine(angle)[:, None]
    x, y = start[:, 0], start[:, 1]
    return np.stack([x * c - y * s, x * s + y * c], 2) // ONE
