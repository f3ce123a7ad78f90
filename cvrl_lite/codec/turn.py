"""Sizes that pictures are scaled to, and turning them and their vectors the way a player shows them.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from cvrl_lite.codec.raster import Motion
from cvrl_lite.codec.residual import Residual

Size = int | tuple[int, int]


def scaled(size: tuple[int, int], target: Size | None) -> tuple[int, int]:
    """The size (H, W) that a picture gets: `target` itself, or the shape kept with a shorter side of it.

    Example:
        >>> scaled((240, 320), 112), scaled((240, 320), (112, 112)), scaled((240, 320), None)
        ((112, 149), (112, 112), (240, 320))
    """
    if isinstance(target, int):
        shorter = min(size)
        target = (round(size[0] * target / shorter), round(size[1] * target / shorter))
    height, width = target or size
    if height < 1 or width < 1:
        raise ValueError(f"a picture cannot be {width}x{height}")
    return height, width


def turned_images(images: np.ndarray, quarters: int) -> np.ndarray:
    """(..., H, W, 3), turned anticlockwise."""
    return np.ascontiguousarray(np.rot90(images, quarters, (-3, -2))) if quarters else images


def turned_residual(residual: Residual, quarters: int) -> Residual:
    """The residual of the turned pictures."""
    if not quarters:
        return residual
    values, mask = (np.ascontiguousarray(np.rot90(part, quarters, (-2, -1))) for part in residual[:2])
    return Residual(values, mask, residual.exact)


class TurnedMotion(Motion):
    """A field turned by a quarter anticlockwise.

    The cells that the coded picture's right and lower edge cut lie at other edges now, so that other grids
    are made of the field as it was coded.
    """

    _quarters = 1

    def resample(self, cell: Literal[4, 8, 16] | None, size: tuple[int, int] | None = None) -> Motion:
        """As of `Motion`; `size` is that of the turned picture."""
        if size is not None and self._quarters % 2:
            size = (size[1], size[0])
        coded = Motion(*_turned(self, -self._quarters))
        return Motion(*_turned(coded.resample(cell, size), self._quarters))


class _Half(TurnedMotion):
    _quarters = 2


class _ThreeQuarters(TurnedMotion):
    _quarters = 3


def turned_motion(motion: Motion, quarters: int) -> Motion:
    """The field of the turned pictures; cells cut by the picture's edge stay at the edge they were at.

    Example:
        >>> field = np.zeros((1, 2, 1, 2), np.float32)
        >>> field[0, :, 0, 1] = 3, 0  # from the right
        >>> motion = turned_motion(Motion(field, field[:, 0] != 0, np.array(["P"])), 1)
        >>> motion.vectors[0, :, 0, 0].tolist()  # a quarter anticlockwise: from above
        [0.0, -3.0]
    """
    if not quarters:
        return motion
    return (TurnedMotion, _Half, _ThreeQuarters)[quarters - 1](*_turned(motion, quarters))


def _turned(motion: Motion, quarters: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y = motion.vectors[..., 0, :, :], motion.vectors[..., 1, :, :]
    for _ in range(quarters % 4):
        x, y = y, -x
    vectors = np.rot90(np.stack([x, y], -3), quarters, (-2, -1))
    mask = np.rot90(motion.mask, quarters, (-2, -1))
    return np.ascontiguousarray(vectors), np.ascontiguousarray(mask), motion.picture_types
