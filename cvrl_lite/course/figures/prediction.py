"""Motion prediction as pictures: who is compared with whom, where a question looks, what was recognized.

Axes: P panels, H W pixels, R rows and C columns of places, Q predictions, M candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cvrl_lite.course.figures.style import COLORS, INK, new

_ABOVE: Any = {"textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 8}


def attention_over_frames(
    frames: Sequence[np.ndarray] | np.ndarray,
    weights: np.ndarray,
    own: Sequence[int],
    *,
    labels: Sequence[str],
    columns: int,
    title: str,
) -> Figure:
    """How much attention each place of a frame gets, laid over the frame.

    Args:
        frames: P of (H, W, 3) uint8.
        weights: (P, R, C), 0 or more; all panels share one scale.
        own: The number of the place that each panel's question stands for, row by row; it is framed.
        labels: A caption for each panel.
        columns: Panels in a row.
        title: The finding.

    Returns:
        The figure.

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
        axes.imshow(np.asarray(frame).mean(2), cmap="gray", vmin=0, vmax=255)
        shown = axes.imshow(
            weight, cmap="viridis", vmin=0, vmax=weights.max(), alpha=0.6, extent=(0, width, height, 0)
        )
        row, column = divmod(place, across)
        corner = column * width / across, row * height / down
        frame_of_place = Rectangle(corner, width / across, height / down, fill=False, ec="white", lw=2.5)
        axes.add_patch(frame_of_place)
        axes.set_title(label, fontsize=9)
    for axes in figure.axes:
        axes.set(xticks=[], yticks=[])
    for axes in figure.axes[count:]:
        axes.set_visible(False)
    figure.colorbar(shown, ax=figure.axes, shrink=0.8, pad=0.01).set_label("share of the attention")
    return figure


def kinds_of_pairs(kinds: np.ndarray, names: Sequence[str], *, title: str) -> Figure:
    """Which kind of negative each candidate is for each prediction.

    Args:
        kinds: (Q, M) integers, places in `names`.
        names: Of the kinds.
        title: The finding.

    Returns:
        The figure.

    Example:
        >>> kinds_of_pairs(np.eye(2, dtype=int), ["other", "own"], title="Two").get_suptitle()
        'Two'
    """
    figure = new(title)
    axes = figure.axes[0]
    highest = len(names) - 1
    image = axes.imshow(kinds, cmap="viridis", vmin=0, vmax=highest, aspect="auto", interpolation="nearest")
    axes.set(xlabel="candidates: near futures, then other windows", ylabel="predictions")
    bar = figure.colorbar(image, ax=axes, ticks=range(len(names)))
    bar.ax.set_yticklabels(names)
    return figure


def recognized(
    shares: Mapping[str, Mapping[str, float]],
    marks: Mapping[str, Sequence[float]],
    *,
    labels: Sequence[str],
    title: str,
) -> Figure:
    """Which share of the predictions found their own point, by kind of negatives.

    Args:
        shares: `{"trained" or "untrained": {kind: share}}`, 0..1.
        marks: `{what it is: one share for each kind}`, such as guesses; at most two.
        labels: Of the kinds, in their order.
        title: The finding.

    Returns:
        The figure; a bar for each network and kind, with its share written above.

    Example:
        >>> shares = {"untrained": {"places": 0.1}, "trained": {"places": 0.8}}
        >>> figure = recognized(shares, {"a guess": [0.06]}, labels=["16 places"], title="It knows places")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['.10', '.80']
    """
    figure = new(title, size=(8.5, 3.2))
    axes = figure.axes[0]
    width = 0.8 / len(shares)
    for number, (name, found) in enumerate(shares.items()):
        at = np.arange(len(labels)) + (number - (len(shares) - 1) / 2) * width
        color = COLORS["motion" if name == "trained" else "untrained"]
        axes.bar(at, list(found.values()), 0.9 * width, color=color, label=f"{name} backbone")
        for x, share in zip(at, found.values(), strict=True):
            axes.annotate(f"{share:.2f}".replace("0.", "."), (x, share), (0, 2), **_ABOVE)
    for (name, values), mark in zip(marks.items(), ("_", "D"), strict=False):
        size = 60 if mark == "_" else 6
        axes.plot(range(len(labels)), list(values), mark, ms=size, color=INK, label=name)
    axes.set(ylabel="share that finds its own point", ylim=(0, 1.25))
    axes.set_xticks(range(len(labels)), list(labels))
    axes.legend(frameon=False, ncols=4, loc="upper center", markerscale=0.4, fontsize=8)
    return figure
