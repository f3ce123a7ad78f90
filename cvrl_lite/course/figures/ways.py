"""Where the shapes of a clip go: one picture, with an arrow along the way of each."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
from matplotlib.colors import to_rgb
from PIL import Image, ImageDraw
from scipy import ndimage

from cvrl_lite.course.figures.style import COLORS

_COVERS = 50  # levels apart from the ground: more than a codec's flicker
_ALIKE = 60  # levels apart from a shape's own color, at most
_SCALE = 4  # pixels of the picture for one of the clip


def ways(frames: np.ndarray, count: int) -> np.ndarray:
    """A clip as one gray picture, with an arrow along the way of each shape, from blue to orange.

    Args:
        frames: (T, H, W, 3) uint8 RGB, from a camera that stands still; the ground is their median.
        count: How many of the first frames are followed. Shapes that get lost in the first half of them,
            behind others or at the border, have no arrow.

    Returns:
        (4 H, 4 W, 3) uint8: the last of these frames.

    Example:
        >>> clip = np.zeros((30, 24, 24, 3), np.uint8)
        >>> for time in range(12):
        ...     clip[time, 8:14, time : time + 6] = 255  # a white square goes to the right
        >>> red, _, blue = ways(clip, 12)[44].astype(int).T
        >>> bool((blue - red)[:24].max() > 50), bool((red - blue)[56:].max() > 50)
        (True, True)
    """
    gray = (110 + 0.45 * frames[count - 1].mean(2)).round().astype(np.uint8)
    size = (_SCALE * gray.shape[1], _SCALE * gray.shape[0])
    image = Image.fromarray(gray).resize(size, Image.Resampling.BICUBIC).convert("RGB")
    pen = ImageDraw.Draw(image)
    early, late = (255 * np.array(to_rgb(COLORS[role])) for role in ("I", "motion"))
    for way in _followed(frames, count):
        points = _SCALE * (way + 0.5)
        for place, (begin, end) in enumerate(itertools.pairwise(points)):
            share = place / (count - 1)
            pen.line([*begin, *end], fill=_color((1 - share) * early + share * late), width=_SCALE)
        ahead = points[-1] - points[-3]
        if np.hypot(*ahead) > 1:
            ahead = _SCALE * ahead / np.hypot(*ahead)
            aside = 2 * np.array([-ahead[1], ahead[0]])
            tip, back = points[-1] + 2.2 * ahead, points[-1] - ahead
            pen.polygon([*tip, *(back + aside), *(back - aside)], fill=_color(late))
    return np.array(image)


def _color(values: np.ndarray) -> Any:
    return tuple(int(value) for value in values)


def _followed(frames: np.ndarray, count: int) -> list[np.ndarray]:
    """(n, 2) centers x, y of each shape that can be followed, from frame to frame."""
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
        if len(way) > count / 2:
            found.append(np.array(way))
    return found


def _drawn_to(pixels: np.ndarray, guess: np.ndarray, radius: float, enough: float) -> np.ndarray | None:
    """The center of the pixels around a guess, by three steps of mean shift; None if they are too few."""
    for _ in range(3):
        near = pixels[np.hypot(*(pixels - guess).T) < radius]
        if len(near) < enough:
            return None
        guess = near.mean(0)
    return guess
