"""The sphere of InfoNCE: windows of one film on a circle, each of which should find the next."""

from __future__ import annotations

import numpy as np

from cvrl_lite.course.explorables.base import Explorable, module
from cvrl_lite.course.figures import COLORS

LABEL = (
    "Numbered points on a circle are the vectors of a film's windows, and each window looks for the next. Up "
    "and down choose a point, left and right move it, space starts and pauses the training. Bars show the "
    "probability of each key, a curve the loss."
)


class Sphere(Explorable):
    """Made by `sphere`.

    Example:
        >>> widget = sphere(6, temperature=0.1)
        >>> widget, widget.state["temperature"]
        (Sphere(), 0.1)
    """

    _esm = module("sphere")


def sphere(windows: int = 10, *, temperature: float = 0.2, seed: int = 4) -> Sphere:
    """Points to drag on a circle, with the forces and the loss of InfoNCE, live.

    Window i is the query, window i + 1 its own key and all others are negatives. The last window is a key
    only.

    Args:
        windows: Of the film, at least 3.
        temperature: At first, 0.03 to 1.
        seed: Of the places where they start.

    Returns:
        A widget; as the last line of a cell it shows itself.

    Example:
        >>> len(sphere(6).state["angles"])
        6
    """
    angles = np.random.default_rng(seed).uniform(0, 2 * np.pi, windows).round(3)
    roles = {name: COLORS[name] for name in ("context", "motion")}
    state = {"angles": angles.tolist(), "temperature": temperature, "colors": roles, "label": LABEL}
    return Sphere(state=state)
