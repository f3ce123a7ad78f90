"""How good a network is, and how sure one can be of it: curves with their draws, and ranges.

Axes: K places along a curve, R repetitions of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from cvrl_lite.course.figures.style import (
    COLORS,
    INK,
    NEUTRAL,
    PLAIN,
    color_of,
    new,
    two_digits,
)
from cvrl_lite.course.figures.tables import Cells, draw_cells, means_of, shaded

Range = tuple[float, float, float]
"""Lower end, middle, upper end."""

_BESIDE: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9}

_LOOKS = (("-", "o"), ("--", "s"), ("-.", "^"), (":", "D"))


def shares(
    ticks: Sequence[object],
    panels: Mapping[str, Mapping[str, Sequence[float] | np.ndarray]],
    *,
    across: str,
    along: str,
    guess: Sequence[float],
    title: str,
    roles: Mapping[str, str] | None = None,
) -> Figure:
    """Shares along something that is varied, a panel for each of a few conditions.

    Args:
        ticks: The K things it is varied to, in their order; they are drawn at equal distances.
        panels: `{condition: {name: (K,) or (K, R) shares 0..1}}`. A curve is the mean over R, and each
            repetition a small dot, where they differ. A name looks the same in every panel; there are at
            most four.
        across: What is varied.
        along: What is measured.
        guess: What a blind guess scores, in each panel.
        title: The finding.
        roles: `{name: role}`, keys of `COLORS`; names without a role get grays.

    Returns:
        The figure, with one key for all panels.

    Example:
        >>> curves = {"joint": np.array([[0.1, 0.3], [0.8, 0.8]])}
        >>> words = {"across": "labels", "along": "accuracy", "guess": [0.1], "title": "More is better"}
        >>> shares([1, 10], {"scenes": curves}, **words).axes[0].lines[1].get_ydata().tolist()
        [0.2, 0.8]
    """
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    grays = iter((*NEUTRAL, PLAIN))
    colors = {name: color_of(role) if (role := (roles or {}).get(name)) else next(grays) for name in names}
    looks = {name: (colors[name], *look) for name, look in zip(names, _LOOKS, strict=False)}
    figure = new(title, columns=len(panels), size=(9.5 if len(panels) > 1 else 7.5, 3.5))
    places = np.arange(len(ticks))
    for axes, (condition, curves), chance in zip(figure.axes, panels.items(), guess, strict=True):
        axes.axhline(chance, color=INK, ls="--", lw=1)
        for name, values in curves.items():
            color, style, mark = looks[name]
            table = np.asarray(values, float).reshape(len(ticks), -1)
            axes.plot(places, table.mean(1), color=color, ls=style, marker=mark, ms=5)
            differ = np.ptp(table, axis=1) > 0  # ten equal dots would look like ten draws without any luck
            if differ.any():
                spread = places[differ, None] + np.linspace(-0.12, 0.12, table.shape[1])  # none hides another
                axes.plot(spread, table[differ], ".", color=color, ms=5, alpha=0.7, mew=0)
        axes.set_title(condition, fontsize=9)
        axes.set(xlabel=across, ylim=(0, 1.03), ylabel=along if axes is figure.axes[0] else "")
        axes.set_xticks(places, [str(tick) for tick in ticks])
    keys = [Line2D([], [], color=c, ls=s, marker=m, ms=5, label=name) for name, (c, s, m) in looks.items()]
    keys.append(Line2D([], [], color=INK, ls="--", lw=1, label="guessing"))
    figure.legend(handles=keys, loc="outside lower center", frameon=False, ncols=len(keys))
    return figure


def ranges(
    values: Mapping[str, Range],
    *,
    label: str,
    title: str,
    zero: float | None = None,
    roles: Mapping[str, str] | None = None,
    pairs: Mapping[str, Range] | None = None,
) -> Figure:
    """Where a number lies and how far it could lie elsewhere: a dot with whiskers for each.

    Args:
        values: `{name: (lower end, middle, upper end)}`, drawn from top to bottom.
        label: What they are, with the unit.
        title: The finding.
        zero: Where a dashed line is drawn.
        roles: `{name: role}`, keys of `COLORS`, for the colors; gray where there is none.
        pairs: The same by another interval, for some names: a thin line below the thick one.

    Returns:
        The figure; at its right edge stand middle and both ends of each range, the wider if there are two.

    Example:
        >>> figure = ranges({"192 clips": (0.7, 0.8, 0.9)}, label="accuracy", title="Not very sure")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['.80 (.70 to .90)']
    """
    figure = new(title, size=(7.5, 0.9 + 0.36 * len(values)))
    axes = figure.axes[0]
    _draw_ranges(axes, values, zero, roles or {}, pairs or {})
    axes.set_xlabel(label)
    return figure


def range_panels(
    panels: Mapping[str, Mapping[str, Range]],
    *,
    label: str,
    title: str,
    zero: float | None = None,
    roles: Mapping[str, str] | None = None,
    pairs: Mapping[str, Mapping[str, Range]] | None = None,
) -> Figure:
    """The same rows of `ranges` under several conditions, side by side.

    Args:
        panels: `{condition: {name: (lower end, middle, upper end)}}`, the same names in each.
        label: What they are, with the unit.
        title: The finding.
        zero: Where a dashed line is drawn.
        roles: `{name: role}`, keys of `COLORS`, for the colors; gray where there is none.
        pairs: The same by another interval: a thin line below the thick one.

    Returns:
        The figure; at the right edge of each panel stand the numbers, as in `ranges`.

    Example:
        >>> panels = {"R@1": {"one": (0.1, 0.2, 0.3)}, "probe": {"one": (-0.1, 0, 0.1)}}
        >>> figure = range_panels(panels, label="difference", title="Ahead by one measure", zero=0)
        >>> [axes.texts[0].get_text() for axes in figure.axes]
        ['.20 (.10 to .30)', '± .10']
    """
    rows = max(map(len, panels.values()))
    figure = new(title, columns=len(panels), size=(9.5, 1.15 + 0.36 * rows))
    for axes, (condition, values) in zip(figure.axes, panels.items()):
        _draw_ranges(axes, values, zero, roles or {}, (pairs or {}).get(condition, {}))
        axes.set_title(condition, fontsize=9, loc="left")
        if axes is not figure.axes[0]:
            axes.set_yticks(range(len(values)), [])
    ends = [end for axes in figure.axes for end in axes.get_xlim()]
    for axes in figure.axes:
        axes.set_xlim(min(ends), max(ends))
    figure.supxlabel(label, fontsize=9)
    return figure


def _draw_ranges(
    axes: Axes,
    values: Mapping[str, Range],
    zero: float | None,
    roles: Mapping[str, str],
    pairs: Mapping[str, Range],
) -> None:
    """Draws the rows of `ranges`, with the numbers of each row's wider range at their right."""
    if zero is not None:
        axes.axvline(zero, color=INK, ls="--", lw=1)
    ends = [end for low, _, high in (*values.values(), *pairs.values()) for end in (low, high)]
    ends += [] if zero is None else [zero]
    for place, (name, (low, middle, high)) in enumerate(values.items()):
        axes.plot([low, high], [place, place], color=color_of(roles.get(name)), lw=3)
        axes.plot([low, high], [place, place], "|", color=INK, ms=9)
        axes.plot(middle, place, "o", color=INK, mfc="white", ms=5)
        if name in pairs:
            axes.plot(pairs[name][::2], [place + 0.27] * 2, color=INK, lw=1, marker="|", ms=4)
        wider = max((values[name], pairs.get(name, values[name])), key=lambda ends: ends[2] - ends[0])
        axes.text(1.02, place, _range_in_words(wider), transform=axes.get_yaxis_transform(), va="center")
    margin = 0.08 * (max(ends) - min(ends) or 1.0)
    axes.set(xlim=(min(ends) - margin, max(ends) + margin), ylim=(len(values) - 0.4, -0.6))
    axes.set_yticks(range(len(values)), list(values))


