"""Context matching as pictures: who is alike, class by class, and what winning the game taught.

Axes: N rows, M columns, K classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from cvrl_lite.course.figures.style import COLORS, INK, new

_MARKS = "osD^v"


def by_class(
    cosines: np.ndarray,
    row_labels: np.ndarray,
    column_labels: np.ndarray,
    names: Sequence[str],
    *,
    rows: str,
    columns: str,
    title: str,
) -> Figure:
    """Cosines with rows and columns sorted by class: blocks on the diagonal are classes that hold together.

    Args:
        cosines: (N, M), -1..1; blue is alike, red is opposite.
        row_labels: (N,) integers, the class of each row.
        column_labels: (M,) integers.
        names: Of the K classes.
        rows: What the rows are.
        columns: What the columns are.
        title: The finding.

    Returns:
        Two panels with the classes' names: all pairs, and the means of all pairs of two classes (K, K).

    Example:
        >>> labels = np.array([1, 0])
        >>> words = {"rows": "clips", "columns": "frames", "title": "Two classes"}
        >>> len(by_class(np.eye(2), labels, labels, ["dots", "rings"], **words).axes)
        3
    """
    down, across = np.argsort(row_labels, kind="stable"), np.argsort(column_labels, kind="stable")
    figure = new(title, columns=2, size=(9.5, 5))
    left, right = figure.axes
    left.imshow(cosines[np.ix_(down, across)], cmap="RdBu", vmin=-1, vmax=1, interpolation="nearest")
    kinds = range(len(names))
    for labels, line in ((row_labels, left.axhline), (column_labels, left.axvline)):
        for end in np.cumsum([(labels == kind).sum() for kind in kinds])[:-1]:
            line(end - 0.5, color=INK, lw=0.3)
    left.set(xticks=[], ylabel=rows, xlabel=columns)
    counts = np.array([(row_labels == kind).sum() for kind in kinds])
    left.set_yticks(np.cumsum(counts) - (counts + 1) / 2, names, fontsize=7)
    left.tick_params(axis="y", length=0)
    means = np.array([[_mean(cosines[row_labels == a][:, column_labels == b]) for b in kinds] for a in kinds])
    shown = right.imshow(means, cmap="RdBu", vmin=-1, vmax=1)
    right.set_xticks(kinds, names, rotation=90, fontsize=8)
    right.set_yticks(kinds, names, fontsize=8)
    left.set_title("all pairs, sorted by class", fontsize=9)
    right.set_title("means of two classes", fontsize=9)
    figure.colorbar(shown, ax=right, shrink=0.8, pad=0.02).set_label("cosine", fontsize=8)
    return figure


def played_and_learned(
    runs: Mapping[str, Sequence[tuple[float, float]]],
    *,
    played: str,
    learned: str,
    title: str,
    guess: tuple[float, float],
) -> Figure:
    """How well each training plays its game, against what it learned by playing.

    Args:
        runs: `{name: (played, learned) of each seed}`, shares 0..1; at most five names.
        played: What the first share counts.
        learned: What the second share counts.
        title: The finding.
        guess: Both shares of a blind guess.

    Returns:
        The figure; one mark for each seed, and the name beside each group. "untrained" is gray.

    Example:
        >>> runs = {"weak colors": [(0.9, 0.2), (0.8, 0.3)]}
        >>> words = {"played": "pairs found", "learned": "R@1", "title": "Won", "guess": (0, 0)}
        >>> [text.get_text() for text in played_and_learned(runs, **words).axes[0].texts][:1]
        ['weak colors']
    """
    figure = new(title, size=(7.5, 3.2))
    axes = figure.axes[0]
    for (name, seeds), mark in zip(runs.items(), _MARKS, strict=False):
        points = np.array(seeds, float)
        color = COLORS["untrained" if name == "untrained" else "context"]
        axes.plot(*points.T, mark, color=color, mec=INK, ms=8, alpha=0.8)
        left = points[:, 0].mean() > 0.6
        axes.annotate(
            name,
            (points[:, 0].min() if left else points[:, 0].max(), points[:, 1].mean()),
            (-9 if left else 9, 0),
            textcoords="offset points",
            ha="right" if left else "left",
            va="center",
        )
    axes.axvline(guess[0], color=INK, ls="--", lw=1)
    axes.axhline(guess[1], color=INK, ls="--", lw=1)
    axes.annotate(
        "dashed: guessing", (1, guess[1]), (0, 3), textcoords="offset points", ha="right", fontsize=8
    )
    highest = max(share for seeds in runs.values() for _, share in seeds)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.25 * highest + 0.03), xlabel=played, ylabel=learned)
    return figure


def _mean(values: np.ndarray) -> float:
    """The mean, nan where there are none."""
    return float(values.mean()) if values.size else float("nan")
