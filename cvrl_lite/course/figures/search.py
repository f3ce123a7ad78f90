"""Retrieval as pictures: where the right ones stand, recall beside chance, who is taken for whom.

Axes: N queries, K places of a ranking, C classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.colors import ListedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, NullLocator

from cvrl_lite.course.figures.style import (
    COLORS,
    INK,
    color_of,
    ink_on,
    new,
    two_digits,
    without_spines,
)

_LOOKS = ((COLORS["context"], "--"), (COLORS["motion"], "-."), (COLORS["joint"], "-"))


def rankings(
    same: np.ndarray, names: Sequence[str], *, title: str, ks: Sequence[int] = (), role: str | None = None
) -> Figure:
    """Each query's ranking as a row: the right ones filled, the first of them with a dot.

    Args:
        same: (N, K) bool: has the video at this place the query's label? Nearest first.
        names: N captions.
        title: The finding.
        ks: A thin line stands after each of these columns.
        role: Whose color the cells have, one of the keys of `COLORS`; gray where None.

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
        cmap=ListedColormap(["#F1F3F5", color_of(role)]),
        vmin=0,
        vmax=1,
        edgecolors="white",
        linewidth=0.6,
    )
    rows = np.flatnonzero(same.any(1))
    axes.plot(same[rows].argmax(1) + 1, rows, "o", color=INK, ms=5, mfc="white")
    for k in ks:
        axes.axvline(k + 0.5, color=INK, lw=1.5)
        axes.text(k + 0.5, -0.7, f"R@{k}", ha="center", va="bottom", fontsize=8)
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


def confusion(
    counts: np.ndarray, names: Sequence[str], *, found: str, title: str, role: str | None = None
) -> Figure:
    """Which class is taken for which: a number for each two classes.

    Args:
        counts: (C, C) integers; row a, column b: queries of class a whose answer is of class b.
        names: Of the C classes.
        found: What the columns are.
        title: The finding.
        role: Whose color the diagonal has, one of the keys of `COLORS`; a lighter gray where None.

    Returns:
        The figure; right ones on the diagonal in the role's color, wrong ones in gray.

    Example:
        >>> figure = confusion(np.array([[3, 1], [0, 4]]), ["a", "b"], found="nearest", title="One error")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['3', '1', '4']
    """
    size, right = len(names), np.eye(len(names), dtype=bool)
    most = max(int(counts.max()), 1)
    figure = new(title, size=(1.8 + 0.36 * size, 1.5 + 0.3 * size))
    axes = figure.axes[0]
    inks = np.where(right[..., None], to_rgb(color_of(role)), to_rgb(INK))
    strength = (counts / most)[..., None]  # one scale, or errors would look as heavy as hits
    shades = 1 - strength * (1 - inks)
    axes.imshow(shades, aspect="auto")
    without_spines(axes)
    for row, column in np.argwhere(counts > 0):
        color = ink_on(shades[row, column])
        axes.text(column, row, str(counts[row, column]), ha="center", va="center", fontsize=8, color=color)
    axes.set(xlabel=found, ylabel="query")
    axes.set_xticks(range(size), names, rotation=90, fontsize=8)
    axes.set_yticks(range(size), names, fontsize=8)
    return figure


def by_weight(
    weights: Sequence[float] | np.ndarray,
    found: Mapping[str, Sequence[float] | np.ndarray],
    *,
    best: float,
    title: str,
) -> Figure:
    """R@1 by scene and by action as the weight goes from the context part to the motion part.

    Args:
        weights: (N,) of the motion part, 0 to 1.
        found: `{"scene": (N,) shares 0..1, "action": (N,)}`.
        best: The weight that is marked.
        title: The finding.

    Returns:
        The figure.

    Example:
        >>> curves = {"scene": [0.9, 0.7, 0.1], "action": [0.1, 0.7, 0.9]}
        >>> figure = by_weight([0, 0.5, 1], curves, best=0.5, title="Each gives way to the other")
        >>> figure.axes[0].lines[2].get_xdata()
        [0.5, 0.5]
    """
    figure = new(title, size=(7.5, 3))
    axes = figure.axes[0]
    for (label, shares), color, style in zip(
        found.items(), (COLORS["context"], COLORS["motion"]), ("--", "-"), strict=True
    ):
        axes.plot(weights, shares, style, color=color, lw=2, label=f"same {label}")
    axes.axvline(best, color=INK, ls=":", lw=1)
    axes.annotate(two_digits(best), (best, 0.02), (4, 0), textcoords="offset points", fontsize=8, color=INK)
    axes.set(xlim=(0, 1), ylim=(0, 1.03), ylabel="R@1, share of the queries")
    axes.set_xlabel("weight of the motion part (0: context part alone, 1: motion part alone)")
    axes.legend(frameon=False)
    return figure


