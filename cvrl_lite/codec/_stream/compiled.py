"""Inner loops compiled by numba, where that is installed (`pip install ".[fast]"`).

Each has a NumPy twin with the same result; a caller that gets None takes the twin.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np


def compiled(function: Callable[..., Any]) -> Callable[..., Any] | None:
    """The function compiled to machine code, kept on disk where that can be written; None without numba."""
    try:
        import numba
    except ImportError:
        return None
    try:
        made: Callable[..., Any] = numba.njit(nogil=True, cache=True)(function)
    except RuntimeError:  # no place for the cache can be written
        made = numba.njit(nogil=True)(function)
    return made


def _paint(records: Any, sign: Any, fields: Any, masks: Any, t: Any) -> None:
    """One frame: records (10 N,) int32, fields (T, 2, H8, W8) float32, masks (T, H8, W8) bool."""
    rows, columns = masks.shape[1], masks.shape[2]
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
                fields[t, 0, row, column] = dx
                fields[t, 1, row, column] = dy
                masks[t, row, column] = True


@cache
def compiled_paint() -> Callable[[np.ndarray, int, np.ndarray, np.ndarray, int], None] | None:
    """Paints one frame's records of one direction into its place in fields and masks."""
    return compiled(_paint)
