"""Attention as pictures: by hand for one question, nearly even before training, and over frames.

Axes: P panels, H W pixels, R rows and C columns of places, K places.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

from cvrl_lite.course.figures.contrast import add_color_bar, draw_matrix
from cvrl_lite.course.figures.style import COLORS, INK, new, two_digits, without_spines

_VEIL = LinearSegmentedColormap.from_list(
    "veil", [(*to_rgb(COLORS["motion"]), 0.0), (*to_rgb(COLORS["motion"]), 0.9)]
)
_PALE = -450  # the level of black below 0 that lets frames look pale, so that the only color is attention


def attention_over_frames(
    frames: np.ndarray,
    motion: np.ndarray,
    weights: np.ndarray,
    points: Sequence[int],
    *,
    names: Sequence[str],
    title: str,
) -> Figure:
    """What moves in some clips, and how much attention each place gets: above an even share in orange.

    Args:
        frames: (N, S, S, 3) uint8 RGB, one of each clip.
        motion: (N, 2, G, G) pixels of those frames, x right and y down, the way things go; drawn five times
            as long.
        weights: (N + 1, P, R, C), shares of 1 for each of P questions, of the clips and then of a mean over
            many; all panels share one scale, from their mean (no color) up.
        points: P numbers of the places that the questions stand for, row by row; they are framed.
        names: Of the N clips and of the mean.
        title: The finding.

    Returns:
        The figure, a row for each clip, its frame with arrows first; each place's share stands in it.

    Raises:
        ValueError: Not one map for each question, or not one field, row of maps and name for each clip.

    Example:
        >>> frames, still = np.zeros((1, 8, 8, 3), np.uint8), np.zeros((1, 2, 4, 4))
        >>> weights = np.full((2, 1, 4, 4), 1 / 16)
        >>> figure = attention_over_frames(frames, still, weights, [5], names=["a", "mean"], title="Evenly")
        >>> [axes.get_title() for axes in figure.axes]
        ['a: what moves', 'a, point 5', '', 'mean, point 5']
    """
    count, asked = len(frames), len(points)
    if not count == len(motion) == len(weights) - 1 == len(names) - 1 or weights.shape[1] != asked:
        found = f"{len(motion)} fields, {weights.shape[:2]} maps, {asked} points and {len(names)} names"
        raise ValueError(f"{found} do not go with {count} frames")
    wide, side = asked + 1, frames.shape[1]
    figure = new(title, rows=count + 1, columns=wide, size=(9.5, (9.3 / wide + 0.25) * (count + 1) + 0.3))
    panels = np.array(figure.axes).reshape(count + 1, wide)
    for row, name in enumerate(names):
        if row < count:
            _moving(panels[row, 0], frames[row], motion[row])
            panels[row, 0].set_title(f"{name}: what moves", fontsize=9)
        for axes, weight, place in zip(panels[row, 1:], weights[row], points, strict=True):
            ground = frames[row].mean(2) if row < count else np.full((side, side), 190.0)
            axes.imshow(ground, cmap="gray", vmin=_PALE, vmax=255)
            lowest, most = weights.mean(), weights.max()
            axes.imshow(weight, cmap=_VEIL, vmin=lowest, vmax=most, extent=(0, side, side, 0))
            _shares(axes, weight, place, side)
            axes.set_title(f"{name}, point {place}", fontsize=9)
    for axes in figure.axes:
        axes.set(xticks=[], yticks=[])
        without_spines(axes)
    words = "arrows: what moves\nin the near future,\nfive times as long\n\n"
    words += "dark frame:\nthe point that asks\n\norange: more than\nan even share"
    panels[-1, 0].text(0.5, 0.5, words, ha="center", va="center", fontsize=9, color=INK)
    return figure


def predictions_of_points(
    frame: np.ndarray, motion: np.ndarray, cosines: np.ndarray, *, grid: tuple[int, int], title: str
) -> Figure:
    """A clip's frame with its numbered points, beside the cosines of their predictions and true features.

    Args:
        frame: (S, S, 3) uint8 RGB.
        motion: (2, G, G) pixels of the frame, x right and y down, the way things go; five times as long.
        cosines: (Q, Q), a row for each prediction; its own point is the column of the same number.
        grid: Rows and columns of the Q points.
        title: The finding.

    Returns:
        The figure. Frames mark each prediction's own point, rings a nearest point that is not its own.

    Example:
        >>> frame, still = np.zeros((8, 8, 3), np.uint8), np.zeros((2, 4, 4))
        >>> figure = predictions_of_points(frame, still, np.eye(4), grid=(2, 2), title="Each finds its own")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['0', '1', '2', '3']
    """
    figure = new(title, columns=2, size=(9.5, 4.5), widths=[1, 1.2])
    left, right = figure.axes
    _moving(left, frame, motion, width=0.011)
    side, (rows, columns) = frame.shape[0], grid
    for number in range(rows * columns):
        down, across = divmod(number, columns)
        x, y = across * side / columns, down * side / rows
        left.add_patch(Rectangle((x, y), side / columns, side / rows, fill=False, ec="white", lw=1))
        near = 0.02 * side
        words = left.text(x + near, y + near, f"{number}", va="top", fontsize=9, color=INK)
        words.set_path_effects([withStroke(linewidth=2.5, foreground="white")])
    left.set(xticks=[], yticks=[])
    left.set_title("the points, and what moves there", fontsize=9)
    shown = draw_matrix(right, cosines, "RdBu", -1)
    right.set(xlabel="points of the true future", ylabel="predictions")
    for ticks in (right.set_xticks, right.set_yticks):
        ticks(range(len(cosines)), [str(place) for place in range(len(cosines))], fontsize=8)
    right.set_title("frame: its own point; ring: nearer, but not its own", fontsize=9)
    without_spines(left)
    add_color_bar(shown, [right], "cosine")
    return figure


def _moving(axes: Axes, frame: np.ndarray, motion: np.ndarray, *, width: float = 0.022) -> None:
    """A frame and, over it, an arrow in each cell that moves by a quarter of a pixel or more."""
    side, cells = frame.shape[0], motion.shape[-1]
    axes.imshow((frame * 0.75 + 63).astype(np.uint8), extent=(0, side, side, 0))
    moves = np.hypot(*motion) > 0.25
    down, across = (np.nonzero(moves)[axis] + 0.5 for axis in (0, 1))
    look: Any = {
        "angles": "xy",
        "scale_units": "xy",
        "scale": 0.2,
        "width": width,
        "color": COLORS["motion"],
    }
    look |= {"edgecolor": "white", "linewidth": 0.5, "headwidth": 3.5, "pivot": "middle"}
    axes.quiver(across * side / cells, down * side / cells, *motion[:, moves], **look)
    axes.set(xlim=(0, side), ylim=(side, 0))


def _shares(axes: Axes, weight: np.ndarray, place: int, side: int) -> None:
    """Each place's percentage in its middle, and a frame around the place that asks."""
    height, width = side / weight.shape[0], side / weight.shape[1]
    for (down, across), share in np.ndenumerate(weight):
        spot = (across + 0.5) * width, (down + 0.5) * height
        words = axes.text(*spot, f"{100 * share:.0f}", ha="center", va="center", fontsize=8, color=INK)
        words.set_path_effects([withStroke(linewidth=2, foreground="white")])
    row, column = divmod(place, weight.shape[1])
    corner = column * width, row * height
    axes.add_patch(Rectangle(corner, width, height, fill=False, ec=INK, lw=2.5))


