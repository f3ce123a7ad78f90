"""What each part of a feature vector finds, network by network.

Axes: M networks, P parts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from cvrl_lite.course.figures.style import with_spread
from cvrl_lite.course.figures.tables import tables

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
        ['.50', '.50', '.50', '.06']
    """
    names = [name for name in _NETWORKS if any(run["model"] == name for run in runs)]
    panels = {
        f"{measure} of {label}s by the": [
            [_values(runs, name, part, label, measure) for part in _PARTS] for name in names
        ]
        for label in guess
    }
    places = [list(_PARTS).index(_OWN[label]) for label in guess]
    return tables(
        panels,
        rows=[_NETWORKS[name] for name in names],
        columns=list(_PARTS.values()),
        roles=[_OWN[label] for label in guess],
        title=title,
        own=[[(0, place), (len(names) - 1, place)] for place in places],
        below=("a guess", [[chance] for chance in guess.values()]),
    )


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