def _range_in_words(values: Range) -> str:
    low, middle, high = values
    if low < 0 == middle and high == -low:  # an error without the number that it belongs to
        return f"± {two_digits(high)}"
    if low == high:
        return two_digits(middle)
    # An end just below zero keeps its sign: such a range holds zero.
    ends = ("-.00" if -0.005 < end < 0 else two_digits(end) for end in (low, high))
    return "{} ({} to {})".format(two_digits(middle), *ends)


def ranges_in_words(values: Mapping[str, Range]) -> str:
    """What `ranges` draws, as a sentence for its alt text.

    Args:
        values: `{name: (lower end, middle, upper end)}`.

    Returns:
        Each name with its middle and its two ends.

    Example:
        >>> ranges_in_words({"192 clips": (0.7, 0.8, 0.9)})
        '192 clips 0.80 (0.70 to 0.90).'
    """
    return (
        ", ".join(f"{name} {mid:.2f} ({low:.2f} to {up:.2f})" for name, (low, mid, up) in values.items())
        + "."
    )


def claims(values: Mapping[str, tuple[Range, Range]], *, label: str, title: str) -> Figure:
    """What was reported, and what is so: an arrow from the one to the other in each row.

    Args:
        values: `{name: (reported, true)}`, each a range, drawn from top to bottom.
        label: What they are, with the unit.
        title: The finding.

    Returns:
        The figure: open circles are reports, full ones truths, thin lines their ranges.

    Example:
        >>> figure = claims({"he": ((0.6, 0.7, 0.8), (0.4, 0.5, 0.6))}, label="share", title="He boasts")
        >>> [text.get_text() for text in figure.axes[0].texts if text.get_text()]
        ['reported .70', 'true .50']
    """
    figure = new(title, size=(9.5, 0.9 + 0.85 * len(values)))
    axes = figure.axes[0]
    for row, (report, truth) in enumerate(values.values()):
        for place, words, (low, middle, high), face in (
            (row - 0.16, "reported", report, "white"),
            (row + 0.16, "true", truth, COLORS["joint"]),
        ):
            axes.plot([low, high], [place, place], color=INK, lw=1)
            axes.plot(middle, place, "o", mfc=face, mec=INK, ms=10)
            axes.annotate(f"{words} {two_digits(middle)}", (high, place), (8, 0), va="center", **_BESIDE)
        start, end = (report[1], row - 0.16), (truth[1], row + 0.16)
        look = {"arrowstyle": "->", "color": COLORS["joint"], "lw": 2, "shrinkA": 4, "shrinkB": 4}
        axes.annotate("", end, start, arrowprops=look, zorder=1)
    axes.set(ylim=(len(values) - 0.5, -0.5), xlabel=label)
    axes.set_yticks(range(len(values)), list(values))
    axes.margins(x=0.14)
    return figure