def attention_by_hand(
    asks: Mapping[str, float], offers: Mapping[str, Sequence[float]], contents: np.ndarray, *, title: str
) -> Figure:
    """The three steps of attention for one question: a score, a weight and a share in the answer per place.

    Args:
        asks: `{what for: how much}`, the question.
        offers: `{place: one number for each part of the question}`, K places.
        contents: (K,) what each place passes on, pixels.
        title: The finding.

    Returns:
        The figure. Each score is written as the sum that it is; the wider the line from a place, the more it
        counts in the answer.

    Example:
        >>> offers = {"left": (1,), "right": (1,)}
        >>> figure = attention_by_hand({"moves?": 2}, offers, np.array([2.0, 4.0]), title="Half and half")
        >>> figure.axes[0].texts[-1].get_text().split()
        ['the', 'answer:', '3.0', 'px']
    """
    scores = np.array([*offers.values()]) @ np.array([*asks.values()])
    weights = np.exp(scores - scores.max()) / np.exp(scores - scores.max()).sum()
    figure = new(title, size=(9.5, 0.62 * len(offers) + 1.6))
    axes = figure.axes[0]
    axes.set_axis_off()
    axes.set(xlim=(0, 12.6), ylim=(len(offers) - 0.4, -2.2))
    look: Any = {"ha": "center", "va": "center", "fontsize": 9, "color": INK}
    question = "point 5 asks:   " + "   ".join(f"{name} {much:g}" for name, much in asks.items())
    box = {"boxstyle": "round,pad=0.5", "fc": "#FBE3D6", "ec": COLORS["motion"]}
    axes.text(4.95, -1.85, question, bbox=box, **look)
    axes.annotate("", (4.95, -1.15), (4.95, -1.6), arrowprops={"arrowstyle": "->", "color": COLORS["motion"]})
    offered = f"it offers\n({', '.join(asks)})"
    heads = {0.8: "place", 2.55: offered, 4.95: "1. score:\nquestion times offer"}
    heads |= {7.6: "2. softmax:\nits weight", 9.75: "3. it\npasses on"}
    for x, head in heads.items():
        axes.text(x, -0.85, head, weight="bold", **look)
    middle = (len(offers) - 1) / 2
    rows = zip(offers.items(), scores, weights, contents, strict=True)
    for row, ((name, offer), score, weight, content) in enumerate(rows):
        axes.add_patch(Rectangle((0.1, row - 0.3), 1.4, 0.6, fc="#E3E6EA", ec=INK))
        axes.text(0.8, row, name, **look)
        axes.text(2.55, row, f"({', '.join(f'{number:g}' for number in offer)})", **look)
        products = zip(asks.values(), offer, strict=True)
        terms = " + ".join(f"{much:g}\N{MULTIPLICATION SIGN}{number:g}" for much, number in products)
        axes.text(4.95, row, f"{terms} = {score:g}", **look)
        axes.add_patch(Rectangle((6.8, row - 0.25), 1.7 * weight, 0.5, fc=COLORS["motion"]))
        axes.text(6.9 + 1.7 * weight, row, two_digits(weight), va="center", fontsize=9, color=INK)
        axes.text(9.75, row, f"{content:g} px", **look)
        axes.plot([10.2, 11.1], [row, middle], color=COLORS["motion"], lw=0.8 + 8 * weight, zorder=0)
    axes.add_patch(Rectangle((11.1, middle - 0.45), 1.4, 0.9, fc="#FBE3D6", ec=COLORS["motion"]))
    axes.text(11.8, middle, f"the answer:\n{weights @ contents:.1f} px", **look)
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
