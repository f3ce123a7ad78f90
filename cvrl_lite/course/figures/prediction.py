"""Motion prediction as pictures: who is compared with whom, who asks whom, what was recognized.

Axes: P panels, H W pixels, R rows and C columns of places, Q predictions, M candidates.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Patch, Rectangle

from cvrl_lite.course.figures.style import COLORS, INK, new, two_digits, without_spines

_KINDS = (INK, COLORS["motion"], "#F0B27A", "#E3E6EA")  # of pairs: the positive first, then ever farther
_PLACES, _POINTS = ("#E3E6EA", INK), ("#FBE3D6", COLORS["motion"])  # of boxes: fill and edge
_ABOVE: Any = {"textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 8}


def kinds_of_pairs(kinds: np.ndarray, names: Sequence[str], *, title: str) -> Figure:
    """Which kind of negative each candidate is for each prediction.

    Args:
        kinds: (Q, M) integers, places in `names`.
        names: Of the kinds, at most four, the positives first.
        title: The finding.

    Returns:
        The figure.

    Example:
        >>> kinds_of_pairs(np.eye(2, dtype=int), ["other", "own"], title="Two").get_suptitle()
        'Two'
    """
    figure = new(title)
    axes = figure.axes[0]
    colors = ListedColormap(_KINDS[: len(names)])
    axes.imshow(kinds, cmap=colors, vmin=0, vmax=len(names) - 1, aspect="auto", interpolation="nearest")
    without_spines(axes)
    axes.set(xlabel="candidates: near futures, then other windows", ylabel="predictions")
    keys = [Patch(fc=color, ec=INK, lw=0.5, label=name) for name, color in zip(names, _KINDS, strict=False)]
    figure.legend(handles=keys, loc="outside lower center", frameon=False, ncols=len(keys))
    return figure


def boards(kinds: Mapping[str, np.ndarray], *, title: str) -> Figure:
    """Boards of letters, one color for each letter: which places look the same.

    Args:
        kinds: `{caption: (R, C) letters}`.
        title: The finding.

    Returns:
        The figure, the boards side by side.

    Example:
        >>> figure = boards({"two kinds": np.array([["A", "B"]])}, title="Told apart")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['A', 'B']
    """
    figure = new(title, columns=len(kinds), size=(3.6 * len(kinds), 3.0))
    for axes, (caption, board) in zip(figure.axes, kinds.items(), strict=True):
        letters, number = np.unique(board, return_inverse=True)
        number = number.reshape(board.shape)
        axes.imshow(number, cmap="Pastel1", vmin=0, vmax=max(8, len(letters) - 1))
        for (row, column), letter in np.ndenumerate(board):
            axes.text(column, row, letter, ha="center", va="center", fontsize=13, weight="bold", color=INK)
        axes.set(xticks=[], yticks=[])
        without_spines(axes)
        axes.set_title(caption, fontsize=9)
    return figure


def transformer(*, title: str) -> Figure:
    """The predictor's layers: the encoder among the clip's places, the decoder from the points.

    Args:
        title: What to look at.

    Returns:
        The figure: below the way of the clip, above that of the questions, and two arrows from one to the
        other. In a box of attention small squares show who asks whom.

    Example:
        >>> transformer(title="Who asks whom").get_suptitle()
        'Who asks whom'
    """
    figure = new(title, size=(9.5, 4.3))
    axes = figure.axes[0]
    axes.set_axis_off()
    axes.set(xlim=(0, 19), ylim=(0, 8.4))
    look: dict[str, Any] = {"arrowstyle": "-|>", "color": INK, "lw": 1.3, "shrinkA": 0, "shrinkB": 0}
    upper, lower = 4.75, 0.55
    for y, far, words in ((lower, 13.0, "encoder: 1 layer"), (upper, 15.5, "decoder: 2 such layers")):
        layer = Rectangle((7.0, y - 0.35), far - 7.0, 3.2, fill=False, ec=INK, ls=":", lw=1.2)
        axes.add_patch(layer)
        axes.text(7.1, y + 3.0, words, va="bottom", fontsize=9, weight="bold", color=INK)
        axes.text(4.95, y + 0.1, "+ position codes", ha="center", va="center", fontsize=8.5, color=INK)
    ways = {
        lower: [
            (0.1, 2.6, "the clip's map\n128 x 2 x 4 x 4"),
            (3.7, 2.5, "32 places\n32 x 96"),
            (7.35, 2.6, "places\nask places"),
            (10.85, 1.8, "each place\nby itself:\nfeed"),
        ],
        upper: [
            (3.7, 2.5, "16 questions\n16 x 96"),
            (7.35, 2.6, "points\nask points"),
            (10.45, 2.6, "points\nask places"),
            (13.45, 1.8, "each point\nby itself:\nfeed"),
            (16.3, 2.6, "16 predictions\n16 x 96"),
        ],
    }
    for y, boxes in ways.items():
        for x, width, words in boxes:
            _box(axes, x, y, width, words, _POINTS if y == upper else _PLACES)
        for (x, width, _), (end, _, _) in itertools.pairwise(boxes):
            axes.annotate("", (end, y + 1.25), (x + width, y + 1.25), arrowprops=look)
    start = look | {"connectionstyle": "angle,angleA=90,angleB=0,rad=0"}
    axes.annotate("", (3.7, upper + 1.25), (1.4, lower + 2.1), arrowprops=start)
    words = "each begins with\nwhat the clip shows\nat its own place"
    axes.text(1.6, lower + 3.3, words, va="center", fontsize=8.5, color=INK)
    axes.annotate("", (11.75, upper), (11.75, lower + 2.5), arrowprops=look)
    return figure


def _box(axes: Axes, x: float, y: float, width: float, words: str, look: tuple[str, str]) -> None:
    """A box of the diagram; in one that is a step of attention, small squares ask each other."""
    step = not words[-1].isdigit()
    bottom, height = (y, 2.5) if step else (y + 0.4, 1.7)
    round_ = "round,pad=0,rounding_size=0.12"
    axes.add_patch(
        FancyBboxPatch((x, bottom), width, height, boxstyle=round_, fc=look[0], ec=look[1], lw=1.5)
    )
    middle = bottom + (height - 0.5 if "ask" in words else height / 2)
    axes.text(x + width / 2, middle, words, ha="center", va="center", fontsize=8.5, color=INK)
    if "ask" not in words:
        return
    low, below = y + 0.35, words.endswith("places") and look is _POINTS
    for bottom, edge in ((y + 0.15, INK), (y + 1.0, look[1])) if below else ((low, look[1]),):
        for number in range(4):
            square = Rectangle((x + 0.4 + 0.5 * number, bottom), 0.34, 0.34, fc="white", ec=edge, lw=1.2)
            axes.add_patch(square)
    for end in (0, 1, 3):  # the third square asks
        bend = 0.0 if below else 0.6 if end < 2 else -0.6
        way: Any = {"arrowstyle": "-|>", "color": look[1], "lw": 1.1, "shrinkA": 0, "shrinkB": 0}
        way |= {"mutation_scale": 8, "connectionstyle": f"arc3,rad={bend}"}
        begin, tip = (y + 1.0, y + 0.5) if below else (low + 0.34, low + 0.34)
        axes.annotate("", (x + 0.57 + 0.5 * end, tip), (x + 1.57, begin), arrowprops=way)


def two_losses(losses: Mapping[str, np.ndarray], keys: int, *, title: str, smooth: int = 10) -> Figure:
    """The loss on a trained and on an untrained backbone, step by step.

    Args:
        losses: `{"trained" or "untrained": (L,) nats}`.
        keys: Candidates of each prediction; a blind guess costs the logarithm.
        title: The finding.
        smooth: Steps that the line averages.

    Returns:
        The figure; each line carries its name at its end.

    Example:
        >>> figure = two_losses({"trained": np.ones(20)}, 16, title="Flat")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['trained backbone', 'a blind guess, log 16']
    """
    figure = new(title, size=(8.5, 3))
    axes = figure.axes[0]
    look: Any = {"textcoords": "offset points", "va": "center"}
    for name, values in losses.items():
        mean = np.convolve(values, np.full(smooth, 1 / smooth), "valid")
        steps = np.arange(len(mean)) + smooth
        color = COLORS["motion"] if name == "trained" else "#777777"
        axes.plot(steps, mean, lw=2, color=color)
        axes.annotate(f"{name} backbone", (steps[-1], mean[-1]), (5, 0), color=color, **look)
    last = max(map(len, losses.values()))
    axes.plot([smooth, last], [np.log(keys)] * 2, "--", color=INK, lw=1)  # leaves the names at the ends free
    words = f"a blind guess, log {keys}"
    axes.annotate(words, (smooth, np.log(keys)), (0, -7), color=INK, fontsize=8, **look)
    axes.set(xlabel="step", ylabel=f"loss in nats, mean of {smooth} steps", ylim=(0, None))
    return figure


def rivals(
    clips: np.ndarray,
    points: Sequence[int],
    windows: np.ndarray,
    flow: np.ndarray,
    *,
    labels: Sequence[Sequence[str]],
    same: np.ndarray,
    title: str,
    grid: tuple[int, int] = (4, 4),
) -> Figure:
    """A clip's last frame and the point that is asked for; beside it windows that may follow, a row each.

    Args:
        clips: (N, S, S, 3) uint8 RGB.
        points: N numbers of the points, row by row of the grid.
        windows: (N, M, S, S, 3) uint8 RGB.
        flow: (N, M, 2, G, G) motion in cells, x right and y down, NaN where there is no vector; drawn three
            times as long, faint outside the point.
        labels: N times 1 + M captions.
        same: (N, M) bool, whether a window is the clip's own; such windows have a dark border.
        title: The finding.
        grid: Rows and columns of points.

    Returns:
        The figure.

    Example:
        >>> frames, still = np.zeros((1, 2, 8, 8, 3), np.uint8), np.zeros((1, 2, 2, 4, 4))
        >>> words, same = [["right", "truth", "rival"]], np.array([[True, False]])
        >>> len(rivals(frames[:, 0], [5], frames, still, labels=words, same=same, title="Two").axes)
        3
    """
    count, wide = len(clips), 1 + windows.shape[1]
    figure = new(title, rows=count, columns=wide, size=(9.5, (9.4 / wide + 0.25) * count + 0.3))
    panels = np.array(figure.axes).reshape(count, wide)
    side, cells = clips.shape[1], flow.shape[-1]
    place = np.indices((cells, cells)) + 0.5
    for row, point in enumerate(points):
        here = np.array(divmod(point, grid[1]))
        width, height = side / grid[1], side / grid[0]
        inside = (place * np.reshape(grid, (2, 1, 1)) // cells == here[:, None, None]).all(0)
        for axes, caption, number in zip(panels[row], labels[row], range(-1, wide - 1), strict=True):
            picture = clips[row] if number < 0 else windows[row, number] * 0.45 + 140
            axes.imshow(picture.astype(np.uint8), extent=(0, side, side, 0))
            for chosen, alpha in () if number < 0 else ((~inside, 0.4), (inside, 1.0)):
                moves = chosen & (np.hypot(*flow[row, number]) > 0.04)
                (y, x), (dx, dy) = place[:, moves] * side / cells, flow[row, number][:, moves] * 3
                look: Any = {"angles": "xy", "scale_units": "xy", "scale": cells / side, "width": 0.012}
                axes.quiver(x, y, dx, dy, color=COLORS["motion"], alpha=alpha, **look)
            for color, line in (("white", 4.5), (INK, 2.5)):
                box = Rectangle((here[1] * width, here[0] * height), width, height, fill=False, ec=color)
                axes.add_patch(box)
                box.set_linewidth(line)
            axes.set(xlim=(0, side), ylim=(side, 0), xticks=[], yticks=[])
            axes.set_title(caption, fontsize=9)
            axes.spines[:].set(visible=number >= 0 and bool(same[row, number]), color=INK, linewidth=4)
    return figure


def recognized(
    shares: Mapping[str, Mapping[str, float]],
    controls: Mapping[str, Mapping[str, float]],
    *,
    guess: Sequence[float],
    labels: Sequence[str],
    title: str,
) -> Figure:
    """Which share of the predictions found their own point, by kind of negatives.

    Args:
        shares: `{"trained" or "untrained": {kind: share}}`, 0..1.
        controls: The same predictions asked about the wrong clip.
        guess: What a blind guess scores against each kind.
        labels: Of the kinds, in their order.
        title: The finding.

    Returns:
        The figure; a bar for each network and kind with its share above it, on the bar a diamond for its
        control, and a dashed line for the guess.

    Example:
        >>> found, wrong = {"trained": {"places": 0.8}}, {"trained": {"places": 0.1}}
        >>> figure = recognized(found, wrong, guess=[0.06], labels=["16 places"], title="It knows places")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['.80']
    """
    figure = new(title, size=(8.5, 3.4))
    axes = figure.axes[0]
    width, middle = 0.8 / len(shares), (len(shares) - 1) / 2
    for number, (name, found) in enumerate(shares.items()):
        at = np.arange(len(labels)) + (number - middle) * width
        color = COLORS["motion" if name == "trained" else "untrained"]
        axes.bar(at, list(found.values()), 0.9 * width, color=color, label=f"{name} backbone")
        for x, share in zip(at, found.values(), strict=True):
            if share < 0.1:  # the control's diamond lies on top of so low a bar
                beside: Any = {**_ABOVE, "ha": "right", "va": "center"}
                axes.annotate(two_digits(share), (x, share), (-7, 5), **beside)
            else:
                axes.annotate(two_digits(share), (x, share), (0, 2), **_ABOVE)
        words = "" if number else "the same, asked about the wrong clip"
        wrong = list(controls[name].values())
        axes.plot(at, wrong, "D", ms=6, color="white", mec=INK, label=words)
    axes.hlines(guess, np.arange(len(labels)) - 0.4, np.arange(len(labels)) + 0.4, color=INK, ls="--", lw=1)
    axes.plot([], [], "--", color=INK, lw=1, label="a blind guess")
    axes.set(ylabel="share that finds its own point", ylim=(0, 1))
    axes.set_xticks(range(len(labels)), list(labels))
    figure.legend(frameon=False, ncols=4, loc="outside lower center", fontsize=8)
    return figure