def beyond_the_line(
    cosines: tuple[np.ndarray, np.ndarray],
    same: tuple[np.ndarray, np.ndarray],
    *,
    weight: float,
    most: int = 5,
    title: str,
) -> Figure:
    """One query's gallery by both cosines, and the line beyond which its nearest clips lie.

    Args:
        cosines: (N,) of the context parts and (N,) of the motion parts.
        same: (N,) bool, whether a clip has the query's scene, and (N,), whether its action.
        weight: Of the motion part in the mix by which the nearest are chosen, 0 to 1.
        most: How many are nearest.
        title: The finding.

    Returns:
        The figure: on the left the whole gallery, on the right the corner of the nearest, enlarged. They
        have a ring and a number, 1 for the nearest of all.

    Example:
        >>> cosines = np.array([0.1, 0.9, 0.5]), np.array([0.2, 0.1, 0.6])
        >>> same = np.array([False, True, True]), np.array([False, False, True])
        >>> mixed = beyond_the_line(cosines, same, weight=0.5, most=1, title="A mix")
        >>> [text.get_text() for text in mixed.axes[1].texts]
        ['1', 'w = .5']
    """
    figure = new(title, columns=2, size=(9.5, 4.3))
    (context, motion), (scene, action) = cosines, same
    score = (1 - weight) * context + weight * motion
    nearest = np.argsort(-score, kind="stable")[:most]
    spots = np.stack([context, motion], 1)  # (N, 2)
    corner = _around(spots[nearest], spots)
    for axes, larger in zip(figure.axes, (1.0, 1.7), strict=True):
        for words, chosen, color, mark, size in (
            ("another scene, another action", ~scene & ~action, COLORS["untrained"], ".", 4.0),
            ("the same scene", scene & ~action, COLORS["context"], "s", 4.0),
            ("the same action", ~scene & action, COLORS["motion"], "^", 4.5),
            ("both the same", scene & action, COLORS["joint"], "D", 6.0),
        ):
            look: Any = {"ms": larger * size, "color": color, "label": words}
            axes.plot(*spots[chosen].T, mark, **look)
            ringed = nearest[chosen[nearest]]
            axes.plot(*spots[ringed].T, mark, **look | {"label": "", "mec": INK, "mew": 0.6, "zorder": 4})
        limits: Any = {"xlim": axes.get_xlim(), "ylim": axes.get_ylim()}
        ends = np.array(limits["xlim"])
        axes.plot(ends, (score[nearest[-1]] - (1 - weight) * ends) / weight, color=INK, lw=1.3, zorder=1)
        axes.set(xlabel="cosine of the context parts", **limits)
    whole, close = figure.axes
    whole.set_ylabel("cosine of the motion parts")
    whole.set_title("the whole gallery", fontsize=9)
    low, high = corner
    frame = Rectangle(tuple(low), *(high - low), fill=False, ec=INK, lw=1, ls=":", zorder=5)
    whole.add_patch(frame)
    close.set_title("the dotted corner, enlarged", fontsize=9)
    close.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ring: Any = {"ms": 17, "mfc": "none", "mec": INK, "mew": 1.5, "zorder": 3}
    close.plot(*spots[nearest].T, "o", label=f"the {most} nearest", **ring)
    beside: Any = {"textcoords": "offset points", "ha": "center", "va": "center", "weight": "bold"}
    points = spots[nearest] / (high - low) * (290, 210)  # points, about
    for rank, shift in enumerate(_beside(points, 16)):
        close.annotate(str(rank + 1), tuple(spots[nearest][rank]), shift, zorder=5, **beside)
    level = high[1] - 0.05 * (high[1] - low[1])
    place = (score[nearest[-1]] - weight * level) / (1 - weight) if weight < 1 else low[0]
    words = f"w = {weight:g}".replace("0.", ".")
    close.annotate(words, (place, level), (8, 0), textcoords="offset points", va="bottom", color=INK)
    handles, names = close.get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    return figure