def staircase(
    values: Mapping[str, float],
    *,
    label: str,
    title: str,
    guess: float,
    roles: Mapping[str, str] | None = None,
) -> Figure:
    """Numbers from the lowest to the highest, one step each, with its name beside it.

    Args:
        values: `{name: share 0..1}`, in any order.
        label: What they are.
        title: The finding.
        guess: What a blind guess scores, as a dashed line.
        roles: `{name: role}`, keys of `COLORS`; gray where there is none.

    Returns:
        The figure.

    Example:
        >>> figure = staircase({"b": 0.9, "a": 0.2}, label="accuracy", title="Up", guess=0.1)
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['.20  a', 'b  .90', ' dashed: guessing']
    """
    figure = new(title, size=(9.5, 1.0 + 0.33 * len(values)))
    axes = figure.axes[0]
    axes.axvline(guess, color=INK, ls="--", lw=1)
    for step, (name, value) in enumerate(sorted(values.items(), key=lambda item: item[1])):
        color = color_of((roles or {}).get(name))
        axes.plot([0, value], [step, step], color=color, lw=1.5, alpha=0.5)
        axes.plot(value, step, "o", color=color, mec=INK, ms=9)
        beside: dict[str, Any] = {
            "xytext": (-8 if value > 0.6 else 8, 0),
            "ha": "right" if value > 0.6 else "left",
        }
        words = f"{name}  {two_digits(value)}" if value > 0.6 else f"{two_digits(value)}  {name}"
        text = axes.annotate(words, (value, step), va="center", textcoords="offset points", **beside)
        text.set_bbox({"fc": "white", "ec": "none", "pad": 0.5})
    axes.text(guess, -0.9, " dashed: guessing", fontsize=8, va="center")
    axes.set(xlim=(0, 1.02), ylim=(-1.2, len(values) - 0.4), xlabel=label, yticks=[])
    axes.spines["left"].set_visible(False)
    return figure


def grid(
    values: Cells,
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    title: str,
    own: Mapping[tuple[int, int], str] | None = None,
    tints: Sequence[str] = (),
) -> Figure:
    """A table of shares, the darker the higher.

    Args:
        values: For each row and column the values over repetitions, shares 0..1.
        rows: Names of the rows.
        columns: Names of the columns.
        title: The finding.
        own: `{(row, column): role}`, cells that get a frame in a color of `COLORS`, or a dark one where
            there are tints.
        tints: The role of each column, in whose color its cells are shaded; gray where empty, and in a row
            named "untrained".

    Returns:
        The figure; a cell holds the mean and, from three repetitions on, the standard deviation.

    Example:
        >>> figure = grid([[[0.2, 0.3, 0.4], [1.0]]], rows=["motion"], columns=["scene", "act"], title="Acts")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['.30 ± .10', '1.00']
    """
    means = means_of(values)
    figure = new(title, size=(2.2 + 1.5 * len(columns), 1.0 + 0.45 * len(rows)))
    axes = figure.axes[0]
    if tints:
        full = np.array([to_rgb(COLORS[role]) for role in tints])[None].repeat(len(rows), 0)
        full[[name == "untrained" for name in rows]] = to_rgb(NEUTRAL[0])
        shades = shaded(means, full)
    else:
        shades = colormaps["Greys"](means / 1.4)[..., :3]
    draw_cells(axes, values, shades, columns)
    for (row, column), role in (own or {}).items():
        corner = column - 0.46, row - 0.42
        axes.add_patch(Rectangle(corner, 0.92, 0.84, fill=False, ec=INK if tints else COLORS[role], lw=3))
    axes.set_yticks(range(len(rows)), rows)
    return figure
