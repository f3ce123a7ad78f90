"""What a prediction leaves over, as maps, and bars for how much that is.

Axes: H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cvrl_lite.course.figures.style import INK, color_of, new
from cvrl_lite.course.figures.vectors import hatch_missing


def residual_panels(
    values: Sequence[np.ndarray] | np.ndarray,
    masks: Sequence[np.ndarray | None] | None = None,
    *,
    labels: Sequence[str],
    limit: float = 40,
    quantity: str = "luma",
    title: str = "",
) -> Figure:
    """Differences of brightness side by side: white is none, brown is darker than predicted, green lighter.

    Args:
        values: N maps (H, W) of differences.
        masks: N of (H8, W8) bool or None; cells where it is False are hatched.
        labels: A caption for each.
        limit: The difference at which the colors are full.
        quantity: Of what they are differences.
        title: The finding.

    Returns:
        The figure.

    Raises:
        ValueError: Not one label, or not one mask, for each map.

    Example:
        >>> figure = residual_panels(np.zeros((2, 16, 16)), labels=["by shifting", "by vectors"])
        >>> [axes.get_title() for axes in figure.axes[:2]]
        ['by shifting', 'by vectors']
    """
    count = len(values)
    masks = [None] * count if masks is None else masks
    if not count == len(labels) == len(masks):
        raise ValueError(f"{len(labels)} labels and {len(masks)} masks do not go with {count} maps")
    holes = any(mask is not None and not mask.all() for mask in masks)
    tall = values[0].shape[0] / values[0].shape[1]
    height = 8.5 / count * tall + (0.85 if holes else 0.6)  # inches; the color bar takes one of the width's
    figure = new(title, columns=count, size=(9.5, height))
    panels = list(figure.axes)
    for axes, value, mask, label in zip(panels, values, masks, labels):
        shown = axes.imshow(value, cmap="BrBG", vmin=-limit, vmax=limit, interpolation="nearest")
        if mask is not None:
            hatch_missing(axes, mask)
        axes.set_title(label, fontsize=9)
        axes.set(xlim=(-0.5, value.shape[1] - 0.5), ylim=(value.shape[0] - 0.5, -0.5), xticks=[], yticks=[])
        for spine in axes.spines.values():
            spine.set(visible=True, color="#999999")
    bar = figure.colorbar(shown, ax=panels, shrink=0.85, aspect=15, pad=0.01)
    bar.set_label(f"{quantity}: darker (-), lighter (+)", fontsize=8)
    if holes:
        key = Patch(fc="white", ec=INK, hatch="///", label="hatched: no prediction")
        figure.legend(handles=[key], loc="outside lower center", frameon=False)
    return figure


def bars(
    values: Mapping[str, float],
    *,
    label: str,
    title: str,
    role: str | Mapping[str, str] = "residual",
    form: str | Callable[[float], str] = ".1f",
    guess: float | None = None,
) -> Figure:
    """A few numbers as bars, each with its value.

    Args:
        values: `{name: value}`, drawn from top to bottom.
        label: What they count, with its unit.
        title: The finding.
        role: One of the keys of `COLORS`, or `{name: key}`; a bar without a role is gray.
        form: How the values are written: a format, or a function that makes words of a value.
        guess: What a blind guess scores, as a dashed line.

    Returns:
        The figure.

    Example:
        >>> [text.get_text() for text in bars({"a": 1, "b": 0.25}, label="px", title="a").axes[0].texts]
        ['1.0', '0.2']
        >>> percent = bars({"a": 0.25}, label="share", title="a", form="{:.0%}".format)
        >>> percent.axes[0].texts[0].get_text()
        '25%'
    """
    figure = new(title, size=(7.5, 0.8 + 0.36 * len(values)))
    axes = figure.axes[0]
    if guess is not None:
        axes.axvline(guess, color=INK, ls="--", lw=1)
        axes.text(guess, len(values) - 0.5, " dashed: guessing", va="bottom", fontsize=8)
    for place, (name, value) in enumerate(values.items()):
        of_bar = role if isinstance(role, str) else role.get(name)
        axes.barh(place, value, 0.62, color=color_of(of_bar))
        words = f"{value:{form}}" if isinstance(form, str) else form(value)
        axes.annotate(words, (value, place), (4, 0), textcoords="offset points", va="center")
    axes.set(ylim=(len(values) - 0.4, -0.6), xlim=(0, 1.12 * max([*values.values(), 1e-9])), xlabel=label)
    axes.set_yticks(range(len(values)), list(values))
    return figure


def stacked(
    values: Mapping[str, Mapping[str, float]],
    *,
    label: str,
    title: str,
    role: Mapping[str, str],
    form: str | Callable[[float], str] = ".1f",
) -> Figure:
    """Totals as bars, each put together from the same few parts, with its total at the end.

    Args:
        values: `{name: {part: value}}`, the bars drawn from top to bottom, their parts from left to right.
        label: What they count, with its unit.
        title: The finding.
        role: `{part: key}`, keys of `COLORS`; a part without a role is gray.
        form: How the totals are written: a format, or a function that makes words of a value.

    Returns:
        The figure, with a legend of the parts.

    Example:
        >>> parts = {"a": {"left": 1, "right": 2}, "b": {"left": 0.5, "right": 0}}
        >>> figure = stacked(parts, label="px", title="a is longer", role={"left": "motion"})
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['3.0', '0.5']
    """
    figure = new(title, size=(7.5, 1.1 + 0.4 * len(values)))
    axes = figure.axes[0]
    totals = {name: sum(parts.values()) for name, parts in values.items()}
    for place, (name, parts) in enumerate(values.items()):
        start = 0.0
        for part, value in parts.items():
            named = part if place == 0 else None
            axes.barh(place, value, 0.62, left=start, color=color_of(role.get(part)), label=named)
            start += value
        words = f"{totals[name]:{form}}" if isinstance(form, str) else form(totals[name])
        axes.annotate(words, (start, place), (4, 0), textcoords="offset points", va="center")
    axes.set(ylim=(len(values) - 0.4, -0.6), xlim=(0, 1.15 * max([*totals.values(), 1e-9])), xlabel=label)
    axes.set_yticks(range(len(values)), list(values))
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def bars_in_columns(
    columns: Mapping[str, Mapping[str, float]],
    *,
    title: str,
    role: Mapping[str, str],
    form: Callable[[float], str],
) -> Figure:
    """The same few things measured in several ways: a column of bars for each, with its own scale.

    Args:
        columns: `{what is measured, with its unit: {name: value}}`; all columns have the same names.
        title: The finding.
        role: `{name: key}`, keys of `COLORS`; a bar without a role is gray.
        form: Makes words of a value.

    Returns:
        The figure; the names stand once, at the left.

    Example:
        >>> columns = {"error (px)": {"a": 1, "b": 2}, "time (s)": {"a": 30, "b": 40}}
        >>> figure = bars_in_columns(columns, title="a is better", role={"a": "motion"}, form="{:.0f}".format)
        >>> [text.get_text() for text in figure.axes[1].texts]
        ['30', '40']
    """
    rows = max(len(values) for values in columns.values())
    figure = new(title, columns=len(columns), size=(9.5, 0.9 + 0.36 * rows))
    for axes, (label, values) in zip(figure.axes, columns.items(), strict=True):
        for place, (name, value) in enumerate(values.items()):
            axes.barh(place, value, 0.62, color=color_of(role.get(name)))
            axes.annotate(form(value), (value, place), (4, 0), textcoords="offset points", va="center")
        axes.set(ylim=(len(values) - 0.4, -0.6), xlim=(0, 1.3 * max([*values.values(), 1e-9])), xlabel=label)
        axes.set_yticks(range(len(values)), list(values) if axes is figure.axes[0] else [""] * len(values))
    return figure
