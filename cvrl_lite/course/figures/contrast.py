"""Contrastive learning as pictures: who finds whom, what a temperature does, how training went.

Axes: N queries, M keys, K temperatures, S seeds, L steps.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Patch, Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

from cvrl_lite.course.figures.style import (
    COLORS,
    INK,
    color_of,
    ink_on,
    new,
    two_digits,
    with_spread,
    without_spines,
)

_MOST_WRITTEN = 12  # with more columns there is no room for numbers, and misses are ringed instead
_MOST_FRAMED = 32  # in a larger matrix frames would hide the misses


def similarity_matrix(
    cosines: np.ndarray,
    *,
    allowed: np.ndarray | None = None,
    title: str = "",
    names: tuple[str, str] = ("queries", "keys"),
) -> Figure:
    """Cosines of queries (down) and keys (across): blue is alike, red is opposite; frames mark the own keys.

    Args:
        cosines: (N, M), M >= N, -1..1; row i's own key is key i.
        allowed: (N, M) bool; pairs that stand in the comparison, all where None. The others are hatched,
            but for the own keys.
        title: The finding.
        names: What the rows are, and what the columns are.

    Returns:
        The figure. Each row's largest cosine is bold; where there is no room for numbers, misses are ringed.

    Example:
        >>> similarity_matrix(np.eye(3), title="Each finds its own").get_suptitle()
        'Each finds its own'
    """
    rows, columns = cosines.shape
    cell = min(0.42, 4.6 / columns)
    figure = new(title, size=(cell * columns + 2.2, cell * rows + 1.1))
    axes = figure.axes[0]
    shown = draw_matrix(axes, cosines, "RdBu", -1, allowed=allowed)
    add_color_bar(shown, [axes], "cosine")
    axes.set(ylabel=names[0], xlabel=names[1])
    keys: list[Any] = [Patch(fc="white", ec=INK, lw=2, label="its own")]
    if allowed is not None and not allowed.all():
        keys.append(Patch(fc="white", ec=INK, hatch="///", label="left out"))
    keys += axes.get_lines()  # rings, if there are any
    figure.legend(handles=keys, loc="outside lower left", frameon=False, ncols=2)
    return figure


def matrices(tables: Mapping[str, np.ndarray], *, title: str) -> Figure:
    """Square tables of cosines side by side: blue is alike, red is opposite; frames mark the own keys.

    Args:
        tables: `{caption: (N, N)}`, -1..1.
        title: The finding.

    Returns:
        The figure. Each row's largest cosine is bold; where there is no room for numbers, misses are ringed.

    Example:
        >>> len(matrices({"apart": np.eye(2), "all the same": np.ones((2, 2))}, title="Two").axes)
        3
    """
    figure = new(title, columns=len(tables), size=(4.45 * len(tables) + 0.6, 4.1))
    panels = list(figure.axes)
    for axes, (caption, table) in zip(panels, tables.items(), strict=True):
        shown = draw_matrix(axes, table, "RdBu", -1)
        axes.set_title(caption, fontsize=9)
        axes.set_ylabel("queries" if axes is panels[0] else "")
    add_color_bar(shown, panels, "cosine")
    keys: list[Any] = [Patch(fc="white", ec=INK, lw=2, label="its own")]
    keys += panels[0].get_lines()[:1]  # rings, if there are any
    words = ["its own", "nearest, but not its own"][: len(keys)]
    figure.legend(handles=keys, labels=words, loc="outside lower center", frameon=False, ncols=2)
    return figure


def quiz(cosines: np.ndarray, temperature: float, *, names: tuple[str, str] = ("queries", "keys")) -> Figure:
    """One round of "find your own key": the cosines, and the probabilities made of them.

    Args:
        cosines: (N, M), M >= N; row i's own key is key i.
        temperature: Divides the cosines.
        names: What the rows are, and what the columns are.

    Returns:
        The figure. Its title says how many rows find their own key, and the loss and the value of a blind
        guess in nats. With more than 12 keys, rings mark the nearest keys that are not the own ones.

    Example:
        >>> quiz(np.eye(4), 0.1).get_suptitle()
        'At temperature 0.1, 4 of 4 find their own among 4; the loss is 0.00 nats (a blind guess: 1.39)'
    """
    shares, own = softmax(cosines, temperature), np.arange(len(cosines))
    loss = -np.log(np.maximum(shares[own, own], 1e-300)).mean()
    count, found = cosines.shape[1], int((cosines.argmax(1) == own).sum())
    title = f"At temperature {temperature:g}, {found} of {len(own)} find their own among {count}; "
    title += f"the loss is {loss:.2f} nats (a blind guess: {np.log(count):.2f})"
    figure = new(title, columns=2, size=(9.5, 3.6))
    for axes, values, colors, lowest, label in zip(
        figure.axes, (cosines, shares), ("RdBu", "Blues"), (-1, 0), ("cosine", "probability"), strict=True
    ):
        add_color_bar(draw_matrix(axes, values, colors, lowest), [axes], label)
        axes.set(ylabel=names[0], xlabel=names[1])
    if rings := figure.axes[0].get_legend_handles_labels()[0]:
        figure.legend(handles=rings, loc="outside lower center", frameon=False)
    return figure


def temperatures(cosines: np.ndarray, own: int, values: Sequence[float]) -> Figure:
    r"""One query's probabilities at several temperatures, its keys sorted by cosine.

    A negative's probability is the strength with which the query is pushed away from it.

    Args:
        cosines: (M,) with all keys.
        own: Which one is the query's own.
        values: K temperatures.

    Returns:
        K panels. Each title says the part of the negatives' push that comes from the hardest of them.

    Example:
        >>> figure = temperatures(np.array([0.9, 0.5, 0.0]), 0, [1.0, 0.1])
        >>> [axes.get_title() for axes in figure.axes]
        ['temperature 1\nhardest: 62 % of the push', 'temperature 0.1\nhardest: 99 % of the push']
    """
    figure = new(
        "The lower the temperature, the more the hardest negative counts",
        columns=len(values),
        size=(9.5, 2.7),
    )
    hardest = np.delete(cosines, own).max()
    order = np.argsort(-cosines, kind="stable")
    for axes, value in zip(figure.axes, values, strict=True):
        shares = softmax(cosines[None], value)[0]
        negatives = np.delete(shares, own)
        colors = [
            COLORS["context"] if key == own else INK if cosines[key] == hardest else COLORS["untrained"]
            for key in order
        ]
        drawn = axes.bar(range(len(order)), shares[order], 0.8, color=colors, ec=INK, lw=0.5)
        drawn.patches[int(np.flatnonzero(order == own)[0])].set_hatch("///")
        part = round(100 * negatives.max() / negatives.sum())
        axes.set_title(f"temperature {value:g}\nhardest: {part} % of the push", fontsize=9)
        axes.set(ylim=(0, 1), xticks=[])
        if axes is figure.axes[0]:
            axes.set_xticks(range(len(order)), [two_digits(cosine) for cosine in cosines[order]], fontsize=7)
        axes.set_xlabel(
            "keys, most alike first; cosines" if axes is figure.axes[0] else "keys, most alike first",
            fontsize=8,
        )
        if axes is not figure.axes[0]:
            axes.set_yticklabels([])
    figure.axes[0].set_ylabel("probability")
    keys = [
        Patch(fc=COLORS["context"], ec=INK, hatch="///", label="its own key"),
        Patch(fc=INK, ec=INK, label="the hardest negative"),
        Patch(fc=COLORS["untrained"], ec=INK, label="other negatives"),
    ]
    figure.legend(handles=keys, loc="outside lower center", frameon=False, ncols=3)
    return figure


def by_keys(
    counts: Sequence[int], values: Mapping[str, Sequence[float]], *, label: str, title: str
) -> Figure:
    """Curves over the number of keys, which doubles from tick to tick.

    Args:
        counts: Numbers of keys, ascending.
        values: `{name: one value for each count}`; at most four curves, the first of them dashed.
        label: What they are, with its unit.
        title: The finding.

    Returns:
        The figure; each curve carries its name at its end.

    Example:
        >>> figure = by_keys([2, 4], {"blind guess": [0.7, 1.4]}, label="nats", title="More is harder")
        >>> [text.get_text() for text in figure.axes[0].texts]
        [' blind guess']
    """
    figure = new(title, size=(7.5, 3.2))
    axes = figure.axes[0]
    looks = [(INK, "--"), (INK, "-"), ("#777777", "-."), ("#777777", ":")]  # none of the course's roles
    for (name, line), (color, style) in zip(values.items(), looks, strict=False):
        axes.plot(counts, line, color=color, ls=style, marker="o", ms=3)
        axes.annotate(f" {name}", (counts[-1], line[-1]), (4, 0), textcoords="offset points", va="center")
    axes.set(xscale="log", xlabel="keys", ylabel=label, ylim=(0, None))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(counts, [str(count) for count in counts])
    return figure


def learning(runs: np.ndarray, keys: int, *, title: str) -> Figure:
    """How the loss fell and the accuracy rose, over several seeds; both axes end where the numbers do.

    Args:
        runs: (S, L, 2) loss in nats and top-1 accuracy, of each seed and step.
        keys: In each comparison; a blind guess costs its logarithm.
        title: The finding.

    Returns:
        Two panels: the mean over the seeds, and the range from the lowest seed to the highest.

    Example:
        >>> len(learning(np.zeros((3, 5, 2)), 64, title="Perfect at once").axes)
        2
    """
    figure = new(title, columns=2, size=(9.5, 2.9))
    names, guesses = ("loss in nats", "share that finds its own key"), (np.log(keys), 1 / keys)
    for axes, number, name, guess in zip(figure.axes, (0, 1), names, guesses, strict=True):
        lines = runs[:, :, number]
        steps = np.arange(1, lines.shape[1] + 1)
        axes.fill_between(steps, lines.min(0), lines.max(0), color=COLORS["context"], alpha=0.25, lw=0)
        axes.plot(steps, lines.mean(0), color=COLORS["context"])
        axes.axhline(guess, color=INK, ls="--", lw=1)
        words = f"blind guess: log {keys}" if number == 0 else f"blind guess: 1 in {keys}"
        axes.set(xlabel="step", ylabel=name)
        if number == 0:
            low, high = min(lines.min(), guess), max(lines.max(), guess)
            axes.set(ylim=(max(0, low - 0.15 * (high - low) - 0.1), high + 0.12))
        else:
            axes.set(ylim=(0, min(1, 1.2 * max(lines.max(), guess))))
        axes.set_title(f"dashed: {words}", loc="right", fontsize=8, color=INK)
    return figure


def seeds(
    measures: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    guess: Sequence[float],
    title: str,
    roles: Mapping[str, str] | None = None,
    hatched: Collection[str] = (),
) -> Figure:
    """A panel for each measure; in it a bar for the mean of each way of training, and a dot for each seed.

    Args:
        measures: `{label: {name: one value for each seed}}`, drawn from top to bottom; shares 0..1. All have
            the same names; one without values was not run.
        guess: What a blind guess scores by each measure.
        title: The finding.
        roles: `{name: role}`, keys of `COLORS`, for the colors of the bars; gray where there is none.
        hatched: Names whose bars are hatched, to tell them from others of the same role.

    Returns:
        The figure; at the right edge stand the mean and, from three seeds on, the standard deviation.

    Example:
        >>> figure = seeds({"R@1": {"trained": [0.8, 0.9, 1.0]}}, guess=[0.1], title="It learns")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['.90 ± .10', ' dashed: guessing']
    """
    names, roles = list(next(iter(measures.values()))), roles or {}
    width = 9.5 if len(measures) > 1 else 7.5
    figure = new(title, columns=len(measures), size=(width, 1.0 + 0.4 * len(names)))
    for axes, (label, values), chance in zip(figure.axes, measures.items(), guess, strict=True):
        axes.axvline(chance, color=INK, ls="--", lw=1)
        for place, name in enumerate(names):
            scores = values[name]
            if not len(scores):
                axes.text(chance + 0.04, place, "not run", va="center", style="italic", color="#666666")
                continue
            (bar,) = axes.barh(place, np.mean(scores), 0.6, color=color_of(roles.get(name)))
            if name in hatched:
                bar.set(hatch="///", ec="white", lw=0)
            if len(scores) > 1:  # apart, that none hides another
                heights = place + np.linspace(-0.15, 0.15, len(scores))
                axes.plot(scores, heights, "o", color=INK, ms=4, mfc="white")
            axes.text(1.04, place, with_spread(scores), va="center")  # a column, apart from all dots
        axes.text(chance, len(names) - 0.45, " dashed: guessing", va="top", fontsize=8)
        axes.set(xlim=(0, 1.3), ylim=(len(names) - 0.05, -0.55))
        axes.spines.bottom.set_bounds(0, 1)  # the rest is room for the words
        axes.set_xlabel(label, x=0.5 / 1.3)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1])
        axes.set_yticks(range(len(names)), names if axes is figure.axes[0] else [])
    return figure


def in_words(measures: Mapping[str, Mapping[str, Sequence[float]]]) -> str:
    """The means of a figure of `seeds`, for those who cannot see it.

    Example:
        >>> in_words({"R@1": {"trained": [0.8, 0.9], "untrained": [0.2]}})
        'R@1: trained 0.85, untrained 0.20.'
    """
    lines = []
    for label, values in measures.items():
        words = {name: f"{np.mean(v):.2f}" if np.size(v) else "not run" for name, v in values.items()}
        lines.append(f"{label}: " + ", ".join(f"{name} {word}" for name, word in words.items()) + ".")
    return " ".join(lines)


def softmax(cosines: np.ndarray, temperature: float) -> np.ndarray:
    """Probabilities (N, M) of the keys: exponentials of cosine over temperature, made to sum to 1.

    Example:
        >>> softmax(np.array([[0.5, 0.5]]), 0.1).tolist()
        [[0.5, 0.5]]
    """
    logits = np.asarray(cosines, np.float64) / temperature
    powers = np.exp(logits - logits.max(1, keepdims=True))  # the largest is 1: none can overflow
    return np.asarray(powers / powers.sum(1, keepdims=True))


def draw_matrix(
    axes: Axes,
    values: np.ndarray,
    colors: str,
    lowest: float,
    *,
    allowed: np.ndarray | None = None,
) -> AxesImage:
    """Draws a matrix whose values reach from `lowest` to 1, with frames around each row's own column.

    Each row's largest value is bold, or ringed where it is not its own and there is no room for numbers.
    """
    rows, columns = values.shape
    shown = axes.imshow(values, cmap=colors, vmin=lowest, vmax=1, interpolation="nearest")
    without_spines(axes)
    kept = np.ones(values.shape, bool) if allowed is None else allowed | np.eye(rows, columns, dtype=bool)
    best = np.where(kept, values, -np.inf).argmax(1)
    if columns <= _MOST_WRITTEN:
        for row, column in np.argwhere(kept):
            value = values[row, column]
            axes.text(
                column,
                row,
                f"{value:.1f}".replace("0.", ".").replace("-.0", ".0"),
                ha="center",
                va="center",
                fontsize=6.5,
                color=ink_on(shown.to_rgba(value)),
                weight="bold" if column == best[row] else "normal",
            )
    else:
        missed = np.flatnonzero(best != np.arange(rows))
        look: Any = {"ls": "", "marker": "o", "ms": 7, "mfc": "none", "mec": COLORS["motion"], "mew": 1.6}
        look |= {"path_effects": [withStroke(linewidth=3, foreground="white")], "zorder": 4}  # on dark cells
        axes.plot(best[missed], missed, label=f"nearest, but not its own ({len(missed)})", **look)
    for row, column in np.argwhere(~kept):
        hatched = Rectangle((column - 0.5, row - 0.5), 1, 1, fc="white", ec=INK, hatch="///", lw=0)
        axes.add_patch(hatched)
    for place in range(rows if columns <= _MOST_FRAMED else 0):
        corner, width = (place - 0.5, place - 0.5), 1.6 if rows <= 16 else 0.7
        frame = Rectangle(corner, 1, 1, fill=False, ec=INK, lw=width)
        frame.set_path_effects([withStroke(linewidth=width + 1.2, foreground="white")])  # on dark cells
        axes.add_patch(frame)
    axes.set(xlabel="keys", ylabel="queries")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(nbins=8, integer=True))
        axis.set_major_formatter(FuncFormatter(lambda place, _: f"{place:g}" if place >= 0 else ""))
    return shown


def add_color_bar(shown: AxesImage, panels: Sequence[Axes], label: str) -> None:
    """The scale of a matrix, beside the panels that share it."""
    figure = panels[0].figure
    figure.colorbar(shown, ax=panels, shrink=0.85, pad=0.02).set_label(label, fontsize=8)
