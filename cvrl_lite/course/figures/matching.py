"""What an encoder's search sees: how well every place nearby fits a block.

Axes: H W pixels, R places of the search to each side.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cvrl_lite.course.figures.style import COLORS, INK, new, without_spines


def matching_errors(
    before: np.ndarray, now: np.ndarray, x: int, y: int, *, side: int, reach: int
) -> np.ndarray:
    """How far a square of a frame is from each place nearby in the frame before.

    Args:
        before: (H, W, 3) uint8 RGB.
        now: The same, one frame later.
        x: Left side of the square, in pixels; the places must lie within the frame.
        y: Its upper side.
        side: Of the square, in pixels.
        reach: Pixels to each side.

    Returns:
        (2 reach + 1, 2 reach + 1) mean absolute differences; the middle is the same place.

    Raises:
        ValueError: A place lies beyond the frame's border.

    Example:
        >>> before = np.zeros((8, 8, 3), np.uint8)
        >>> matching_errors(before, before, 2, 2, side=4, reach=2).max()
        np.float64(0.0)
    """
    height, width = now.shape[:2]
    if min(x, y) < reach or x + side + reach > width or y + side + reach > height:
        raise ValueError(f"{reach} pixels from ({x}, {y}) lead beyond the border of {width} x {height}")
    block = now[y : y + side, x : x + side].astype(int)
    wide = before[y - reach : y + side + reach, x - reach : x + side + reach].astype(int)
    windows = np.lib.stride_tricks.sliding_window_view(wide, (side, side), axis=(0, 1))
    return np.asarray(np.abs(windows - block.transpose(2, 0, 1)).mean((2, 3, 4)))


def error_maps(
    before: np.ndarray,
    now: np.ndarray,
    vectors: np.ndarray,
    blocks: Mapping[str, tuple[int, int]],
    *,
    side: int = 16,
    reach: int = 10,
    limit: float = 25,
    title: str,
) -> Figure:
    """Some blocks of a frame, and below each how well every shift fits; the codec's vector is a cross.

    Args:
        before: (H, W, 3) uint8 RGB.
        now: The same, one frame later.
        vectors: (2, H8, W8) pixels, x right and y down, pointing back.
        blocks: `{caption: (row, column)}` of the cell in the upper left corner of each block.
        side: Of a block, in pixels.
        reach: Pixels to each side.
        limit: The error, in levels, from which on a place is yellow, in all maps alike.
        title: The finding.

    Returns:
        The figure; dark is a good fit.

    Example:
        >>> frame = np.zeros((32, 32, 3), np.uint8)
        >>> blocks, field = {"black": (1, 1)}, np.zeros((2, 4, 4))
        >>> figure = error_maps(frame, frame, field, blocks, side=8, reach=4, title="It fits")
        >>> figure.axes[0].get_title()
        'black'
    """
    figure = new(title, rows=2, columns=len(blocks), size=(2.8 * len(blocks), 5.1))
    for place, (caption, (row, column)) in enumerate(blocks.items()):
        picture, map_ = figure.axes[place], figure.axes[len(blocks) + place]
        x, y = 8 * column, 8 * row
        picture.imshow(now, interpolation="nearest")
        picture.plot([x, x + side, x + side, x, x], [y, y, y + side, y + side, y], color=INK, lw=3.5)
        picture.plot([x, x + side, x + side, x, x], [y, y, y + side, y + side, y], color="white", lw=1.5)
        picture.set(xlim=(x - reach - 8, x + side + reach + 8), ylim=(y + side + reach + 8, y - reach - 8))
        picture.set(xticks=[], yticks=[])
        without_spines(picture)
        picture.set_title(caption, fontsize=9)
        errors = matching_errors(before, now, x, y, side=side, reach=reach)
        edge = reach + 0.5
        drawn = map_.imshow(errors, cmap="viridis", vmin=0, vmax=limit, extent=(-edge, edge, edge, -edge))
        without_spines(map_)
        dx, dy = vectors[:, row, column]
        map_.plot(dx, dy, "+", color="white", ms=13, mew=3.5)
        map_.plot(dx, dy, "+", color=COLORS["motion"], ms=12, mew=2)
        map_.set(xlabel="shift to the right (px)", ylabel="shift down (px)" if place == 0 else "")
    maps = figure.axes[len(blocks) :]
    bar = figure.colorbar(drawn, ax=maps, extend="max", aspect=14, pad=0.02, shrink=0.9)
    bar.set_label(f"off by, in levels\n(yellow: {limit:g} or more)")
    return figure


def pieces_and_cells(
    frame: np.ndarray, vectors: np.ndarray, *, title: str, row: int = 4, column: int = 4
) -> Figure:
    """Pieces of 4 x 4 pixels that move by one pixel in turns, and what is exported of each four.

    Args:
        frame: (H, W, 3) uint8 RGB, whose pieces went left and right like the squares of a chessboard, the
            upper left one to the left.
        vectors: (2, H8, W8) pixels, pointing back.
        row: Of the upper left one of the four cells that are shown.
        column: The same.
        title: The finding.

    Returns:
        A figure of two panels: the pieces' true motion, and the motion that the vectors tell; what goes to
        the left is pale orange, what goes to the right pale blue.

    Example:
        >>> frame, field = np.zeros((64, 64, 3), np.uint8), np.ones((2, 8, 8))
        >>> figure = pieces_and_cells(frame, field, title="One of four")
        >>> [axes.get_title() for axes in figure.axes]
        ['how the 16 pieces moved', 'what FFmpeg reports of them']
    """
    x, y = 8 * column, 8 * row
    figure = new(title, columns=2, size=(7.5, 4))
    names = ("how the 16 pieces moved", "what FFmpeg reports of them")
    for axes, side, name in zip(figure.axes, (4, 8), names, strict=True):
        axes.imshow((frame * 0.5 + 127).astype(np.uint8), interpolation="nearest")
        for down in range(0, 16, side):
            for across in range(0, 16, side):
                if side == 4:
                    way = -1.0 if (across // 4 + down // 4) % 2 == 0 else 1.0
                else:
                    way = -float(vectors[0, row + down // 8, column + across // 8])
                corner = x + across - 0.5, y + down - 0.5
                axes.add_patch(Rectangle(corner, side, side, fc="#FFDDBB" if way < 0 else "#CFE3F5", ec=INK))
                center = x + across + side / 2 - 0.5, y + down + side / 2 - 0.5
                look = {"arrowstyle": "-|>", "color": INK, "lw": 2, "shrinkA": 0, "shrinkB": 0}
                tip, tail = (center[0] + 1.2 * way, center[1]), (center[0] - 1.2 * way, center[1])
                axes.annotate("", tip, tail, arrowprops=look)
        axes.set(xlim=(x - 0.5, x + 15.5), ylim=(y + 15.5, y - 0.5), xticks=[], yticks=[])
        without_spines(axes)
        axes.set_title(name, fontsize=9)
    return figure
