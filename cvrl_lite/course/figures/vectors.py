"""Motion vectors over the pictures they belong to.

Axes: H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from cvrl_lite.course.figures.style import COLORS, INK, new, without_spines

CELL = 8  # pixels
_RING = 5  # pixels; a ring at the tail would hide a shorter arrow
_MARK = 8  # pixels; the length of the mark at a frame's corner


def vector_arrows(
    image: np.ndarray,
    vectors: np.ndarray,
    mask: np.ndarray,
    *,
    magnify: float = 1,
    title: str = "",
) -> Figure:
    """What was copied from where: each cell's apparent motion as an arrow over the picture.

    Args:
        image: (H, W, 3) uint8 RGB.
        vectors: (2, H8, W8) pixels, x right and y down, pointing *back*; the arrows are minus these, and
            their heads lie in the middle of their cells.
        mask: (H8, W8) bool; cells without a vector are hatched.
        magnify: How many times its true length an arrow has. At 1 its tail lies where the content was,
            be it beyond the picture's border, and a block has one arrow.
        title: The finding; where empty, it says how many cells have a vector and how many move.

    Returns:
        The figure. A dot is a vector of length zero.

    Raises:
        ValueError: The shapes do not go together.

    Example:
        >>> pan = np.stack([np.full((4, 4), -3.0), np.zeros((4, 4))])
        >>> vector_arrows(np.zeros((32, 32, 3), np.uint8), pan, np.ones((4, 4), bool)).get_suptitle()
        '100 % of the cells carry a vector, 100 % of those move'
    """
    check_field(image, vectors, mask)
    if not title:
        moving = mask & (np.abs(vectors).max(0) > 0)
        carry, move = mask.mean(), moving.sum() / max(1, mask.sum())
        title = f"{carry:.0%} of the cells carry a vector, {move:.0%} of those move".replace("%", " %")
    figure = new(title, size=(6, 6))
    (axes,) = figure.axes
    _make_room([axes], draw_arrows(axes, image, vectors, mask, magnify))
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    figure.set_size_inches(6, 6 * (bottom - top) / (right - left) + 0.6)
    _add_keys(figure, [vectors], [mask], magnify)
    return figure


def vector_panels(
    images: Sequence[np.ndarray] | np.ndarray,
    vectors: Sequence[np.ndarray],
    masks: Sequence[np.ndarray],
    *,
    labels: Sequence[str],
    magnify: float = 1,
    every: int = 1,
    title: str = "",
) -> Figure:
    """Several pictures with their arrows side by side, each as in `vector_arrows`.

    Args:
        images: N pictures (H, W, 3) uint8 RGB.
        vectors: N fields (2, H8, W8) in pixels, pointing back.
        masks: N of (H8, W8) bool.
        labels: A caption for each.
        magnify: How many times its true length an arrow has.
        every: In each row, one of so many cells may have an arrow, so that long ones can be told apart.
        title: The finding.

    Returns:
        The figure.

    Raises:
        ValueError: The shapes do not go together, or not one of each.

    Example:
        >>> field = np.zeros((2, 2, 2)), np.ones((2, 2), bool)
        >>> images = np.zeros((2, 16, 16, 3), np.uint8)
        >>> len(vector_panels(images, *zip(field, field), labels=["past", "future"]).axes)
        2
    """
    count = len(images)
    if not count or not count == len(vectors) == len(masks) == len(labels):
        raise ValueError(f"{len(vectors)} fields and {len(labels)} labels do not go with {count} images")
    height = 9.5 / count * images[0].shape[0] / images[0].shape[1] + 1.0
    figure = new(title, columns=count, size=(9.5, height))
    tails = []
    for axes, image, field, mask, label in zip(figure.axes, images, vectors, masks, labels):
        check_field(image, field, mask)
        tails.append(draw_arrows(axes, image, field, mask, magnify, every=every))
        axes.set_title(label, fontsize=9)
        axes.set(xlabel="", ylabel="", xticks=[], yticks=[])
    _make_room(figure.axes, np.concatenate(tails))
    _add_keys(figure, vectors, masks, magnify)
    return figure


def on_canvas(frames: Mapping[int, np.ndarray], paths: Mapping[str, np.ndarray], *, title: str) -> Figure:
    """Frames of a panning camera laid on one another at its places, once for each of some paths.

    Args:
        frames: `{number: (H, W, 3) uint8 RGB}`, the later ones on top.
        paths: `{caption: (T, 2) pixels}`, x right and y down; where the camera is in each frame.
        title: The finding.

    Returns:
        The figure, a panel a path. The corners of each frame are marked, and its number stands at one.

    Example:
        >>> frames = dict.fromkeys((0, 2), np.zeros((16, 16, 3), np.uint8))
        >>> paths = {"to the right": np.array([[0, 0], [3, 0], [6, 0]])}
        >>> axes = on_canvas(frames, paths, title="Two frames").axes[0]
        >>> [text.get_text() for text in axes.texts]
        ['0', '2']
    """
    height, width = next(iter(frames.values())).shape[:2]
    figure = new(title, columns=len(paths), size=(9.5, 9.5 / len(paths) * height / width + 0.5))
    for axes, (caption, path) in zip(figure.axes, paths.items(), strict=True):
        places = np.array([path[number] for number in frames])
        for order, (number, (x, y)) in enumerate(zip(frames, places, strict=True)):
            edges = x - 0.5, x + width - 0.5, y + height - 0.5, y - 0.5
            axes.imshow(frames[number], extent=edges, zorder=order, interpolation="nearest")
            for right, down in np.ndindex(2, 2):
                across, along = edges[right], edges[3 - down]
                inward = across + _MARK * (1 - 2 * right), along + _MARK * (1 - 2 * down)
                bend = [inward[0], across, across], [along, along, inward[1]]
                axes.plot(*bend, color=COLORS["motion"], lw=1.8, zorder=len(frames))
            look: Any = {"va": "top", "fontsize": 8, "fontweight": "bold", "color": COLORS["motion"]}
            look |= {"bbox": {"fc": "white", "ec": "none", "pad": 0.8}, "zorder": len(frames)}
            axes.text(x + 3, y + 3, f"{number}", **look)
        left, top = places.min(0) - 2.5
        right_end, bottom = places.max(0) + np.array([width + 1.5, height + 1.5])
        axes.set(xlim=(left, right_end), ylim=(bottom, top))
        axes.set_title(caption, fontsize=9)
        axes.set_axis_off()
    return figure


def check_field(image: np.ndarray, vectors: np.ndarray, mask: np.ndarray) -> None:
    """Raises ValueError where a field and its mask do not go with a picture."""
    cells = tuple(-(-side // CELL) for side in image.shape[:2])
    if vectors.shape != (2, *cells) or mask.shape != cells:
        raise ValueError(
            f"vectors {vectors.shape} and mask {mask.shape} do not go with a picture of {image.shape[:2]}"
        )


def hatch_missing(axes: Axes, mask: np.ndarray) -> None:
    """Hatches the cells of a panel in pixels where the mask is False."""
    missing = [Rectangle((x * CELL - 0.5, y * CELL - 0.5), CELL, CELL) for y, x in np.argwhere(~mask)]
    axes.add_collection(PatchCollection(missing, facecolor="none", edgecolor=INK, hatch="///", lw=0))


def draw_arrows(
    axes: Axes,
    image: np.ndarray,
    vectors: np.ndarray,
    mask: np.ndarray,
    magnify: float,
    *,
    width: float = 0.005,
    every: int = 1,
) -> np.ndarray:
    """Draws what `vector_panels` shows into a panel; `width` is an arrow's, as a share of the panel's.

    Returns:
        (N, 2) pixels, the arrows' tails; those that lie outside the panel are cut off.
    """
    moving = mask & (np.abs(vectors).max(0) > 0)
    rows, columns = np.indices(mask.shape)
    drawn = moving & ((columns + 2 * rows) % every == 0)  # rows take turns
    axes.imshow((image * 0.5 + 255 * 0.5).astype(np.uint8), zorder=0)
    hatch_missing(axes, mask)
    x, y, dx, dy = _arrows(vectors, drawn, magnify)  # back to where the content was
    look: Any = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": width, "color": COLORS["motion"]}
    if magnify == 1:  # tails lie where the content was; long arrows that cross have to be told apart
        look |= {"width": 0.7 * width, "headwidth": 5, "edgecolor": "white", "linewidth": 0.25}
        long = np.hypot(dx, dy) >= _RING
        axes.plot((x + dx)[long], (y + dy)[long], "o", ms=3.5, mfc="white", mec=COLORS["motion"], zorder=4)
    axes.quiver(x + dx, y + dy, -dx, -dy, **look, zorder=3)
    down, across = np.nonzero(mask & ~moving)
    places = across * CELL + CELL / 2 - 0.5, down * CELL + CELL / 2 - 0.5
    axes.plot(*places, ".", ms=1.5, color=INK)
    axes.set(xlim=(-0.5, image.shape[1] - 0.5), ylim=(image.shape[0] - 0.5, -0.5))
    axes.set(xlabel="x (px)", ylabel="y (px)")
    axes.tick_params(length=0)
    without_spines(axes)
    tails: np.ndarray = np.stack([x + dx, y + dy], 1)
    return tails


def _make_room(panels: Sequence[Axes], tails: np.ndarray) -> None:
    """Widens all panels alike, until no arrow is cut off."""
    (left, right), (bottom, top) = panels[0].get_xlim(), panels[0].get_ylim()
    if len(tails):
        (first_x, first_y), (last_x, last_y) = tails.min(0) - 1, tails.max(0) + 1
        left, right = min(left, first_x), max(right, last_x)
        top, bottom = min(top, first_y), max(bottom, last_y)
    for axes in panels:
        axes.set(xlim=(left, right), ylim=(bottom, top))


def _arrows(vectors: np.ndarray, moving: np.ndarray, magnify: float) -> np.ndarray:
    """(4, N): the heads' x and y and the steps back to the tails; at true length one for each block."""
    if magnify == 1:
        x, y, dx, dy, *_ = blocks(vectors, moving)
    else:
        (y, x), (dx, dy) = np.nonzero(moving), vectors[:, moving]
    return np.stack([(x + 0.5) * CELL - 0.5, (y + 0.5) * CELL - 0.5, magnify * dx, magnify * dy])


