"""Sine, square root, angle, dice and noise in whole numbers: the same on every machine.

Floating point may round differently from one processor or library to the next. An image drawn with
integers alone has one SHA-256 everywhere, so a clip can be checked wherever it was made.

Conventions: a full turn is `TURN` steps, one is `ONE` = 2**14, a noise or a mix runs from 0 to 256.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")
Ints = NDArray[np.int64]

TURN = 8192
ONE = 1 << 14

_WORD = (1 << 64) - 1
_GAMMA = 0x9E3779B97F4A7C15
_PI = 3373259426  # pi * 2**30, rounded


def _quarter_sines() -> list[int]:
    """Sines of 0 .. a quarter turn, in steps of 1/TURN, by its power series in exact integers."""
    sines = []
    for step in range(TURN // 4 + 1):
        angle = (2 * _PI * step) // TURN  # radians * 2**30
        term = total = angle
        for k in range(1, 9):
            term = -(term * angle * angle >> 60) // (2 * k * (2 * k + 1))
            total += term
        sines.append((total + (1 << 15)) >> 16)
    return sines


_RISE = _quarter_sines()
_HALF = _RISE[:-1] + _RISE[:0:-1]
SINES = np.array(_HALF + [-value for value in _HALF], np.int64)  # (TURN,), scaled by ONE
SINES.flags.writeable = False


def sine(angle: Ints | int) -> Ints:
    """Sine of an angle.

    Args:
        angle: Any integers; `TURN` is a full turn.

    Returns:
        int64 in [-ONE, ONE], of the same shape.

    Example:
        >>> int(sine(TURN // 4)), int(sine(TURN // 12))
        (16384, 8185)
    """
    return np.asarray(SINES[np.asarray(angle, np.int64) & (TURN - 1)])


def cosine(angle: Ints | int) -> Ints:
    """Cosine of an angle: see `sine`."""
    return sine(np.asarray(angle, np.int64) + TURN // 4)


def square_root(values: Ints) -> Ints:
    """The largest integers whose squares are at most `values`.

    Args:
        values: int64 in [0, 2**50).

    Returns:
        int64, of the same shape.

    Example:
        >>> square_root(np.array([15, 16, 17])).tolist()
        [3, 4, 4]
    """
    root = np.sqrt(values).astype(np.int64)  # a first guess; the next two lines make it exact
    root -= root * root > values
    root += (root + 1) * (root + 1) <= values
    return root


def bearing(x: Ints, y: Ints) -> Ints:
    """The angle of a direction, within 0.3 degrees; from x towards y, clockwise where y points down.

    Args:
        x: int64, below 2**30 in size.
        y: int64, of the same shape.

    Returns:
        int64 in [0, TURN].

    Example:
        >>> bearing(np.array([1, 0, -1]), np.array([0, 1, 0])).tolist()
        [0, 2048, 4096]
    """
    wide, tall = np.abs(x), np.abs(y)
    ratio = (np.minimum(wide, tall) << 10) // np.maximum(np.maximum(wide, tall), 1)
    eighth = (
        ratio * (TURN // 8) + 356 * (ratio * (1024 - ratio) >> 10)
    ) >> 10  # atan z = z pi/4 + .273 z (1-z)
    angle = np.where(tall > wide, TURN // 4 - eighth, eighth)
    angle = np.where(x < 0, TURN // 2 - angle, angle)
    return np.where(y < 0, TURN - angle, angle)


def _mixed(state: int) -> int:
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _WORD
    return state ^ (state >> 31)


class Dice:
    """Random numbers by splitmix64, started from whole numbers.

    Args:
        key: The seed and whatever tells this use of it from others. Other keys give dice that have
            nothing to do with these.

    Example:
        >>> Dice(7, 1).below(100) == Dice(7, 1).below(100)
        True

    Source: G. Steele, D. Lea, C. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
    """

    def __init__(self, *key: int) -> None:
        state = 0
        for part in key:
            state = _mixed((state + _GAMMA ^ part) & _WORD)
        self._state = state

    def below(self, count: int) -> int:
        """One of 0 .. count - 1."""
        self._state = (self._state + _GAMMA) & _WORD
        return _mixed(self._state) * count >> 64

    def between(self, low: int, high: int) -> int:
        """One of low .. high, both included."""
        return low + self.below(high - low + 1)

    def pick(self, items: Sequence[T]) -> T:
        """One of the items."""
        return items[self.below(len(items))]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """The items in a random order (Fisher and Yates)."""
        order = list(items)
        for last in range(len(order) - 1, 0, -1):
            other = self.below(last + 1)
            order[last], order[other] = order[other], order[last]
        return order

    def grid(self, side: int) -> Ints:
        """A (side, side) table of numbers in 0 .. 255."""
        steps = np.arange(1, side * side + 1, dtype=np.uint64)
        state = np.uint64(self._state) + steps * np.uint64(_GAMMA)  # wraps around at 2**64, as it should
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        self._state = (self._state + side * side * _GAMMA) & _WORD
        return (state >> np.uint64(56)).astype(np.int64).reshape(side, side)


def noise(x: Ints, y: Ints, cell: int, table: Ints) -> Ints:
    """Smooth value noise: random heights on a lattice, blended in between.

    Args:
        x: int64 coordinates.
        y: int64 coordinates, of a shape that goes with that of `x`.
        cell: The distance between lattice points, at least 1.
        table: Random heights in 0 .. 255, (side, side), side a power of two; the noise repeats after
            side cells.

    Returns:
        int64 in 0 .. 255, of the common shape.
    """
    last = len(table) - 1
    column, row = x // cell, y // cell
    right, down = (x - column * cell << 8) // cell, (y - row * cell << 8) // cell
    right, down = right * right * (768 - 2 * right) >> 16, down * down * (768 - 2 * down) >> 16
    column, row = column & last, row & last
    beside, below = (column + 1) & last, (row + 1) & last
    upper = table[row, column] * (256 - right) + table[row, beside] * right
    lower = table[below, column] * (256 - right) + table[below, beside] * right
    values: Ints = (upper * (256 - down) + lower * down) >> 16
    return values


def bumps(side: int, cell: int, table: Ints) -> NDArray[np.int32]:
    """Value noise on a square of pixels: `noise` where rows and columns part, and several times faster.

    Args:
        side: Pixels per side.
        cell: Pixels between lattice points, at least 1.
        table: As for `noise`.

    Returns:
        (side, side) int32 in 0 .. 255.
    """
    places = np.arange(side, dtype=np.int32)
    lower = places // cell
    share = (places - lower * cell << 8) // cell
    share = share * share * (768 - 2 * share) >> 16
    lower &= len(table) - 1
    upper = lower + 1 & len(table) - 1
    heights = table.astype(np.int32)
    rows = heights[lower] * (256 - share[:, None]) + heights[upper] * share[:, None]
    values: NDArray[np.int32] = (rows[:, lower] * (256 - share) + rows[:, upper] * share) >> 16
    return values
