"""Scaled sizes, and the rotation of frames, vectors and residuals into the orientation of display.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, SupportsIndex

import numpy as np

from cvrl_lite.codec._stream.raster import Motion
from cvrl_lite.codec.residual import Residual

Size = int | tuple[int, int]


def scaled(size: tuple[int, int], target: Size | None) -> tuple[int, int]:
    """The size (H, W) of a scaled frame: `target` itself, or for an int the one with that shorter side.

    Example:
        >>> scaled((240, 320), 112), scaled((240, 320), (112, 112)), scaled((240, 320), None)
        ((112, 149), (112, 112), (240, 320))
    """
    if isinstance(target, int):
        shorter = min(size)
        target = (round(size[0] * target / shorter), round(size[1] * target / shorter))
    height, width = target or size
    if height < 1 or width < 1:
        raise ValueError(f"a frame cannot be {width}x{height}")
    return height, width


def checked_size(size: Size | None) -> Size | None:
    """A size as a caller gave it.

    Raises:
        ValueError: It is neither an int nor (height, width).
    """
    if isinstance(size, tuple | list) and len(size) == 2 and all(isinstance(n, SupportsIndex) for n in size):
        return operator.index(size[0]), operator.index(size[1])
    if size is None or isinstance(size, SupportsIndex):
        return size if size is None else operator.index(size)
    raise ValueError(f"size is (height, width), an int for the shorter side, or None; not {size!r}")


class Orientation(NamedTuple):
    """One of the eight orientations of a frame: a transposition followed by flips.

    Attributes:
        transpose: Whether rows and columns are exchanged.
        hflip: Whether left and right are exchanged after that.
        vflip: Whether top and bottom are exchanged after that.
    """

    transpose: bool = False
    hflip: bool = False
    vflip: bool = False

    @property
    def inverse(self) -> Orientation:
        """The orientation that undoes this one."""
        return Orientation(True, self.vflip, self.hflip) if self.transpose else self

    @property
    def mirrored(self) -> bool:
        """Whether the frame is a mirror image, however it is rotated."""
        return self.transpose ^ self.hflip ^ self.vflip

    @property
    def rotation(self) -> int:
        """Degrees counterclockwise, -90 to 180, after a flip left to right if `mirrored`."""
        if self.transpose:
            return 90 if self.vflip ^ self.mirrored else -90
        return 180 if self.hflip ^ self.mirrored else 0

    def size(self, coded: tuple[int, int]) -> tuple[int, int]:
        """The displayed size (H, W) of a frame of size `coded`, or the other way round."""
        return (coded[1], coded[0]) if self.transpose else coded


UPRIGHT = Orientation()
"""Displayed as coded."""


def orientation(matrix: Sequence[int] | None) -> Orientation:
    """The orientation of frames with this display matrix.

    A pixel at (x, y) is displayed at (a x + c y, b x + d y) with a, b, c, d = matrix[0], [1], [3], [4]. For
    the eight matrices of quarter turns and mirrors this equals ffmpeg's autorotate, scaling aside. Any other
    angle, which ffmpeg renders with cropped corners, is rounded to the nearest of the eight, since blocks and
    their vectors cannot be rotated by it.

    Source:
        configure_input_video_filter() in FFmpeg's fftools/ffmpeg_filter.c.

    Example:
        >>> one, half = 1 << 16, 1 << 30
        >>> orientation((0, one, 0, -one, 0, 0, 0, 0, half)).rotation  # a phone held in portrait orientation
        -90
    """
    if matrix is None:
        return UPRIGHT
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    transpose = abs(b) + abs(c) > abs(a) + abs(d)
    x, y = (c, b) if transpose else (a, d)
    if not x or not y:  # degenerate; FFmpeg ignores it, too
        return UPRIGHT
    return Orientation(transpose, x < 0, y < 0)


def turned_images(images: np.ndarray, to: Orientation) -> np.ndarray:
    """Images (..., H, W, 3) in the orientation of display."""
    return _oriented(images, to, (-3, -2))


class TurnedResidual(Residual):
    """Residuals in the orientation of display."""

    _orientation = UPRIGHT

    def predicted(self) -> np.ndarray:
        """As in `Residual`."""
        back = self._orientation.inverse
        values, mask = (_oriented(part, back, (-2, -1)) for part in self[:2])
        coded = Residual(values, mask, self.exact)
        return _oriented(coded.predicted(), self._orientation, (-2, -1))


def turned_residual(residual: Residual, to: Orientation) -> Residual:
    """Residuals in the orientation of display."""
    if to == UPRIGHT:
        return residual
    values, mask = (_oriented(part, to, (-2, -1)) for part in residual[:2])
    turned = TurnedResidual(values, mask, residual.exact)
    turned._orientation = to
    return turned


class TurnedMotion(Motion):
    """A motion field in the orientation of display.

    The cells cropped by the coded frame's right and lower border may lie at other borders, so the field is
    resampled in its coded orientation.
    """

    _orientation = UPRIGHT

    def resample(self, cell: Literal[4, 8, 16] | None, size: tuple[int, int] | None = None) -> Motion:
        """As in `Motion`; `size` is that of the displayed frame."""
        coded = Motion(*_parts(self, self._orientation.inverse))
        return Motion(*_parts(coded.resample(cell, size and self._orientation.size(size)), self._orientation))

    def _replace(self, **parts: Any) -> TurnedMotion:
        made = super()._replace(**parts)
        made._orientation = self._orientation
        return made


def turned_motion(motion: Motion, to: Orientation) -> Motion:
    """A motion field in the orientation of display; cropped cells stay at their border of the frame.

    Example:
        >>> field = np.zeros((1, 2, 1, 2), np.float32)
        >>> field[0, :, 0, 1] = 3, 0  # its content came from the right
        >>> motion = Motion(field, field[:, 0] != 0, np.array(["P"]))
        >>> motion = turned_motion(motion, Orientation(transpose=True, vflip=True))
        >>> motion.vectors[0, :, 0, 0].tolist()  # rotated counterclockwise by 90 degrees: from above
        [0.0, -3.0]
    """
    if to == UPRIGHT:
        return motion
    turned = TurnedMotion(*_parts(motion, to))
    turned._orientation = to
    return turned


def _parts(motion: Motion, to: Orientation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    x, y = motion.vectors[..., 0, :, :], motion.vectors[..., 1, :, :]
    if to.transpose:
        x, y = y, x
    vectors = np.stack([-x if to.hflip else x, -y if to.vflip else y], -3)
    return _oriented(vectors, to, (-2, -1)), _oriented(motion.mask, to, (-2, -1)), motion.picture_types


def _oriented(array: np.ndarray, to: Orientation, axes: tuple[int, int]) -> np.ndarray:
    """An array with the given axes, rows and columns, in this orientation."""
    if to == UPRIGHT:
        return array
    oriented = array.swapaxes(*axes) if to.transpose else array
    flipped = [axis for axis, flip in zip(axes, (to.vflip, to.hflip), strict=True) if flip]
    return np.ascontiguousarray(np.flip(oriented, tuple(flipped)))
