"""Retrieval as pictures: where the right ones stand, recall beside chance, who is taken for whom.

Axes: N queries, K places of a ranking, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from cvrl_lite.course.figures.style import COLORS, INK, new

_LOOKS = ((COLORS["context"], "--"), (COLORS["motion"], "-."), (COLORS["joint"], "-"))


def rankings(same: np.ndarray, names: Sequence[str], *, title: str) -> Figure:
    """Each query's ranking as a row: the right ones filled, the first of them with a dot.

    Args:
        same: (N, K) bool: has the video at this place the query's label? Nearest first.
        names: N captions.
        title: The finding.

    Returns:
        The figure. R@k is the share of rows whose dot is in one of the first k columns.

    Example:
        >>> figure = rankings(np.array([[False, True]]), ["rings"], title="The second one is right")
        >>> figure.axes[0].lines[0].get_xdata().tolist()
        [2]
    """
    count, places = same.shape
    figure = new(title, size=(9.5, 0.9 + 0.2 * count))
    axes = figure.axes[0]
    axes.pcolormesh(
        np.arange(places + 1) + 0.5,
        np.arange(count + 1) - 0.5,
        same,
        cmap="Blues",
        vmin=0,
        vmax=1.6,
        edgecolors="white",
        linewidth=0.6,
    )
    rows = np.flatnonzero(same.any(1))
    axes.plot(same[rows].argmax(1) + 1, rows, "o", color=INK, ms=5, mfc="white")
    axes.set(ylim=(count - 0.5, -0.5), xlabel="place in the ranking (filled: the same label)")
    axes.set_xticks([1, *range(5, places + 1, 5)])
    axes.set_yticks(range(count), names)
    return figure


def recalls(
    panels: Mapping[str, Mapping[str, Sequence[float] | np.ndarray]],
    chance: Mapping[str, Sequence[float] | np.ndarray],
    *,
    title: str,
) -> Figure:
    """R@k for every k from 1 on, a panel for each label.

    Args:
        panels: `{label: {name: (K,) shares 0..1 for k = 1 .. K}}`; at most three names.
        chance: `{label: (K,)}`, what a ranking at random finds.
        title: The finding.

    Returns:
        The figure, with one key for all panels; k doubles from tick to tick.

    Example:
        >>> figure = recalls({"scene": {"both": [0.6, 0.9]}}, {"scene": [0.1, 0.2]}, title="It finds")
        >>> figure.axes[0].lines[1].get_ydata().tolist()
        [0.1, 0.2]
    """
    figure = new(title, columns=len(panels), size=(9.5 if len(panels) > 1 else 7.5, 3.4))
    for axes, (label, curves) in zip(figure.axes, panels.items(), strict=True):
        most = len(chance[label])
        for (name, line), (color, style) in zip(curves.items(), _LOOKS, strict=False):
            axes.plot(range(1, most + 1), line, color=color, ls=style, lw=2, label=name)
        axes.plot(range(1, most + 1), chance[label], color=INK, ls=":", lw=1.5, label="chance")
        axes.set_title(label, fontsize=9)
        axes.set(xscale="log", ylim=(0, 1.03), xlabel="k", ylabel="R@k" if axes is figure.axes[0] else "")
        ticks = [k for k in (1, 2, 5, 10, 20, 50, 100) if k <= most]
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(ticks, [str(k) for k in ticks])
    lines, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(lines, names, loc="outside lower center", frameon=False, ncols=len(names))
    return figure


def confusion(counts: np.ndarray, names: Sequence[str], *, found: str, title: str) -> Figure:
    """Who is taken for whom: a number for each two classes.

    Args:
        counts: (C, C) integers; row a, column b: queries of class a whose answer is of class b.
        names: Of the C classes.
        found: What the columns are.
        title: The finding.

    Returns:
        The figure; right ones on the diagonal in green, wrong ones in brown, nothing where there are none.

    Example:
        >>> figure = confusion(np.array([[3, 1], [0, 4]]), ["a", "b"], found="nearest", title="One error")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['3', '1', '4']
    """
    size = len(names)
    sides = np.where(np.eye(size, dtype=bool), counts, -counts)
    most = max(int(counts.max()), 1)
    figure = new(title, size=(1.8 + 0.36 * size, 1.5 + 0.3 * size))
    axes = figure.axes[0]
    axes.imshow(sides, cmap="BrBG", vmin=-most, vmax=most, aspect="auto")
    for row, column in np.argwhere(counts > 0):
        dark = counts[row, column] > 0.7 * most
        axes.text(
            column,
            row,
            str(counts[row, column]),
            ha="center",
            va="center",
            fontsize=8,
            color="white" if dark else INK,
        )
    axes.set(xlabel=found, ylabel="query")
    axes.set_xticks(range(size), names, rotation=90, fontsize=8)
    axes.set_yticks(range(size), names, fontsize=8)
    return figure


def histograms(
    values: Mapping[str, np.ndarray],
    edges: np.ndarray,
    *,
    label: str,
    title: str,
    counted: str = "queries",
    marks: Sequence[float] = (),
) -> Figure:
    """How numbers spread: the first as bars, a second as a hatched outline in front of them.

    Args:
        values: `{name: (N,)}`, one or two of them.
        edges: Of the bins, ascending.
        label: What the numbers are, with the unit.
        title: The finding.
        counted: What there is so many of.
        marks: Where dashed lines are drawn.

    Returns:
        The figure.

    Example:
        >>> numbers, edges = np.array([0.1, 0.2, 0.9]), np.array([0, 0.5, 1])
        >>> figure = histograms({"cosines": numbers}, edges, label="cosine", title="Two are low")
        >>> [float(bar.get_height()) for bar in figure.axes[0].patches]
        [2.0, 1.0]
    """
    figure = new(title, size=(7.5, 2.7))
    axes = figure.axes[0]
    looks: tuple[Any, ...] = (
        {"color": COLORS["context"], "alpha": 0.5},
        {"facecolor": "none", "edgecolor": INK, "hatch": "////", "histtype": "stepfilled"},
    )
    for (name, numbers), look in zip(values.items(), looks, strict=False):
        axes.hist(numbers, np.asarray(edges).tolist(), label=name, **look)
    for mark in marks:
        axes.axvline(mark, color=INK, ls="--", lw=1)
    if all(np.issubdtype(np.asarray(numbers).dtype, np.integer) for numbers in values.values()):
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set(xlabel=label, ylabel=counted, xlim=(edges[0], edges[-1]))
    if len(values) > 1:
        axes.legend(frameon=False)
    return figure
