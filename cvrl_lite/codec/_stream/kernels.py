"""Inner loops, compiled by numba at first use; the machine code is cached in `cvrl_lite.files.cache_dir()`.

Axes: T time, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cached_property, update_wrapper
from threading import Lock
from typing import Any

import numpy as np

from cvrl_lite.files import cache_dir

_configuring = Lock()


class Kernel:
    """A function compiled by numba when it is first called.

    Where the cache cannot be used (a read-only folder, a full disk, a broken file), the function is compiled
    for this process alone.
    """

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self._compiled(*arguments)
        except Exception:  # numba reads and writes its cache here; a broken file raises nearly anything
            self._compiled = _compile(self._function, cache=False)
            return self._compiled(*arguments)

    @cached_property
    def _compiled(self) -> Callable[..., Any]:
        return _compile(self._function, cache=True)


def _compile(function: Callable[..., Any], *, cache: bool) -> Callable[..., Any]:
    import numba  # takes a third of a second, which only reading vectors is worth

    made: Callable[..., Any] = numba.njit(nogil=True)(function)
    if cache:
        settings: Any = numba.config  # global ones: the folder is read when caching is enabled
        with _configuring:
            before = settings.CACHE_DIR
            settings.CACHE_DIR = os.fspath(cache_dir() / "compiled")
            try:
                made.enable_caching()  # type: ignore[attr-defined]
            finally:
                settings.CACHE_DIR = before
    return made


@Kernel
def paint_vectors(records: Any, sign: Any, vectors: Any, mask: Any, t: Any) -> None:
    """Paints the vectors of one frame and one direction onto its cells.

    Args:
        records: (10 N,) int32, N records of type AVMotionVector.
        sign: -1 for vectors into the past, 1 for those into the future.
        vectors: (T, 2, H8, W8) float32, written at `t`.
        mask: (T, H8, W8) bool, written at `t`.
        t: The frame.
    """
    rows, columns = mask.shape[1], mask.shape[2]
    scale, factor = 0, np.float32(0)
    for i in range(0, records.shape[0], 10):
        if records[i] * sign <= 0:
            continue
        if records[i + 8] & 0xFFFF != scale:
            scale = records[i + 8] & 0xFFFF
            factor = np.float32(1.0) / np.float32(scale)
        x: Any = records[i + 2] >> 16  # the block's center
        y: Any = np.int16(records[i + 3] & 0xFFFF)
        dx, dy = np.float32(records[i + 6]) * factor, np.float32(records[i + 7]) * factor
        for row in range(max((y - 1) >> 3, 0), min(y >> 3, rows - 1) + 1):
            for column in range(max((x - 1) >> 3, 0), min(x >> 3, columns - 1) + 1):
                vectors[t, 0, row, column] = dx
                vectors[t, 1, row, column] = dy
                mask[t, row, column] = True


@Kernel
def six_tap(samples: Any, step: int) -> Any:
    """Filters samples `step` apart with (1, -5, 20, 20, -5, 1), unscaled.

    Args:
        samples: (N,) uint8.
        step: Distance of the taps: 1 along rows, the row length along columns.

    Returns:
        (N,) int16; the sum around the half sample behind each sample, 0 if taps lie outside.
    """
    filtered = np.zeros(len(samples), np.int16)
    count = len(samples) - 5 * step
    a, b, c = samples[:count], samples[step : step + count], samples[2 * step : 2 * step + count]
    d, e, f = samples[3 * step : 3 * step + count], samples[4 * step : 4 * step + count], samples[5 * step :]
    out = filtered[2 * step : 2 * step + count]
    for i in range(count):
        inner, outer = np.int32(c[i]) + np.int32(d[i]), np.int32(b[i]) + np.int32(e[i])
        out[i] = 20 * inner - 5 * outer + np.int32(a[i]) + np.int32(f[i])
    return filtered


@Kernel
def round_samples(filtered: Any, out: Any) -> None:
    """Scales sums of one pass of the filter to samples: (N,) int16 to (N,) uint8."""
    for i in range(len(out)):
        out[i] = min(max((filtered[i] + 16) >> 5, 0), 255)


@Kernel
def six_tap_rounded(filtered: Any, step: int, out: Any) -> None:
    """Filters sums of one pass once more, in the other direction, and scales to samples.

    Args:
        filtered: (N,) int16, from `six_tap`.
        step: Distance of the taps.
        out: (N,) uint8, written where all taps lie inside.
    """
    count = len(filtered) - 5 * step
    a, b, c = filtered[:count], filtered[step : step + count], filtered[2 * step : 2 * step + count]
    d = filtered[3 * step : 3 * step + count]
    e, f = filtered[4 * step : 4 * step + count], filtered[5 * step :]
    target = out[2 * step : 2 * step + count]
    for i in range(count):
        inner, outer = np.int32(c[i]) + np.int32(d[i]), np.int32(b[i]) + np.int32(e[i])
        total = 20 * inner - 5 * outer + np.int32(a[i]) + np.int32(f[i])
        target[i] = min(max((total + 512) >> 10, 0), 255)


@Kernel
def gather_blocks(samples: Any, columns: int, first: Any, second: Any, out: Any) -> None:
    """Copies an 8x8 block for each cell, or the rounded mean of two.

    Args:
        samples: (N,) uint8, planes of `columns` samples a row.
        columns: Samples in a row.
        first: (H8, W8) int64, position of the block's top left sample.
        second: (H8, W8) int64, position of the block to average with; where equal, the block is copied.
        out: (8 H8, 8 W8) uint8.
    """
    for row in range(first.shape[0]):
        for column in range(first.shape[1]):
            one, two = first[row, column], second[row, column]
            for i in range(8):
                target = out[8 * row + i, 8 * column : 8 * column + 8]
                a = samples[one + i * columns : one + i * columns + 8]
                if one == two:
                    for j in range(8):
                        target[j] = a[j]
                else:
                    b = samples[two + i * columns : two + i * columns + 8]
                    for j in range(8):
                        target[j] = (np.int32(a[j]) + np.int32(b[j]) + 1) >> 1
