"""What a choice in the protocol does to a score, with the network untouched: who wins ties, who has copies.

Axes: K orders of the gallery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from cvrl_lite.course.figures.style import INK, color_of, new, two_digits

_ABOVE: Any = {"textcoords": "offset points", "ha": "center", "va": "bottom", "color": INK}


def ties(
    orders: Sequence[float] | np.ndarray, *, fair: float, lenient: float, label: str, title: str, role: str
) -> Figure:
    """Scores of the same vectors with ties decided in different ways, on one axis.

    Args:
        orders: (K,) shares 0..1, by as many orders of the gallery; equal ones are stacked.
        fair: The mean over all orders.
        lenient: The score where every tie counts as a hit.
        label: What they are, with the unit.
        title: The finding.
        role: Whose color the dots of the orders have, one of the keys of `COLORS`.

    Returns:
        The figure; a hollow diamond is the lenient score.

    Example:
        >>> words = {"label": "R@1", "title": "Ties decide", "role": "context"}
        >>> figure = ties([0.4, 0.5, 0.5], fair=0.45, lenient=0.8, **words)
        >>> figure.axes[0].lines[0].get_ydata().tolist()
        [1, 1, 2]
    """
    scores = np.sort(orders)
    heights = np.arange(len(scores)) - np.searchsorted(scores, scores) + 1
    figure = new(title, size=(9.5, 2.9))
    axes = figure.axes[0]
    axes.plot(scores, heights, "o", color=color_of(role), ms=6, mec="white", mew=0.5)
    top = heights.max() + 2.5
    axes.plot([fair, fair], [0, top], "--", color=INK, lw=1)
    axes.annotate(f"fair: {two_digits(fair)}, mean over all orders", (fair, top), (0, 2), **_ABOVE)
    beside: Any = {**_ABOVE, "ha": "right", "va": "center"}
    axes.annotate(f"worst\n{two_digits(scores[0])}", (scores[0], 1.3), (-10, 0), **beside)
    height = heights[scores == scores[-1]].max()
    axes.annotate(f"best\n{two_digits(scores[-1])}", (scores[-1], height), (0, 6), **_ABOVE)
    axes.plot(lenient, 1, "D", color="white", mec=INK, mew=2, ms=10)
    axes.annotate(f"every tie a hit\n{two_digits(lenient)}", (lenient, 1), (0, 10), weight="bold", **_ABOVE)
    reach: Any = {"arrowstyle": "<->", "color": INK, "lw": 1, "shrinkA": 8, "shrinkB": 10}
    axes.annotate("", (lenient, 1), (scores[-1], 1), arrowprops=reach)
    axes.text((lenient + scores[-1]) / 2, 1.5, "none of the orders", ha="center", fontsize=8, color=INK)
    margin = 0.15 * (lenient - scores[0])
    axes.set(xlabel=label, ylabel=f"of {len(scores)} orders", ylim=(0, top + 2))
    axes.set(xlim=(scores[0] - margin, lenient + margin))
    axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    return figure


def before_after(
    values: Mapping[str, tuple[float, float]], *, words: tuple[str, str], label: str, title: str, role: str
) -> Figure:
    """Pairs of scores: in each row an arrow from an open dot, before, to a full one, after.

    Args:
        values: `{name: (before, after)}`, shares 0..1, drawn from top to bottom.
        words: What stands beside the dots, before their values.
        label: What they are, with the unit.
        title: The finding.
        role: Whose color they have, one of the keys of `COLORS`.

    Returns:
        The figure.

    Example:
        >>> words = {"words": ("clean", "copied"), "label": "R@1", "title": "Up", "role": "joint"}
        >>> figure = before_after({"scene": (0.6, 0.7)}, **words)
        >>> [text.get_text() for text in figure.axes[0].texts if text.get_text()]
        ['clean .60', 'copied .70']
    """
    figure = new(title, size=(9.5, 1.0 + 0.5 * len(values)))
    axes = figure.axes[0]
    arrow: Any = {"arrowstyle": "-|>", "color": color_of(role), "lw": 2.5, "shrinkA": 6, "shrinkB": 6}
    for row, (before, after) in enumerate(values.values()):
        axes.annotate("", (after, row), (before, row), arrowprops=arrow)
        side = 1 if after >= before else -1
        for score, word, face, way in (
            (before, words[0], "white", -side),
            (after, words[1], color_of(role), side),
        ):
            axes.plot(score, row, "o", ms=11, mfc=face, mec=color_of(role), mew=2)
            beside: Any = {"textcoords": "offset points", "va": "center", "color": INK}
            beside["ha"] = "left" if way > 0 else "right"
            axes.annotate(f"{word} {two_digits(score)}", (score, row), (11 * way, 0), **beside)
    axes.set(ylim=(len(values) - 0.5, -0.5), xlabel=label)
    axes.set_yticks(range(len(values)), list(values))
    axes.margins(x=0.6)
    return figure
