"""Attention as pictures: by hand for one question, nearly even before training, and over frames.

Axes: P panels, H W pixels, R rows and C columns of places, K places.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from cvrl_lite.course.figures.style import COLORS, INK, new, two_digits, without_spines

_VEIL = LinearSegmentedColormap.from_list(
    "veil", [(*to_rgb(COLORS["motion"]), 0.0), (*to_rgb(COLORS["motion"]), 0.9)]
)
_PALE = -450  # the level of black below 0 that lets frames look pale, so that the only color is attention


def attention_over_frames(
    frames: Sequence[np.ndarray] | np.ndarray,
    weights: np.ndarray,
    own: Sequence[int],
    *,
    labels: Sequence[str],
    columns: int,
    title: str,
) -> Figure:
    """How much attention each place of a pale frame gets: the more above an even share, the more orange.

    Args:
        frames: P of (H, W, 3) uint8.
        weights: (P, R, C), 0 or more; all panels share one scale, from their mean (no color) up.
        own: The number of the place that each panel's question stands for, row by row; it is framed.
        labels: A caption for each panel.
        columns: Panels in a row.
        title: The finding.

    Returns:
        The figure; each place's share stands in it.

    Raises:
        ValueError: Not one map, one place and one label for each frame.

    Example:
        >>> frames, weights = np.zeros((1, 8, 8, 3), np.uint8), np.full((1, 4, 4), 1 / 16)
        >>> words = {"labels": ["point 5"], "columns": 1, "title": "Evenly"}
        >>> attention_over_frames(frames, weights, [5], **words).get_suptitle()
        'Evenly'
    """
    count = len(frames)
    if not count == len(weights) == len(own) == len(labels):
        raise ValueError(
            f"{len(weights)} maps, {len(own)} places and {len(labels)} labels do not go with {count} frames"
        )
    rows = -(-count // columns)
    side = min(8.6 / columns, 2.4)
    figure = new(title, rows=rows, columns=columns, size=(side * columns + 0.9, (side + 0.25) * rows + 0.5))
    across, down = weights.shape[2], weights.shape[1]
    for axes, frame, weight, place, label in zip(figure.axes, frames, weights, own, labels, strict=False):
        height, width = frame.shape[:2]
        axes.imshow(np.asarray(frame).mean(2), cmap="gray", vmin=_PALE, vmax=255)
        around = (0, width, height, 0)
        axes.imshow(weight, cmap=_VEIL, vmin=weights.mean(), vmax=weights.max(), extent=around)
        for (down_, across_), share in np.ndenumerate(weight):
            x, y = (across_ + 0.5) * width / across, (down_ + 0.5) * height / down
            words = axes.text(x, y, f"{100 * share:.0f}", ha="center", va="center", fontsize=8, color=INK)
            words.set_path_effects([withStroke(linewidth=2, foreground="white")])
        row, column = divmod(place, across)
        corner = column * width / across, row * height / down
        frame_of_place = Rectangle(corner, width / across, height / down, fill=False, ec=INK, lw=2.5)
        axes.add_patch(frame_of_place)
        axes.set_title(label, fontsize=9)
    for axes in figure.axes:
        axes.set(xticks=[], yticks=[])
        without_spines(axes)
    for axes in figure.axes[count:]:
        axes.set_visible(False)
    return figure


def attention_by_hand(
    names: Sequence[str], scores: np.ndarray, weights: np.ndarray, contents: np.ndarray, *, title: str
) -> Figure:
    """The three steps of attention for one question: a score, a weight and a share in the answer per place.

    Args:
        names: Of K places.
        scores: (K,) how well each place suits the question.
        weights: (K,) shares of 1.
        contents: (K,) what each place passes on, pixels.
        title: The finding.

    Returns:
        The figure; the wider the line from a place, the more it counts in the answer.

    Example:
        >>> places = np.array([1.0, 1.0]), np.array([0.5, 0.5]), np.array([2.0, 4.0])
        >>> figure = attention_by_hand(["left", "right"], *places, title="Half and half")
        >>> figure.axes[0].texts[-1].get_text().split()
        ['the', 'answer:', '3.0', 'px']
    """
    figure = new(title, size=(8.5, 0.62 * len(names) + 0.9))
    axes = figure.axes[0]
    axes.set_axis_off()
    axes.set(xlim=(0, 10), ylim=(len(names) - 0.4, -1.1))
    heads = {0.9: "place", 2.6: "1. score", 4.9: "2. softmax: its weight", 7.2: "3. it passes on"}
    for x, head in heads.items():
        axes.text(x, -0.75, head, ha="center", va="center", fontsize=9, color=INK, weight="bold")
    middle = (len(names) - 1) / 2
    for row, (name, score, weight, content) in enumerate(zip(names, scores, weights, contents, strict=True)):
        axes.add_patch(Rectangle((0.2, row - 0.3), 1.4, 0.6, fc="#E3E6EA", ec=INK))
        axes.text(0.9, row, name, ha="center", va="center", fontsize=9, color=INK)
        axes.text(2.6, row, f"{score:g}", ha="center", va="center", fontsize=9, color=INK)
        axes.add_patch(Rectangle((3.9, row - 0.25), 2 * weight, 0.5, fc=COLORS["motion"]))
        axes.text(4.0 + 2 * weight, row, two_digits(weight), va="center", fontsize=9, color=INK)
        axes.text(7.2, row, f"{content:g} px", ha="center", va="center", fontsize=9, color=INK)
        axes.plot([7.65, 8.6], [row, middle], color=COLORS["motion"], lw=0.8 + 8 * weight, zorder=0)
    axes.add_patch(Rectangle((8.6, middle - 0.45), 1.35, 0.9, fc="#FBE3D6", ec=COLORS["motion"]))
    answer = f"the answer:\n{weights @ contents:.1f} px"
    axes.text(9.27, middle, answer, ha="center", va="center", fontsize=9, color=INK)
    return figure


def even_attention(
    frames: np.ndarray,
    weights: np.ndarray,
    own: int,
    *,
    labels: Sequence[str],
    title: str,
    most: float = 0.25,
) -> Figure:
    """How much attention each place of some frames gets, as one row of bars beside a dashed even share.

    Args:
        frames: (P, H, W, 3) uint8 RGB.
        weights: (P, R, C), shares of 1 in all.
        own: The number of the place that the question stands for, row by row; it is framed.
        labels: P captions.
        title: The finding.
        most: Where the scale of the bars ends.

    Returns:
        The figure.

    Example:
        >>> frames, weights = np.zeros((2, 8, 8, 3), np.uint8), np.full((2, 4, 4), 1 / 32)
        >>> figure = even_attention(frames, weights, 5, labels=["first half", "second"], title="Evenly")
        >>> len(figure.axes[2].patches)
        32
    """
    count, down, across = weights.shape
    figure = new(title, columns=count + 1, size=(9.5, 2.5), widths=[*[1] * count, 2.4])
    height, width = frames.shape[1] / down, frames.shape[2] / across
    row, column = divmod(own, across)
    for axes, frame, label in zip(figure.axes, frames, labels, strict=False):
        axes.imshow(frame, extent=(0, frame.shape[1], frame.shape[0], 0))
        for n in range(1, down):
            axes.axhline(n * height, color="white", lw=0.6)
        for n in range(1, across):
            axes.axvline(n * width, color="white", lw=0.6)
        for color, line in (("white", 4.5), (INK, 2.5)):
            corner = column * width, row * height
            axes.add_patch(Rectangle(corner, width, height, fill=False, ec=color, lw=line))
        axes.set(xticks=[], yticks=[])
        without_spines(axes)
        axes.set_title(label, fontsize=9)
    axes = figure.axes[count]
    axes.bar(np.arange(1, weights.size + 1), weights.ravel(), 0.7, color=COLORS["motion"])
    axes.axhline(1 / weights.size, color=INK, ls="--", lw=1)
    axes.text(weights.size, 1.4 / weights.size, "an even share", ha="right", fontsize=8, color=INK)
    axes.set(ylim=(0, most), xlabel="place, row by row, first half first", ylabel="share of the attention")
    axes.set_xticks([1, *(weights.size // count * n for n in range(1, count + 1))])
    return figure
