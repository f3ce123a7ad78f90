"""Motion compensation of luma, at quarter-pixel precision.

H.264 computes half samples with a filter of six taps and quarter samples as rounded means of two neighbors
(Rec. ITU-T H.264, 8.4.2.2.1). All sixteen fractional positions are thus means of two samples from four
planes: integer samples (G), half samples to the right (b), below (h), and diagonally (j). The older codecs
interpolate bilinearly; their planes are means of neighbors.

Axes: H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

import numpy as np

from cvrl_lite.codec._stream.kernels import gather_blocks, round_samples, six_tap, six_tap_rounded

# Outside the frame its border repeats. From 11 pixels before the frame and 1 behind it on, a block and its
# filter see nothing but the border value, so positions farther out are clamped there.
_BEFORE, _BEHIND = 11, 1
_LEFT, _TOP = 16, 13  # padding before the frame
_ROOM = 13  # least padding behind it

# For each fractional position (4 y + x, in quarter pixels) two samples as (plane, rows down, columns right).
_G, _B, _H, _J = range(4)
_SAMPLES = np.array(
    [
        [(_G, 0, 0), (_G, 0, 0)],
        [(_G, 0, 0), (_B, 0, 0)],
        [(_B, 0, 0), (_B, 0, 0)],
        [(_B, 0, 0), (_G, 0, 1)],
        [(_G, 0, 0), (_H, 0, 0)],
        [(_B, 0, 0), (_H, 0, 0)],
        [(_B, 0, 0), (_J, 0, 0)],
        [(_B, 0, 0), (_H, 0, 1)],
        [(_H, 0, 0), (_H, 0, 0)],
        [(_H, 0, 0), (_J, 0, 0)],
        [(_J, 0, 0), (_J, 0, 0)],
        [(_J, 0, 0), (_H, 0, 1)],
        [(_H, 0, 0), (_G, 1, 0)],
        [(_H, 0, 0), (_B, 1, 0)],
        [(_J, 0, 0), (_B, 1, 0)],
        [(_H, 0, 1), (_B, 1, 0)],
    ],
    np.int64,
)
_PLANES_USED = (_SAMPLES[:, :, 0, None] == np.arange(4)).any(1)  # (16, 4): planes used by a position
_AVERAGED = (_SAMPLES[:, 0] != _SAMPLES[:, 1]).any(1)  # (16,): whether two samples are averaged


class Reference:
    """A reference frame; half-sample planes are computed when a vector first needs them.

    A decoder repeats the border of whole macroblocks, which may lie outside the displayed frame. Where a
    size is no multiple of 16, blocks that reach beyond the right or lower border differ slightly here.

    Args:
        luma: (H, W) uint8.
        six_tap_filter: H.264's filter; otherwise bilinear interpolation.

    Example:
        >>> ramp = np.arange(64, dtype=np.uint8).reshape(8, 8)
        >>> one_to_the_right = np.array([[[4]], [[0]]])  # quarter pixels, for the only cell
        >>> Reference(ramp).compensate(one_to_the_right)[0].tolist()
        [1, 2, 3, 4, 5, 6, 7, 7]
    """

    def __init__(self, luma: np.ndarray, *, six_tap_filter: bool = True) -> None:
        self._six_tap_filter, (self._height, self._width) = six_tap_filter, luma.shape
        height, width = luma.shape
        self._rows, self._columns = height + _TOP + _ROOM, -(-(width + _LEFT + _ROOM) // 8) * 8
        self._samples = np.empty(4 * self._rows * self._columns, np.uint8)
        self._ready = {_G}
        self._filtered_right: np.ndarray | None = None  # b before rounding
        plane = self._plane(_G).reshape(self._rows, self._columns)
        body = plane[_TOP : _TOP + height]
        body[:, _LEFT : _LEFT + width] = luma
        body[:, :_LEFT] = luma[:, :1]
        body[:, _LEFT + width :] = luma[:, -1:]
        plane[:_TOP] = body[0]
        plane[_TOP + height :] = body[-1]

    def compensate(self, vectors: np.ndarray) -> np.ndarray:
        """Predicts a frame by moving the reference cell by cell.

        Args:
            vectors: (2, H8, W8) integers, x and y in quarter pixels, from each cell to its source.

        Returns:
            (H, W) uint8.

        Raises:
            ValueError: The shape of the vectors does not fit the frame.
        """
        rows, columns = -(-self._height // 8), -(-self._width // 8)
        if vectors.shape != (2, rows, columns):
            raise ValueError(f"{vectors.shape} vectors do not fit {self._width}x{self._height} pixels")
        x, y = vectors.astype(np.int64)
        position = (y & 3) * 4 + (x & 3)
        left = np.clip((x >> 2) + 8 * np.arange(columns), -_BEFORE, self._width + _BEHIND)
        top = np.clip((y >> 2) + 8 * np.arange(rows)[:, None], -_BEFORE, self._height + _BEHIND)
        used = np.bincount(position.ravel(), minlength=16) > 0
        for plane in np.flatnonzero(_PLANES_USED[used].any(0)):
            self._interpolate(int(plane))
        corner = (top + _TOP) * self._columns + (left + _LEFT)
        offsets = _SAMPLES @ np.array([self._rows * self._columns, self._columns, 1])
        first = corner + offsets[:, 0].take(position)
        averaged = bool((used & _AVERAGED).any())
        second = corner + offsets[:, 1].take(position) if averaged else first
        out = np.empty((8 * rows, 8 * columns), np.uint8)
        gather_blocks(self._samples, self._columns, first, second, out)
        return out[: self._height, : self._width]

    def _plane(self, number: int) -> np.ndarray:
        size = self._rows * self._columns
        return self._samples[number * size : (number + 1) * size]

    def _interpolate(self, number: int) -> None:
        """Computes a plane; its borders, where taps are missing, are never read."""
        if number in self._ready:
            return
        self._ready.add(number)
        samples, out, columns = self._plane(_G), self._plane(number), self._columns
        if not self._six_tap_filter:
            _bilinear(samples, columns, number, out)
            return
        if number == _H:
            round_samples(six_tap(samples, columns), out)
            return
        if self._filtered_right is None:
            self._filtered_right = six_tap(samples, 1)
        if number == _B:
            round_samples(self._filtered_right, out)
        else:
            six_tap_rounded(self._filtered_right, columns, out)


def _bilinear(samples: np.ndarray, columns: int, number: int, out: np.ndarray) -> None:
    """A plane of means of two or four neighbors, halves rounded up."""
    last = len(samples) - columns - 1
    if number == _J:
        total = np.add(samples[:last], samples[1 : last + 1], dtype=np.uint16)
        total += samples[columns : columns + last]
        total += samples[columns + 1 :]
        total += 2
        total >>= 2
        out[:last] = total
        return
    step = 1 if number == _B else columns
    here, there = samples[:last], samples[step : step + last]
    np.bitwise_or(here, there, out=out[:last])
    out[:last] -= (here ^ there) >> 1
