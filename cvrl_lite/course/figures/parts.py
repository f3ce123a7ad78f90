"""What each part of a feature vector finds, network by network.

Axes: M networks, P parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cvrl_lite.course.figures.style import COLORS, INK, ink_on, new, two_digits, with_spread, without_spines

_NETWORKS = {
    "untrained": "untrained",
    "context": "context matching",
    "motion": "motion prediction",
    "joint": "both tasks",
}
_PARTS = {"context": "context part", "motion": "motion part", "whole": "whole vector"}
_OWN = {"scene": "context", "action": "motion"}  # the part, and the color, that should find a label

Runs = Sequence[Mapping[str, Any]]


def by_parts(runs: Runs, guess: Mapping[str, float], *, title: str, measure: str = "R@1") -> Figure:
    """Tables of a score by network and part, one for each label; the darker the higher.

    Args:
        runs: `{"model": "joint", "scores": {part: {label: {measure: 0..1}}}}`, one for each seed of each
            network.
        guess: What a blind guess scores, by label.
        title: The finding.
        measure: Which score.

    Returns:
        The figure. A cell holds the mean over seeds, and the standard deviation from three seeds on; a frame
        marks the part that is there for the label.

    Example:
        >>> parts = {part: {"scene": {"R@1": 0.5}} for part in ("context", "motion", "whole")}
        >>> run = {"model": "joint", "scores": parts}
        >>> figure = by_parts([run], {"scene": 0.06}, title="All the same")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['.50', '.50', '.50', '.06', '.06', '.06']
    """
    names = [name for name in _NETWORKS if any(run["model"] == name for run in runs)]
    figure = new(title, columns=len(guess), size=(9.5, 1.3 + 0.42 * len(names)))
    for axes, (label, chance) in zip(figure.axes, guess.items(), strict=True):
        cells = [[_values(runs, name, part, label, measure) for part in _PARTS] for name in names]
        cells.append([[chance]] * len(_PARTS))
        means = np.array([[np.mean(cell) for cell in row] for row in cells])
        colors = LinearSegmentedColormap.from_list("role", ["white", COLORS[_OWN[label]]])
        axes.imshow(means, cmap=colors, vmin=0, vmax=1, aspect="auto")
        for (row, column), mean in np.ndenumerate(means):
            words, ink = with_spread(cells[row][column]), ink_on(colors(mean))
            axes.text(column, row, words, ha="center", va="center", color=ink)
        without_spines(axes)
        own = list(_PARTS).index(_OWN[label])
        axes.add_patch(Rectangle((own - 0.5, -0.5), 1, len(names), fill=False, ec=INK, lw=1.8))
        axes.tick_params(length=0, labeltop=True, labelbottom=False)
        axes.set_xticks(range(len(_PARTS)), list(_PARTS.values()))
        rows = [*(_NETWORKS[name] for name in names), "a guess"] if axes is figure.axes[0] else []
        axes.set_yticks(range(len(names) + 1) if rows else [], rows)
        axes.set_title(f"{measure} of {label}s by the", fontsize=9, loc="left")
    return figure


def by_own_part(runs: Runs, guess: Mapping[str, float], *, title: str, measure: str = "R@1") -> Figure:
    """A score by the part that is there for a label, of networks trained for it alone and for both labels.

    Args:
        runs: As for `by_parts`, with three networks: context, motion and joint.
        guess: What a blind guess scores, by label.
        title: The finding.
        measure: Which score.

    Returns:
        The figure, a panel for each label. A bar is the mean over seeds, a dot a seed; chance is dashed.

    Example:
        >>> parts = {part: {"scene": {"R@1": 0.5}} for part in ("context", "motion")}
        >>> runs = [{"model": model, "scores": parts} for model in ("context", "joint")]
        >>> figure = by_own_part(runs, {"scene": 0.06}, title="Both find half")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['.50', '.50', 'chance']
    """
    figure = new(title, columns=len(guess), size=(9.5, 1.9))
    for axes, (label, chance) in zip(figure.axes, guess.items(), strict=True):
        own = _OWN[label]
        for place, model in enumerate((own, "joint")):
            scores = _values(runs, model, own, label, measure)
            axes.barh(place, np.mean(scores), 0.7, color=COLORS[model])
            axes.plot(scores, [place] * len(scores), "o", color=INK, mec="white", mew=0.6, ms=5)
            words = two_digits(float(np.mean(scores)))
            axes.text(max(scores) + 0.03, place, words, va="center", fontsize=9)
        axes.axvline(chance, color=INK, ls="--", lw=1)
        axes.text(chance + 0.01, 1.45, "chance", va="top", ha="left", fontsize=8)
        axes.set(xlim=(0, 1.08), ylim=(1.85, -0.5), xlabel=f"{measure}, share of the queries")
        axes.set_yticks([0, 1], [f"{_NETWORKS[own]} alone", "both tasks"])
        axes.set_title(f"{label}s, by the {_PARTS[own]}", fontsize=9, loc="left")
    return figure


def by_parts_in_words(runs: Runs, guess: Mapping[str, float], *, measure: str = "R@1") -> str:
    """What `by_parts` draws, as sentences for its alt text.

    Example:
        >>> parts = {part: {"scene": {"R@1": 0.5}} for part in ("context", "motion", "whole")}
        >>> words = by_parts_in_words([{"model": "joint", "scores": parts}], {"scene": 0.06})
        >>> words.split(", ")[0]
        'A table of R@1. both tasks: scene .50 by the context part'
    """
    lines = []
    for name, words in _NETWORKS.items():
        if any(run["model"] == name for run in runs):
            found = "; ".join(
                f"{label} "
                + ", ".join(
                    f"{with_spread(_values(runs, name, part, label, measure))} by the {where}"
                    for part, where in _PARTS.items()
                )
                for label in guess
            )
            lines.append(f"{words}: {found}.")
    return f"A table of {measure}. " + " ".join(lines)


def _values(runs: Runs, model: str, part: str, label: str, measure: str) -> list[float]:
    return [run["scores"][part][label][measure] for run in runs if run["model"] == model]
