"""The compiled inner loops once more, in plain NumPy: slow, and written another way."""

from __future__ import annotations

import numpy as np


def paint(frames, size, directions):
    """The motion field of records (None: a frame without), as `Raster` gives it: vectors and mask."""
    rows, columns = -(-size[0] // 8), -(-size[1] // 8)
    vectors = np.zeros((len(directions), len(frames), 2, rows, columns), np.float32)
    mask = np.zeros((len(directions), len(frames), rows, columns), bool)
    for d, direction in enumerate(directions):
        for t, records in enumerate(frames):
            if records is None:
                continue
            chosen = records[np.sign(records["source"]) == (-1 if direction == "past" else 1)]
            x, y = chosen["dst_x"].astype(int), chosen["dst_y"].astype(int)
            motion = np.stack([chosen["motion_x"], chosen["motion_y"]], 1).astype(np.float32)
            motion *= np.float32(1) / chosen["motion_scale"].astype(np.float32)[:, None]
            for row in ((y - 1) >> 3, y >> 3):
                for column in ((x - 1) >> 3, x >> 3):
                    inside = (row >= 0) & (row < rows) & (column >= 0) & (column < columns)
                    vectors[d, t][:, row[inside], column[inside]] = motion[inside].T
                    mask[d, t][row[inside], column[inside]] = True
    return vectors, mask


def compensate(luma, vectors, *, six_tap):
    """A frame moved by vectors (2, H8, W8) in quarter pixels, as `Reference.compensate` gives it."""
    height, width = luma.shape
    x, y = (part.repeat(8, 0).repeat(8, 1)[:height, :width] for part in vectors.astype(np.int64))
    row, column = np.mgrid[:height, :width]
    left, top = column + (x >> 2), row + (y >> 2)

    def pixel(down, right):
        return luma[np.clip(top + down, 0, height - 1), np.clip(left + right, 0, width - 1)].astype(np.int64)

    def filtered(samples):
        a, b, c, d, e, f = samples
        return a - 5 * b + 20 * c + 20 * d - 5 * e + f

    taps = range(-2, 4)

    def g(down, right):
        return pixel(down, right)

    def b(down, right):
        if not six_tap:
            return (pixel(down, right) + pixel(down, right + 1) + 1) >> 1
        return np.clip((filtered(pixel(down, right + i) for i in taps) + 16) >> 5, 0, 255)

    def h(down, right):
        if not six_tap:
            return (pixel(down, right) + pixel(down + 1, right) + 1) >> 1
        return np.clip((filtered(pixel(down + i, right) for i in taps) + 16) >> 5, 0, 255)

    def j(down, right):
        if not six_tap:
            four = [pixel(down + i, right + k) for i in (0, 1) for k in (0, 1)]
            return (sum(four) + 2) >> 2
        columns = (filtered(pixel(down + i, right + k) for i in taps) for k in taps)
        return np.clip((filtered(columns) + 512) >> 10, 0, 255)

    pairs = [  # by 4 yFrac + xFrac
        (g(0, 0), g(0, 0)), (g(0, 0), b(0, 0)), (b(0, 0), b(0, 0)), (b(0, 0), g(0, 1)),
        (g(0, 0), h(0, 0)), (b(0, 0), h(0, 0)), (b(0, 0), j(0, 0)), (b(0, 0), h(0, 1)),
        (h(0, 0), h(0, 0)), (h(0, 0), j(0, 0)), (j(0, 0), j(0, 0)), (j(0, 0), h(0, 1)),
        (h(0, 0), g(1, 0)), (h(0, 0), b(1, 0)), (j(0, 0), b(1, 0)), (h(0, 1), b(1, 0)),
    ]  # fmt: skip
    means = np.stack([(one + two + 1) >> 1 for one, two in pairs])
    position = (y & 3) * 4 + (x & 3)
    return np.take_along_axis(means, position[None], 0)[0].astype(np.uint8)
