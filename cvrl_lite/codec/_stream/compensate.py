"""Motion compensation of luma: where each 8x8 cell's vector leads, between the pixels if need be.

H.264 finds half-pixel values with a filter of six taps and quarter-pixel values as rounded means of two
neighbors (Rec. ITU-T H.264, 8.4.2.2.1). All sixteen positions are thus a mean of two samples from four
planes: the pixels (G), half a pixel to the right (b), half a pixel down (h), and both (j). The older codecs
interpolate linearly; their planes are means of neighbors.

With NumPy alone, a cell's row of eight samples is fetched as one number of 64 bits: the two aligned ones
that hold it, shifted against each other.

Axes: H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from cvrl_lite.codec._stream.compiled import compiled

# Outside the picture its edge repeats. From 11 pixels before it and 1 behind it on, all that a block and
# its filter see is the edge's value, so that blocks farther out look like those.
_BEFORE, _BEHIND = 11, 1
_LEFT, _TOP = 16, 13  # what is added before the picture; sides are multiples of 8
_ROOM = 13  # and at least behind it

# For each position within a pixel (4 y + x, in quarters) two samples as (plane, down, right).
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
_NEEDS = (_SAMPLES[:, :, 0, None] == np.arange(4)).any(1)  # (16, 4): the planes a position takes
_BETWEEN = (_SAMPLES[:, 0] != _SAMPLES[:, 1]).any(1)  # (16,): whether the two samples differ
_WORD = np.dtype("<u8")
_BUT_LOWEST_BITS = np.uint64(0xFEFEFEFEFEFEFEFE)


class Reference:
    """A picture to predict from; the planes between its pixels are made when a vector needs them.

    A decoder repeats the edge of whole macroblocks, of which a video may show a part. Where a size is no
    multiple of 16, blocks that look beyond the right or lower edge come out slightly different here.

    Args:
        luma: (H, W) uint8.
        six_tap: H.264's filter; else linear interpolation.

    Example:
        >>> ramp = np.arange(64, dtype=np.uint8).reshape(8, 8)
        >>> one_to_the_right = np.array([[[4]], [[0]]])  # in quarter pixels, for the only cell
        >>> Reference(ramp).compensated(one_to_the_right)[0].tolist()
        [1, 2, 3, 4, 5, 6, 7, 7]
    """

    def __init__(self, luma: np.ndarray, *, six_tap: bool = True) -> None:
        self._six_tap, (self._height, self._width) = six_tap, luma.shape
        self._loops = _loops() or _NUMPY
        height, width = luma.shape
        self._rows, self._columns = height + _TOP + _ROOM, -(-(width + _LEFT + _ROOM) // 8) * 8
        # The four planes, and one number more: the last row of samples may end within it.
        self._samples = np.empty(4 * self._rows * self._columns + 8, np.uint8)
        self._made = {_G}
        self._across: np.ndarray | None = None  # b before it is rounded
        pixels = self._plane(_G).reshape(self._rows, self._columns)
        body = pixels[_TOP : _TOP + height]
        body[:, _LEFT : _LEFT + width] = luma
        body[:, :_LEFT] = luma[:, :1]
        body[:, _LEFT + width :] = luma[:, -1:]
        pixels[:_TOP] = body[0]
        pixels[_TOP + height :] = body[-1]

    def compensated(self, vectors: np.ndarray) -> np.ndarray:
        """The picture moved cell by cell.

        Args:
            vectors: (2, H8, W8) integers, x and y in quarter pixels, from each cell to where its content is.

        Returns:
            (H, W) uint8.

        Raises:
            ValueError: There are not as many vectors as cells.
        """
        down, right = -(-self._height // 8), -(-self._width // 8)
        if vectors.shape != (2, down, right):
            raise ValueError(f"{vectors.shape} vectors do not fit {self._width}x{self._height} pixels")
        x, y = vectors.astype(np.int64)
        position = (y & 3) * 4 + (x & 3)
        left = np.clip((x >> 2) + 8 * np.arange(right), -_BEFORE, self._width + _BEHIND)
        top = np.clip((y >> 2) + 8 * np.arange(down)[:, None], -_BEFORE, self._height + _BEHIND)
        used = np.bincount(position.ravel(), minlength=16) > 0
        for plane in np.flatnonzero(_NEEDS[used].any(0)):
            self._make(int(plane))
        # Where the two samples of each cell's corner are among all samples.
        at = (top + _TOP) * self._columns + (left + _LEFT)
        steps = _SAMPLES @ np.array([self._rows * self._columns, self._columns, 1])
        one = at + steps[:, 0].take(position)
        between = bool((used & _BETWEEN).any())
        two = at + steps[:, 1].take(position) if between else one
        out = np.empty((8 * down, 8 * right), np.uint8)
        self._loops.gathered(self._samples, self._columns, one, two, between, out)
        return out[: self._height, : self._width]

    def _plane(self, number: int) -> np.ndarray:
        size = self._rows * self._columns
        return self._samples[number * size : (number + 1) * size]

    def _make(self, number: int) -> None:
        """Makes a plane, as 1-D; of its edges, where neighbors are lacking, nothing is used."""
        if number in self._made:
            return
        self._made.add(number)
        pixels, out, columns = self._plane(_G), self._plane(number), self._columns
        if not self._six_tap:
            _linear(pixels, columns, number, out)
            return
        loops = self._loops
        if number == _H:
            loops.rounded(loops.taps(pixels, columns), out)
            return
        if self._across is None:
            self._across = loops.taps(pixels, 1)
        if number == _B:
            loops.rounded(self._across, out)
        else:
            loops.rounded_both(self._across, columns, out)


def _linear(pixels: np.ndarray, columns: int, number: int, out: np.ndarray) -> None:
    """A plane of means of two or four neighbors, halves rounded up."""
    last = len(pixels) - columns - 1
    if number == _J:
        total = np.add(pixels[:last], pixels[1 : last + 1], dtype=np.uint16)
        total += pixels[columns : columns + last]
        total += pixels[columns + 1 :]
        total += 2
        total >>= 2
        out[:last] = total
        return
    step = 1 if number == _B else columns
    here, there = pixels[:last], pixels[step : step + last]
    np.bitwise_or(here, there, out=out[:last])
    out[:last] -= (here ^ there) >> 1


class _Loops(NamedTuple):
    """The inner loops, in NumPy or compiled."""

    taps: Callable[[np.ndarray, int], np.ndarray]
    rounded: Callable[[np.ndarray, np.ndarray], None]
    rounded_both: Callable[[np.ndarray, int, np.ndarray], None]
    gathered: Callable[[np.ndarray, int, np.ndarray, np.ndarray, bool, np.ndarray], None]


def _taps(pixels: np.ndarray, step: int) -> np.ndarray:
    """The filter a - 5b + 20c + 20d - 5e + f of samples `step` apart, two before to three behind; int16."""
    wide, total = pixels.astype(np.int16), np.zeros(len(pixels), np.int16)
    count = len(pixels) - 5 * step
    part = [wide[i * step : i * step + count] for i in range(6)]
    out = total[2 * step : 2 * step + count]
    np.add(part[2], part[3], out=out)
    out <<= 2
    out -= part[1]
    out -= part[4]
    out *= 5
    out += part[0]
    out += part[5]
    return total


def _rounded(total: np.ndarray, out: np.ndarray) -> None:
    """Sums with a weight of 32 as samples."""
    value = total + np.int16(16)
    value >>= 5
    np.clip(value, 0, 255, out=value)
    out[:] = value


def _rounded_both(across: np.ndarray, columns: int, out: np.ndarray) -> None:
    """Down the sums, the same filter once more; then a weight of 1024.

    (a - 5 b + 20 c + 512) >> 10 = ((((a - b) >> 2) + c - b >> 2) + c + 32) >> 6, as a rounded-down
    division can be done in steps; so 16 bits are enough, but for c - b beyond 26000, where the sample is 0
    or 255 anyway.
    """
    count = len(across) - 5 * columns
    part = [across[i * columns : i * columns + count] for i in range(6)]
    value, outer, inner = part[0] + part[5], part[1] + part[4], part[2] + part[3]
    value -= outer
    value >>= 2
    np.subtract(inner, outer, out=outer)
    np.clip(outer, -26000, 26000, out=outer)
    value += outer
    value >>= 2
    value += inner
    value += 32
    value >>= 6
    np.clip(value, 0, 255, out=value)
    out[2 * columns : 2 * columns + count] = value


def _gathered(
    samples: np.ndarray, columns: int, one: np.ndarray, two: np.ndarray, between: bool, out: np.ndarray
) -> None:
    """The mean, rounded up, of two blocks of 8x8 samples for each cell, or one block, into (8 H8, 8 W8)."""
    words, rows = samples.view(_WORD), (np.arange(8) * (columns // 8))[:, None]
    target = out.view(_WORD).reshape(len(one), 8, -1)

    def fetched(start: np.ndarray) -> np.ndarray:
        at = (start >> 3)[:, None, :] + rows
        shift = ((start & 7) << 3).astype(np.uint64)[:, None, :]
        value = words.take(at)
        value >>= shift
        behind = words[1:].take(at)
        behind <<= np.uint64(64) - shift  # NumPy shifts by 64 to 0
        value |= behind
        return value

    first = fetched(one)
    if not between:
        target[:] = first
        return
    second = fetched(two)
    np.bitwise_or(first, second, out=target)
    first ^= second
    first &= _BUT_LOWEST_BITS
    first >>= np.uint64(1)
    target -= first


_NUMPY = _Loops(_taps, _rounded, _rounded_both, _gathered)


def _taps_loop(pixels: Any, step: int) -> Any:
    total = np.zeros(len(pixels), np.int16)
    count = len(pixels) - 5 * step
    a, b, c = pixels[:count], pixels[step : step + count], pixels[2 * step : 2 * step + count]
    d, e, f = pixels[3 * step : 3 * step + count], pixels[4 * step : 4 * step + count], pixels[5 * step :]
    out = total[2 * step : 2 * step + count]
    for i in range(count):
        inner, outer = np.int32(c[i]) + np.int32(d[i]), np.int32(b[i]) + np.int32(e[i])
        out[i] = 20 * inner - 5 * outer + np.int32(a[i]) + np.int32(f[i])
    return total


def _rounded_loop(total: Any, out: Any) -> None:
    for i in range(len(out)):
        out[i] = min(max((total[i] + 16) >> 5, 0), 255)


def _rounded_both_loop(across: Any, columns: int, out: Any) -> None:
    count = len(across) - 5 * columns
    a, b, c = across[:count], across[columns : columns + count], across[2 * columns : 2 * columns + count]
    d = across[3 * columns : 3 * columns + count]
    e, f = across[4 * columns : 4 * columns + count], across[5 * columns :]
    target = out[2 * columns : 2 * columns + count]
    for i in range(count):
        inner, outer = np.int32(c[i]) + np.int32(d[i]), np.int32(b[i]) + np.int32(e[i])
        total = 20 * inner - 5 * outer + np.int32(a[i]) + np.int32(f[i])
        target[i] = min(max((total + 512) >> 10, 0), 255)


def _gathered_loop(samples: Any, columns: int, one: Any, two: Any, between: bool, out: Any) -> None:
    for row in range(one.shape[0]):
        for column in range(one.shape[1]):
            first, second = one[row, column], two[row, column]
            for i in range(8):
                target = out[8 * row + i, 8 * column : 8 * column + 8]
                a = samples[first + i * columns : first + i * columns + 8]
                if first == second:
                    for j in range(8):
                        target[j] = a[j]
                else:
                    b = samples[second + i * columns : second + i * columns + 8]
                    for j in range(8):
                        target[j] = (np.int32(a[j]) + np.int32(b[j]) + 1) >> 1


@cache
def _loops() -> _Loops | None:
    made = [compiled(loop) for loop in (_taps_loop, _rounded_loop, _rounded_both_loop, _gathered_loop)]
    return None if None in made else _Loops(*made)  # type: ignore[arg-type]
