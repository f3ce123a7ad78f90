"""Motion compensation of luma: where each 8x8 cell's vector leads, between the pixels if need be.

H.264 finds half-pixel values with a filter of six taps and quarter-pixel values as rounded means of two
neighbours (ISO/IEC 14496-10, 8.4.2.2.1). All sixteen positions are thus a mean of two samples from four
planes: the pixels (G), half a pixel to the right (b), half a pixel down (h), and both (j). The older codecs
interpolate linearly; their planes are means of neighbours.

Axes: H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from cvrl_lite.codec.compiled import compiled

# So far outside the picture, its edge repeated, that all further blocks look like the last one.
_MARGIN = 13

# For each quarter-pixel position, rows y, columns x: two samples, as (plane, down, right); planes G b h j.
_G, _B, _H, _J = range(4)
_TABLE = np.array(
    [
        [
            [(_G, 0, 0), (_G, 0, 0)],
            [(_G, 0, 0), (_B, 0, 0)],
            [(_B, 0, 0), (_B, 0, 0)],
            [(_B, 0, 0), (_G, 0, 1)],
        ],
        [
            [(_G, 0, 0), (_H, 0, 0)],
            [(_B, 0, 0), (_H, 0, 0)],
            [(_B, 0, 0), (_J, 0, 0)],
            [(_B, 0, 0), (_H, 0, 1)],
        ],
        [
            [(_H, 0, 0), (_H, 0, 0)],
            [(_H, 0, 0), (_J, 0, 0)],
            [(_J, 0, 0), (_J, 0, 0)],
            [(_J, 0, 0), (_H, 0, 1)],
        ],
        [
            [(_H, 0, 0), (_G, 1, 0)],
            [(_H, 0, 0), (_B, 1, 0)],
            [(_J, 0, 0), (_B, 1, 0)],
            [(_H, 0, 1), (_B, 1, 0)],
        ],
    ],
    np.int64,
)


def compensated(reference: np.ndarray, vectors: np.ndarray, *, six_tap: bool) -> np.ndarray:
    """The reference, moved cell by cell.

    Outside the reference its edge repeats. A decoder repeats the edge of whole macroblocks, so where a
    size is no multiple of 16, cells that look beyond the right or lower edge come out slightly different.

    Args:
        reference: (H, W) uint8 luma.
        vectors: (2, H8, W8) integers, x and y in quarter pixels, from each cell to where its content is.
        six_tap: H.264's filter; else linear interpolation.

    Returns:
        (H, W) uint8.

    Example:
        >>> picture = np.arange(64, dtype=np.uint8).reshape(8, 8)
        >>> compensated(picture, np.array([[[4]], [[0]]]), six_tap=True)[0].tolist()  # one pixel right
        [1, 2, 3, 4, 5, 6, 7, 7]
    """
    height, width = reference.shape
    padded = np.pad(reference, _MARGIN + 3, mode="edge")
    vectors = np.ascontiguousarray(vectors, np.int32)
    loops = _loops()
    if loops is not None:
        planes = loops[0](padded, six_tap)
        out = np.empty((vectors.shape[1] * 8, vectors.shape[2] * 8), np.uint8)
        loops[1](planes, vectors, _TABLE, out, height, width)
        return out[:height, :width]
    return _gathered(_planes(padded, six_tap), vectors, height, width)


def _planes(padded: np.ndarray, six_tap: bool) -> np.ndarray:
    """G, b, h, j of a padded picture, (4, H + 2 margin, W + 2 margin) uint8."""
    wide = padded.astype(np.int16)
    rows, columns = padded.shape[0] - 6, padded.shape[1] - 6

    def taps(x: np.ndarray, axis: int, dtype: Any) -> np.ndarray:
        size = x.shape[axis] - 6
        part = [x[(slice(None),) * axis + (slice(i, i + size),)] for i in range(1, 7)]
        total = np.add(part[2], part[3], dtype=dtype)
        total *= 4
        total -= part[1]
        total -= part[4]
        total *= 5
        total += part[0]
        total += part[5]
        return total

    out = np.empty((4, rows, columns), np.uint8)
    out[_G] = padded[3:-3, 3:-3]
    if not six_tap:
        right, below = wide[3:-3, 4:-2], wide[4:-2, 3:-3]
        here = wide[3:-3, 3:-3] + np.int16(0)
        out[_B] = (here + right + 1) >> 1
        out[_H] = (here + below + 1) >> 1
        out[_J] = (here + right + below + wide[4:-2, 4:-2] + 2) >> 2
        return out
    across = taps(wide, 1, np.int16)  # (rows + 6, columns)
    out[_B] = ((across[3:-3] + 16) >> 5).clip(0, 255)
    out[_H] = ((taps(wide[:, 3:-3], 0, np.int16) + 16) >> 5).clip(0, 255)
    out[_J] = ((taps(across, 0, np.int32) + 512) >> 10).clip(0, 255)
    return out


def _gathered(planes: np.ndarray, vectors: np.ndarray, height: int, width: int) -> np.ndarray:
    """Two samples from the planes for each pixel, and their mean."""
    rows, columns = vectors.shape[1:]
    x = vectors[0] + np.arange(columns, dtype=np.int32) * 32
    y = vectors[1] + np.arange(rows, dtype=np.int32)[:, None] * 32
    left = ((x >> 2) + _MARGIN).clip(0, planes.shape[2] - 9)
    top = ((y >> 2) + _MARGIN).clip(0, planes.shape[1] - 9)
    windows = np.lib.stride_tricks.sliding_window_view(planes, (8, 8), axis=(1, 2))
    samples = _TABLE[y & 3, x & 3]  # (rows, columns, 2, 3)
    one, two = (
        windows[samples[..., i, 0], top + samples[..., i, 1], left + samples[..., i, 2]] for i in range(2)
    )
    mean = ((one.astype(np.uint16) + two + 1) >> 1).astype(np.uint8)  # (rows, columns, 8, 8)
    return mean.swapaxes(1, 2).reshape(rows * 8, columns * 8)[:height, :width]


def _planes_loop(padded: Any, six_tap: bool) -> Any:
    """`_planes`, pixel by pixel."""
    rows, columns = padded.shape[0] - 6, padded.shape[1] - 6
    out = np.empty((4, rows, columns), np.uint8)
    across = np.empty((rows + 6, columns), np.int32)
    if six_tap:
        for y in range(rows + 6):
            for x in range(columns):
                across[y, x] = (
                    np.int32(padded[y, x + 1])
                    + np.int32(padded[y, x + 6])
                    - 5 * (np.int32(padded[y, x + 2]) + np.int32(padded[y, x + 5]))
                    + 20 * (np.int32(padded[y, x + 3]) + np.int32(padded[y, x + 4]))
                )
    for y in range(rows):
        for x in range(columns):
            here = np.int32(padded[y + 3, x + 3])
            out[0, y, x] = here
            if six_tap:
                down = (
                    np.int32(padded[y + 1, x + 3])
                    + np.int32(padded[y + 6, x + 3])
                    - 5 * (np.int32(padded[y + 2, x + 3]) + np.int32(padded[y + 5, x + 3]))
                    + 20 * (here + np.int32(padded[y + 4, x + 3]))
                )
                both = (
                    across[y + 1, x]
                    + across[y + 6, x]
                    - 5 * (across[y + 2, x] + across[y + 5, x])
                    + 20 * (across[y + 3, x] + across[y + 4, x])
                )
                out[1, y, x] = min(max((across[y + 3, x] + 16) >> 5, 0), 255)
                out[2, y, x] = min(max((down + 16) >> 5, 0), 255)
                out[3, y, x] = min(max((both + 512) >> 10, 0), 255)
            else:
                right, below = np.int32(padded[y + 3, x + 4]), np.int32(padded[y + 4, x + 3])
                out[1, y, x] = (here + right + 1) >> 1
                out[2, y, x] = (here + below + 1) >> 1
                out[3, y, x] = (here + right + below + np.int32(padded[y + 4, x + 4]) + 2) >> 2
    return out


def _gathered_loop(planes: Any, vectors: Any, table: Any, out: Any, height: int, width: int) -> None:
    """`_gathered`, cell by cell."""
    for row in range(vectors.shape[1]):
        for column in range(vectors.shape[2]):
            x = vectors[0, row, column] + column * 32
            y = vectors[1, row, column] + row * 32
            left = min(max((x >> 2) + 13, 0), planes.shape[2] - 9)
            top = min(max((y >> 2) + 13, 0), planes.shape[1] - 9)
            one, two = table[y & 3, x & 3, 0], table[y & 3, x & 3, 1]
            y1, x1, y2, x2 = top + one[1], left + one[2], top + two[1], left + two[2]
            for i in range(8):
                for j in range(8):
                    total = np.int32(planes[one[0], y1 + i, x1 + j]) + np.int32(
                        planes[two[0], y2 + i, x2 + j]
                    )
                    out[row * 8 + i, column * 8 + j] = (total + 1) >> 1


@cache
def _loops() -> tuple[Callable[..., Any], Callable[..., Any]] | None:
    planes, gathered = compiled(_planes_loop), compiled(_gathered_loop)
    return None if planes is None or gathered is None else (planes, gathered)