def _around(chosen: np.ndarray, spots: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lower left and the upper right corner of a box around the chosen ones of the spots (N, 2)."""
    margin = np.maximum(0.45 * np.ptp(chosen, axis=0), 0.04 * np.ptp(spots, axis=0))
    return chosen.min(0) - 1.8 * margin, chosen.max(0) + margin


def _beside(spots: np.ndarray, away: float) -> list[tuple[float, float]]:
    """A step from each of the spots (N, 2), `away` long, to where the others and their steps are far."""
    angles = np.arange(8) * np.pi / 4
    around = away * np.stack([np.cos(angles), np.sin(angles)], 1)
    taken = list(spots)
    chosen: list[tuple[float, float]] = []
    for spot in spots:
        free = [min(np.hypot(*(spot + step - other)) for other in taken) for step in around.round(6)]
        best = around[np.argmax(free)]
        taken.append(spot + best)
        chosen.append((float(best[0]), float(best[1])))
    return chosen


def histograms(
    values: Mapping[str, np.ndarray],
    edges: np.ndarray,
    *,
    label: str,
    title: str,
    counted: str = "queries",
    marks: Sequence[float] = (),
    role: str | None = None,
) -> Figure:
    """How numbers spread: the first as bars, a second as a black outline in front of them.

    Args:
        values: `{name: (N,)}`, one or two of them.
        edges: Of the bins, ascending.
        label: What the numbers are, with the unit.
        title: The finding.
        counted: What there is so many of.
        marks: Where dashed lines are drawn.
        role: Whose color the bars have, one of the keys of `COLORS`; gray where None.

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
        {"color": color_of(role), "alpha": 0.8},
        {"facecolor": "none", "edgecolor": INK, "histtype": "step", "lw": 1.8},
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


def maps(
    points: Mapping[str, np.ndarray],
    labels: Mapping[str, tuple[np.ndarray, Sequence[str]]],
    *,
    title: str,
    roles: Sequence[str],
) -> Figure:
    """Flat maps of a space: a row for each map, a column for each label that its points are colored by.

    Args:
        points: `{map: (N, 2)}`; where a point lies has no unit.
        labels: `{label: ((N,) integers, names of the classes)}`, as many as there are maps.
        title: The finding.
        roles: Of the maps, keys of `COLORS`, for the colors of their captions.

    Returns:
        The figure; on the diagonal each class has its name where its points are densest.

    Example:
        >>> flat, names = np.zeros((4, 2)), ["a", "b"]
        >>> pair = {"scene": (np.array([0, 0, 1, 1]), names)}
        >>> len(maps({"context": flat}, pair, title="Nothing yet", roles=["context"]).axes)
        1
    """
    count = len(points)
    figure = new(title, rows=count, columns=len(labels), size=(4.7 * len(labels), 0.4 + 3.6 * count))
    palette = colormaps["tab20"]
    for row, (name, places) in enumerate(points.items()):
        for column, (label, (numbers, names)) in enumerate(labels.items()):
            axes = figure.axes[row * len(labels) + column]
            for number in np.unique(numbers):
                look: Any = {"s": 30, "color": palette(number % 20), "marker": "os^D"[number % 4]}
                axes.scatter(*places[numbers == number].T, ec="white", lw=0.4, **look)
            axes.set_title(f"{name}, colored by {label}", color=color_of(roles[row]), fontsize=9, loc="left")
            axes.set(xticks=[], yticks=[])
            without_spines(axes)
            for number, spot in (_spots(places, numbers) if row == column else {}).items():
                box = {"fc": "white", "ec": "none", "alpha": 0.75, "pad": 0.4}
                axes.text(spot[0], spot[1], names[number], fontsize=7, ha="center", va="center", bbox=box)
    return figure


def _spots(places: np.ndarray, numbers: np.ndarray) -> dict[int, np.ndarray]:
    """A point of each class (N,) of places (N, 2) among many of its own, and not close to another's spot."""
    spread = np.ptp(places, axis=0).max() or 1.0
    near = np.exp(-np.square((places[:, None] - places) / (0.1 * spread)).sum(2))  # (N, N), 1 at itself
    spots: dict[int, np.ndarray] = {}
    for number in np.unique(numbers).tolist():
        own = numbers == number
        worth = near[:, own].sum(1)
        for taken in spots.values():  # a name is about three times as wide as high
            apart = np.abs(places - taken) / spread / (0.12, 0.04)
            worth = worth - len(places) * (apart.max(1) < 1)
        spots[number] = places[np.where(own, worth, -np.inf).argmax()]
    return spots
