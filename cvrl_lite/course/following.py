"""Where the shapes of a clip go, found in its frames alone."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

_COVERS = 50  # levels apart from the ground: more than a codec's flicker
_ALIKE = 60  # levels apart from a shape's own color, at most
_RESTS = 2  # pixels to either side, at most


def follow_shapes(frames: np.ndarray, count: int) -> list[np.ndarray]:
    """The ways of the shapes that move, from frame to frame.

    Args:
        frames: (T, H, W, 3) uint8 RGB, from a camera that stands still; the ground is their median.
        count: How many of the first frames are followed. Shapes that rest, or get lost in the first half of
            them, behind others or at the border, are left out.

    Returns:
        (n, 2) pixels for each shape, x right and y down from the center of the upper left one.

    Example:
        >>> clip = np.zeros((30, 24, 24, 3), np.uint8)
        >>> for time in range(12):
        ...     clip[time, 8:14, time : time + 6] = 255  # a white square goes to the right
        >>> (way,) = follow_shapes(clip, 12)
        >>> way[[0, -1]].round().tolist()
        [[3.0, 10.0], [13.0, 10.0]]
    """
    ground = np.median(frames, 0)
    apart = np.abs(frames[:count] - ground).max(3) > _COVERS
    parts, number_of_parts = ndimage.label(apart[0])
    found = []
    for number in range(1, number_of_parts + 1):
        y, x = np.nonzero(parts == number)
        if len(y) < 0.004 * parts.size:  # flicker
            continue
        color, radius = np.median(frames[0][y, x], 0), 1.3 * np.sqrt(len(y) / np.pi) + 1
        way, step = [np.array([x.mean(), y.mean()])], np.zeros(2)
        for frame, covers in zip(frames[1:count], apart[1:]):
            alike = np.argwhere(covers & (np.abs(frame - color).max(2) < _ALIKE))[:, ::-1]
            center = _drawn_to(alike, way[-1] + step, radius, 0.2 * len(y))
            if center is None:
                break
            step = center - way[-1]
            way.append(center)
        if len(way) > count / 2 and np.ptp(way, axis=0).max() > 2 * _RESTS:
            found.append(ndimage.uniform_filter1d(np.array(way), 3, axis=0, mode="nearest"))
    return found


def _drawn_to(pixels: np.ndarray, guess: np.ndarray, radius: float, enough: float) -> np.ndarray | None:
    """The center of the pixels around a guess, by three steps of mean shift; None if they are too few."""
    for _ in range(3):
        near = pixels[np.hypot(*(pixels - guess).T) < radius]
        if len(near) < enough:
            return None
        guess = near.mean(0)
    return guess