def blocks(vectors: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """(6, N): the middle of each block, x and y in cells, its vector, and how many cells wide and tall it is.

    Cells of a macroblock that have one vector and make a rectangle are taken for one block.
    """
    found, free = [], chosen.copy()
    for row, column in np.argwhere(chosen):
        for tall, wide in ((2, 2), (1, 2), (2, 1), (1, 1)):
            block = slice(row, row + tall), slice(column, column + wide)
            inside = row % 2 + tall <= 2 and column % 2 + wide <= 2
            if inside and free[block].sum() == tall * wide and not np.ptp(vectors[:, *block], (1, 2)).any():
                free[block] = False
                middle = column + (wide - 1) / 2, row + (tall - 1) / 2
                found.append((*middle, *vectors[:, row, column], wide, tall))
    return np.array(found, float).reshape(-1, 6).T


def _add_keys(
    figure: Figure, vectors: Sequence[np.ndarray], masks: Sequence[np.ndarray], magnify: float
) -> None:
    """A key of what occurs in these fields."""
    arrow = "starts where it was copied from" if magnify == 1 else f"motion, {magnify:g} times its length"
    zero = [mask & (np.abs(field).max(0) == 0) for field, mask in zip(vectors, masks, strict=True)]
    keys: list[Any] = []
    if any((mask & ~still).any() for mask, still in zip(masks, zero)):
        look: Any = {"marker": r"$\rightarrow$", "ms": 16, "mew": 0.4}
        keys.append(Line2D([], [], ls="", color=COLORS["motion"], label=f"arrow: {arrow}", **look))
    if magnify == 1 and any((np.hypot(*field) * mask >= _RING).any() for field, mask in zip(vectors, masks)):
        ring: Any = {"ls": "", "marker": "o", "ms": 3.5, "mfc": "white", "mec": COLORS["motion"]}
        keys.append(Line2D([], [], label="ring: that place, in the other frame", **ring))
    if any(still.any() for still in zero):
        keys.append(Line2D([], [], ls="", marker=".", color=INK, label="dot: a vector of zero"))
    if not all(mask.all() for mask in masks):
        keys.append(Patch(fc="white", ec=INK, hatch="///", label="hatched: no vector"))
    columns = 2 if len(keys) == 4 and figure.get_figwidth() < 9 else 4
    figure.legend(handles=keys, loc="outside lower center", ncols=columns, frameon=False)
