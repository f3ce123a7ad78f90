"""Sizes that frames are scaled to, and laying frames and their vectors the way a player shows them.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from cvrl_lite.codec._stream.raster import Motion
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


class Orientation(NamedTuple):
    """One of the eight ways to lay a frame: exchange rows and columns, then flip what that gives.

    Attributes:
        transpose: Whether rows and columns are exchanged first.
        hflip: Whether left and right are then exchanged.
        vflip: Whether top and bottom are.
    """

    transpose: bool = False
    hflip: bool = False
    vflip: bool = False

    @property
    def inverse(self) -> Orientation:
        """The one that undoes this one."""
        return Orientation(True, self.vflip, self.hflip) if self.transpose else self

    @property
    def mirrored(self) -> bool:
        """Whether text can no longer be read, however the frame is turned."""
        return self.transpose ^ self.hflip ^ self.vflip

    @property
    def rotation(self) -> int:
        """Degrees anticlockwise, -90 to 180, that remain after flipping left to right if `mirrored`."""
        if self.transpose:
            return 90 if self.vflip ^ self.mirrored else -90
        return 180 if self.hflip ^ self.mirrored else 0

    def size(self, coded: tuple[int, int]) -> tuple[int, int]:
        """The size (H, W) that a frame of size `coded` is shown in; for the way back, the same."""
        return (coded[1], coded[0]) if self.transpose else coded


UPRIGHT = Orientation()
"""Shown as coded."""


def orientation(matrix: Sequence[int] | None) -> Orientation:
    """How a player lays frames with this display matrix.

    A pixel at (x, y) is shown at (a x + c y, b x + d y) with a, b, c, d = matrix[0], [1], [3], [4]. Of the
    eight matrices of whole quarter turns and mirrors this is what ffmpeg's autorotate does, scales left
    aside. A tilt in between, which ffmpeg draws with cut corners, goes to the nearest of the eight: vectors
    and blocks have no other way to lie.

    Source:
        configure_input_video_filter() in FFmpeg's fftools/ffmpeg_filter.c.

    Example:
        >>> one, half = 1 << 16, 1 << 30
        >>> orientation((0, one, 0, -one, 0, 0, 0, 0, half)).rotation  # a phone held upright
        -90
    """
    if matrix is None:
        return UPRIGHT
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    transpose = abs(b) + abs(c) > abs(a) + abs(d)
    x, y = (c, b) if transpose else (a, d)
    if not x or not y:  # it leaves nothing of the frame; FFmpeg ignores it, too
        return UPRIGHT
    return Orientation(transpose, x < 0, y < 0)


def turned_images(images: np.ndarray, way: Orientation) -> np.ndarray:
    """(..., H, W, 3) as they are shown."""
    return _laid(images, way, (-3, -2))


class TurnedResidual(Residual):
    """Residuals laid as their frames are shown."""

    _way = UPRIGHT

    def predicted(self) -> np.ndarray:
        """As of `Residual`."""
        back = self._way.inverse
        values, mask = (_laid(part, back, (-2, -1)) for part in self[:2])
        coded = Residual(values, mask, self.exact)
        return _laid(coded.predicted(), self._way, (-2, -1))


def turned_residual(residual: Residual, way: Orientation) -> Residual:
    """The residual of the frames as they are shown."""
    if way == UPRIGHT:
        return residual
    values, mask = (_laid(part, way, (-2, -1)) for part in residual[:2])
    turned = TurnedResidual(values, mask, residual.exact)
    turned._way = way
    return turned


class TurnedMotion(Motion):
    """A field laid as its frames are shown.

    The cells that the coded frame's right and lower edge cut may lie at other edges now, so that other grids
    are made of the field as it was coded.
    """

    _way = UPRIGHT

    def resample(self, cell: Literal[4, 8, 16] | None, size: tuple[int, int] | None = None) -> Motion:
        """As of `Motion`; `size` is that of the frame as it is shown."""
        coded = Motion(*_parts(self, self._way.inverse))
        return Motion(*_parts(coded.resample(cell, size and self._way.size(size)), self._way))

    def _replace(self, **parts: Any) -> TurnedMotion:
        made = super()._replace(**parts)
        made._way = self._way
        return made


def turned_motion(motion: Motion, way: Orientation) -> Motion:
    """The field of the frames as they are shown; cells cut by the frame's edge stay at the edge they were at.

    Example:
        >>> field = np.zeros((1, 2, 1, 2), np.float32)
        >>> field[0, :, 0, 1] = 3, 0  # from the right
        >>> motion = Motion(field, field[:, 0] != 0, np.array(["P"]))
        >>> motion = turned_motion(motion, Orientation(transpose=True, vflip=True))
        >>> motion.vectors[0, :, 0, 0].tolist()  # a quarter anticlockwise: from above
        [0.0, -3.0]
    """
    if way == UPRIGHT:
        return motion
    turned = TurnedMotion(*_parts(motion, way))
    turned._way = way
    return turned


def _parts(motion: Motion, way: Orientation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y = motion.vectors[..., 0, :, :], motion.vectors[..., 1, :, :]
    if way.transpose:
        x, y = y, x
    vectors = np.stack([-x if way.hflip else x, -y if way.vflip else y], -3)
    return _laid(vectors, way, (-2, -1)), _laid(motion.mask, way, (-2, -1)), motion.picture_types


def _laid(array: np.ndarray, way: Orientation, axes: tuple[int, int]) -> np.ndarray:
    """An array with these two axes, rows and columns, laid this way."""
    if way == UPRIGHT:
        return array
    laid = array.swapaxes(*axes) if way.transpose else array
    flipped = [axis for axis, flip in zip(axes, (way.vflip, way.hflip), strict=True) if flip]
    return np.ascontiguousarray(np.flip(laid, tuple(flipped)))
