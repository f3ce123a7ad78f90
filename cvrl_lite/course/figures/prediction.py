"""Motion prediction as pictures: who is compared with whom, who asks whom, what was recognized.

Axes: P panels, H W pixels, R rows and C columns of places, Q predictions, M candidates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from cvrl_lite.course.figures.style import COLORS, INK, new, two_digits, without_spines

_KINDS = (INK, COLORS["motion"], "#F0B27A", "#E3E6EA")  # of pairs: the positive first, then ever farther
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
    """Who asks whom in the predictor: the encoder among the clip's places, the decoder from the points.

    Args:
        title: What to look at.

    Returns:
        The figure.

    Example:
        >>> transformer(title="Who asks whom").get_suptitle()
        'Who asks whom'
    """
    figure = new(title, size=(9.5, 3.7))
    axes = figure.axes[0]
    axes.set_axis_off()
    axes.set(xlim=(-3.3, 14.6), ylim=(-1.7, 5.0))
    rows = {"32 places of the clip": (0.0, 11, INK, "#E3E6EA"), "16 points of the future": (2.3, 7, "", "")}
    for words, (y, count, ink, fill) in rows.items():
        left = (11 - count) / 2
        for number in range(count):
            edge, face = ink or COLORS["motion"], fill or "#FBE3D6"
            axes.add_patch(Rectangle((left + number, y), 0.7, 0.7, fc=face, ec=edge))
        for end in (left - 0.3, left + count):  # there are more than are drawn
            axes.text(end, y + 0.35, "…", ha="center", va="center", fontsize=12, color=INK)
        axes.text(left - 0.6, y + 0.35, words, ha="right", va="center", fontsize=9, color=INK)
    look: dict[str, Any] = {"arrowstyle": "-|>", "color": INK, "lw": 1.1, "shrinkA": 0, "shrinkB": 0}
    for end in (2, 5, 9):  # the encoder: one place asks others
        arc = look | {"connectionstyle": f"arc3,rad={-0.35 if end < 7 else 0.35}", "color": "#777777"}
        axes.annotate("", (end + 0.35, 0.0), (7.35, 0.0), arrowprops=arc)
    for end in (2, 6):  # the decoder's first step: one point asks others
        arc = look | {"connectionstyle": f"arc3,rad={0.35 if end < 4 else -0.35}", "color": COLORS["motion"]}
        axes.annotate("", (2 + end + 0.35, 3.0), (2 + 4 + 0.35, 3.0), arrowprops=arc)
    for end in (1, 4, 6, 8):  # its second: the point asks the clip's places
        axes.annotate("", (end + 0.35, 0.75), (6.35, 2.3), arrowprops=look | {"color": COLORS["motion"]})
    axes.annotate("", (6.35, 4.3), (6.35, 3.05), arrowprops=look)
    axes.text(6.35, 4.4, "its prediction", ha="center", va="bottom", fontsize=9, color=INK)
    axes.text(11.7, 0.35, "encoder:\nplaces ask each other", va="center", fontsize=8, color=INK)
    words = "decoder: points ask each\nother, then the places"
    axes.text(9.7, 2.65, words, va="center", fontsize=8, color=INK)
    return figure


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
