"""Vectors of length 1 in the plane: points on a circle."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from cvrl_lite.course.figures.style import COLORS, INK, PLAIN, new

_APART = 0.22  # radians; numbers closer than this would cover each other


def on_a_circle(panels: Mapping[str, np.ndarray], *, title: str) -> Figure:
    """The windows of a film as numbered points on a circle, in their order joined by a line.

    Args:
        panels: `{caption: (N,) angles in radians}`, one panel each.
        title: The finding.

    Returns:
        The figure. Where points meet, their numbers go inwards, so that each can be read; where all meet,
        one label says so.

    Example:
        >>> figure = on_a_circle({"two": np.array([0.0, np.pi])}, title="They are opposite")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['1', '2']
    """
    figure = new(title, columns=len(panels), size=(3.2 * len(panels), 3.5))
    for axes, (caption, angles) in zip(figure.axes, panels.items(), strict=True):
        x, y = np.cos(angles), np.sin(angles)
        axes.add_patch(Circle((0, 0), 1, fc="none", ec=PLAIN))
        axes.plot(x, y, ":", color=COLORS["context"], lw=1.2)
        axes.plot(x, y, "o", color=COLORS["context"], ms=7)
        together = len(angles) > 3 and (np.abs(_turns(angles, angles[0])) < _APART).all()
        for number, angle in enumerate(angles[:0] if together else angles):
            inwards = int((np.abs(_turns(angles[:number], angle)) < _APART).sum())
            radius = 1.17 if inwards == 0 else 1 - 0.17 * inwards
            place = (radius * np.cos(angle), radius * np.sin(angle))
            axes.text(*place, str(number + 1), ha="center", va="center", color=INK, fontsize=9)
        if together:
            place = (0.7 * np.cos(angles[0]), 0.7 * np.sin(angles[0]))
            axes.text(*place, f"1 to {len(angles)}", ha="center", va="center", color=INK, fontsize=9)
        axes.set(xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), aspect="equal")
        axes.set_title(caption, fontsize=9)
        axes.set_axis_off()
    return figure


def _turns(angles: np.ndarray, start: float) -> np.ndarray:
    """The way from one angle to others, -pi to pi."""
    return np.asarray((angles - start + np.pi) % (2 * np.pi) - np.pi)
