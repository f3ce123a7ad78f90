"""Motion vectors block by block: where each was copied from, and which of them are true.

Axes: H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import ConnectionPatch, Patch, Rectangle

from cvrl_lite.course.figures.style import COLORS, INK, new
from cvrl_lite.course.figures.vectors import CELL, blocks, check_field, hatch_missing

_BORDER = 24  # pixels beyond a frame, as far as x264 lets a vector lead
_LEAST = 2.5  # pixels; `against_truth` enlarges shorter vectors to it
_MARGIN = 5  # pixels beside a part in `against_truth`, for arrows that lead out of it
_TRUE = "black"


def copied_from(
    source: np.ndarray,
    image: np.ndarray,
    vectors: np.ndarray,
    mask: np.ndarray,
    *,
    labels: Sequence[str],
    title: str,
) -> Figure:
    """Two frames side by side, with a line from each block of the second to where it was copied from.

    Args:
        source: (H, W, 3) uint8 RGB, the frame that was copied from. Beyond its border, where a codec repeats
            the outermost pixels, it goes on in pale.
        image: (H, W, 3) uint8 RGB.
        vectors: (2, H8, W8) pixels, pointing from `image` to `source`.
        mask: (H8, W8) bool; cells without a vector are hatched.
        labels: A caption for each frame.
        title: The finding.

    Returns:
        The figure.

    Example:
        >>> pictures, field = np.zeros((2, 16, 16, 3), np.uint8), np.full((2, 2, 2), 3.0)
        >>> mask = np.array([[True, False], [False, True]])
        >>> figure = copied_from(*pictures, field, mask, labels=["then", "now"], title="Two cells")
        >>> len(figure.artists)
        2
    """
    check_field(image, vectors, mask)
    height, width = image.shape[:2]
    figure = new(title, columns=2, size=(9.5, 4.7 * (height + 2 * _BORDER) / (width + 2 * _BORDER) + 0.5))
    then, now = figure.axes
    now.imshow((image * 0.7 + 255 * 0.3).astype(np.uint8))
    hatch_missing(now, mask)
    _beyond(then, source)
    then.imshow(source)
    for x, y, dx, dy, wide, tall in blocks(vectors, mask).T:
        middle = (x + 0.5) * CELL - 0.5, (y + 0.5) * CELL - 0.5
        origin = middle[0] + dx, middle[1] + dy
        size = wide * CELL, tall * CELL
        for axes, place in ((then, origin), (now, middle)):
            corner = place[0] - size[0] / 2, place[1] - size[1] / 2
            for color, thick in (("white", 2.6), (COLORS["motion"], 1.4)):
                axes.add_patch(Rectangle(corner, *size, fill=False, ec=color, lw=thick, zorder=3))
        ends: Any = {"coordsA": then.transData, "coordsB": now.transData, "shrinkA": 3, "shrinkB": 3}
        line = ConnectionPatch(origin, middle, color=COLORS["motion"], lw=1, **ends)
        figure.add_artist(line).set_in_layout(False)
    for axes, label in zip(figure.axes, labels, strict=True):
        axes.set(xlim=(-0.5 - _BORDER, width + _BORDER - 0.5), ylim=(height + _BORDER - 0.5, -0.5 - _BORDER))
        axes.set_title(label, fontsize=9)
        axes.set_axis_off()
    return figure


def against_truth(
    image: np.ndarray,
    vectors: np.ndarray,
    mask: np.ndarray,
    truth: np.ndarray,
    parts: Mapping[str, str],
    *,
    title: str,
) -> Figure:
    """The parts of a picture side by side, with one arrow a block: black where it is true, orange elsewhere.

    Args:
        image: (H, W, 3) uint8 RGB; its parts are columns of one width.
        vectors: (2, H8, W8) pixels, pointing back; the arrows are minus these, twice as long, and those
            that would be too short to be seen are enlarged. They lie in the middle of their blocks.
        mask: (H8, W8) bool; cells without a vector are hatched.
        truth: (2, H8, W8) pixels, the vectors of the true motion.
        parts: `{words above: up to two lines below}`, from left to right.
        title: The finding.

    Returns:
        The figure. A dot is a vector of length zero; the longest true motion of a part stands above it.

    Raises:
        ValueError: The shapes do not go together, or the parts are not columns of whole cells.

    Example:
        >>> image, mask = np.zeros((16, 32, 3), np.uint8), np.ones((2, 4), bool)
        >>> rest, parts = np.zeros((2, 2, 4)), {"left": "all are right", "right": "all are right"}
        >>> figure = against_truth(image, rest, mask, rest, parts, title="Nothing moves")
        >>> [axes.texts[0].get_text() for axes in figure.axes]
        ['left', 'right']
    """
    check_field(image, vectors, mask)
    if mask.shape[1] % len(parts):
        raise ValueError(f"{mask.shape[1]} columns of cells do not make {len(parts)} parts")
    wide = mask.shape[1] // len(parts)
    height, width = image.shape[0], wide * CELL
    size = 8, 8 / len(parts) * 0.85 * (height + 46) / (width + 2 * _MARGIN) + 0.7
    figure = new(title, columns=len(parts), size=size)
    for place, (axes, (above, below)) in enumerate(zip(figure.axes, parts.items(), strict=True)):
        cells = slice(place * wide, (place + 1) * wide)
        pale = image[:, place * width : (place + 1) * width] * 0.4 + 255 * 0.6
        axes.imshow(pale.astype(np.uint8), zorder=0)
        hatch_missing(axes, mask[:, cells])
        _judged_arrows(axes, vectors[:, :, cells], mask[:, cells], truth[:, :, cells])
        axes.set(xlim=(-_MARGIN, width + _MARGIN), ylim=(height + 15, -31))
        axes.set_axis_off()
        look: Any = {"ha": "center", "va": "center", "fontsize": 10, "color": INK}
        axes.text(width / 2, -28, above, **look)
        axes.text(width / 2, height + 8, below, linespacing=1.4, **look)
        middle, fields = np.array([width / 2, -16]), truth[:, :, cells].reshape(2, -1)
        step = -fields[:, np.argmax(np.hypot(*fields))]
        if step.any():
            step *= 7 / np.hypot(*step)
            arrow: Any = {"arrowstyle": "simple,head_width=1.3,head_length=1,tail_width=0.5"}
            arrow |= {"color": _TRUE, "shrinkA": 0, "shrinkB": 0}
            axes.annotate("", middle + step, middle - step, arrowprops=arrow)
        else:
            axes.plot(*middle, "o", color=_TRUE, ms=11)
    keys: list[Any] = [
        Line2D([], [], ls="", color=color, marker=r"$\rightarrow$", ms=16, mew=0.4, label=words)
        for color, words in ((_TRUE, "black: true"), (COLORS["motion"], "orange: wrong"))
    ]
    keys.append(Line2D([], [], ls="", marker="o", ms=4, color=INK, label="dot: a vector of zero"))
    keys.append(Patch(fc="white", ec=INK, hatch="///", label="hatched: no vector"))
    figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False)
    return figure


def _judged_arrows(axes: Axes, vectors: np.ndarray, mask: np.ndarray, truth: np.ndarray) -> None:
    """Draws what `against_truth` shows into a panel: arrows in the middle of their blocks, and dots."""
    x, y, dx, dy, *_ = blocks(vectors, mask)
    right = np.array([vectors[:, i, j] == truth[:, i, j] for i, j in zip(y.astype(int), x.astype(int))])
    colors = np.where(right.all(1), _TRUE, COLORS["motion"])
    x, y = (x + 0.5) * CELL - 0.5, (y + 0.5) * CELL - 0.5
    length = np.hypot(dx, dy)
    moves = length > 0
    longer = 2 * np.maximum(1, _LEAST / np.where(moves, length, _LEAST))
    steps = -(longer * dx)[moves], -(longer * dy)[moves]
    look: Any = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.011, "pivot": "mid", "zorder": 3}
    look |= {"headwidth": 3.4, "headlength": 3, "headaxislength": 2.7}
    axes.quiver(x[moves], y[moves], *steps, color=colors[moves], **look)
    axes.scatter(x[~moves], y[~moves], s=18, c=colors[~moves], lw=0, zorder=3)


def _beyond(axes: Axes, image: np.ndarray) -> None:
    """Draws how a codec continues a frame beyond its border, in pale, below what else is drawn."""
    pale = np.pad(image, ((_BORDER, _BORDER), (_BORDER, _BORDER), (0, 0)), "edge") * 0.2 + 255 * 0.8
    height, width = pale.shape[:2]
    left, top = -0.5 - _BORDER, -0.5 - _BORDER
    axes.imshow(pale.astype(np.uint8), extent=(left, left + width, top + height, top), zorder=-1)
