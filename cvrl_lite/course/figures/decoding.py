"""How a decoder predicts a frame: the steps in a row, and the values between pixels.

Axes: H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cvrl_lite.course.figures.style import COLORS, INK, new
from cvrl_lite.course.figures.vectors import CELL, hatch_missing

_SIX_TAPS = (1, -5, 20, 20, -5, 1)  # H.264's weights for the value half-way between two pixels, over 32


def prediction_row(
    previous: np.ndarray,
    vectors: np.ndarray,
    mask: np.ndarray,
    predicted: np.ndarray,
    current: np.ndarray,
    *,
    limit: float = 40,
    title: str = "",
) -> Figure:
    """From the last frame to the residual in one row: frame, vectors, prediction, real frame, what is left.

    Args:
        previous: (H, W) uint8 luma of the frame that was copied from.
        vectors: (2, H8, W8) pixels, x right and y down, pointing back; drawn as motion, 3 times its length.
        mask: (H8, W8) bool; cells without a vector are hatched.
        predicted: (H, W) uint8 luma.
        current: (H, W) uint8 luma of the real frame.
        limit: The difference at which the colors of the residual are full.
        title: The finding.

    Returns:
        A figure of five panels.

    Raises:
        ValueError: The frames have different shapes.

    Example:
        >>> luma, field = np.zeros((16, 16), np.uint8), np.zeros((2, 2, 2))
        >>> figure = prediction_row(luma, field, np.ones((2, 2), bool), luma, luma)
        >>> [axes.get_title() for axes in figure.axes]
        ['last frame', 'motion x 3', 'prediction', 'real frame', 'residual']
    """
    if not previous.shape == predicted.shape == current.shape:
        raise ValueError(
            f"frames of {previous.shape}, {predicted.shape} and {current.shape} do not go together"
        )
    figure = new(title, columns=5, size=(9.5, 9.5 / 5 * previous.shape[0] / previous.shape[1] + 0.7))
    before, arrows, guess, real, left = figure.axes
    for axes, luma, name in ((before, previous, "last frame"), (guess, predicted, "prediction")):
        _gray(axes, luma, name)
    _arrows(arrows, current, vectors, mask)
    _gray(real, current, "real frame")
    residual = current.astype(int) - predicted
    left.imshow(residual, cmap="BrBG", vmin=-limit, vmax=limit, interpolation="nearest")
    left.set_title("residual")
    for axes in figure.axes:
        axes.title.set_fontsize(9)
        axes.set(xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(visible=True, color="#999999")
    return figure


def between_pixels() -> Figure:
    """H.264's values between pixels: six weights for a half, and the mean of two neighbors for a quarter.

    Returns:
        A figure of two panels: a row of six pixels, and the position 3/4 to the right and 1/2 down.

    Example:
        >>> between_pixels().get_suptitle()
        'A half-way value comes from six pixels, a quarter value from the two values beside it'
    """
    title = "A half-way value comes from six pixels, a quarter value from the two values beside it"
    figure = new(title, columns=2, size=(9.5, 2.9), widths=[1.5, 1])
    row, square = figure.axes
    for place, weight in enumerate(_SIX_TAPS):
        row.add_patch(Rectangle((place - 0.35, -0.35), 0.7, 0.7, fc="#D9DEE3", ec=INK))
        row.text(place, 0, f"{weight}".replace("-", "\N{MINUS SIGN}"), ha="center", va="center")
    row.plot(2.5, 0, "D", color=INK, ms=8)
    row.annotate("half-way value", (2.5, 0.1), (2.5, 0.75), ha="center", arrowprops={"arrowstyle": "->"})
    row.text(2.5, -0.8, "add up pixel x weight, divide by 32", ha="center", va="center", fontsize=9)
    row.set(xlim=(-0.6, 5.6), ylim=(-1.05, 1.05), aspect="equal")
    for x in (0, 1):
        for y in (0, 1):
            square.plot(x, y, "s", color="#D9DEE3", mec=INK, ms=22)
    for across, name in ((0.5, "center"), (1.0, "right side")):
        square.plot(across, 0.5, "D", color=INK, ms=8)
        square.annotate(name, (across, 0.5), (0, -16), textcoords="offset points", ha="center", fontsize=8)
    square.plot(0.75, 0.5, "*", color="white", mec=INK, ms=14)
    words = "(0.75, 0.5): the mean of\ncenter and right side"
    square.annotate(words, (0.75, 0.47), (1.3, 0.2), arrowprops={"arrowstyle": "->"}, va="center")
    square.text(1.3, 0.9, "squares: pixels\ndiamonds: half-way values", va="center", fontsize=9)
    square.set(xlim=(-0.2, 2.6), ylim=(1.2, -0.2), aspect="equal")
    for axes in figure.axes:
        axes.set_axis_off()
    return figure


def filters(shares: Mapping[str, np.ndarray], *, title: str) -> Figure:
    """How often each of the sixteen filters between pixels is right, for some ways to predict, side by side.

    Args:
        shares: `{caption: (4, 4) of 0 to 1}`; row: quarters down, column: quarters to the right.
        title: The finding.

    Returns:
        The figure, green where a filter is always right and white where it never is.

    Example:
        >>> figure = filters({"right": np.full((4, 4), 0.99), "wrong": np.zeros((4, 4))}, title="One of two")
        >>> [axes.texts[0].get_text() for axes in figure.axes]
        ['99.0 %', '0.0 %']
    """
    figure = new(title, columns=len(shares), size=(9.5, 3.4))
    quarters = ("0", "1/4", "1/2", "3/4")
    for axes, (name, map_) in zip(figure.axes, shares.items(), strict=True):
        axes.imshow(map_, cmap="Greens", vmin=0, vmax=1.8, aspect="auto")  # so that words stand out on 100 %
        for row, column in np.ndindex(4, 4):
            axes.text(column, row, f"{100 * map_[row, column]:.1f} %", ha="center", va="center", color=INK)
        axes.set(xlabel="pixels to the right", ylabel="pixels down")
        axes.set_title(name, fontsize=9)
        axes.set_xticks(range(4), quarters)
        axes.set_yticks(range(4), quarters)
        for spine in axes.spines.values():
            spine.set(visible=True, color="#999999")
    return figure


def _gray(axes: Axes, luma: np.ndarray, name: str) -> None:
    axes.imshow(luma, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_title(name)


def _arrows(axes: Axes, luma: np.ndarray, vectors: np.ndarray, mask: np.ndarray) -> None:
    """Draws the motion of every second cell that moves; thicker than `vector_arrows`, for a small panel."""
    axes.imshow(luma * 0.4 + 255 * 0.6, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    hatch_missing(axes, mask)
    rows, columns = np.indices(mask.shape)
    down, across = np.nonzero(mask & (np.abs(vectors).max(0) > 0) & ((rows + columns) % 2 == 0))
    dx, dy = 3 * vectors[:, down, across]
    x, y = (CELL * place + CELL / 2 - 0.5 for place in (across, down))
    look: Any = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.012, "color": COLORS["motion"]}
    axes.quiver(x + dx, y + dy, -dx, -dy, **look, zorder=3)
    axes.set(xlim=(-0.5, luma.shape[1] - 0.5), ylim=(luma.shape[0] - 0.5, -0.5), title="motion x 3")
