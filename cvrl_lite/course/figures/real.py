"""Real clips, shown by numbers: where each class moves."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.colors import PowerNorm
from matplotlib.figure import Figure

from cvrl_lite.course.figures.style import new


def class_maps(maps: Mapping[str, np.ndarray], *, label: str, title: str, columns: int = 6) -> Figure:
    """A map of one number over the frame for each class, all in one scale (of square roots).

    Args:
        maps: `{class: (G, G)}`, 0 or more.
        label: What the numbers are, with the unit.
        title: The finding.
        columns: Maps in a row.

    Returns:
        The figure; darker is more, and below each name stands the map's mean.

    Example:
        >>> maps = {"still": np.zeros((2, 2)), "moves": np.ones((2, 2))}
        >>> figure = class_maps(maps, label="pixels", title="One moves")
        >>> [axes.get_title().split() for axes in figure.axes[:2]]
        [['still', '0.00'], ['moves', '1.00']]
    """
    rows = -(-len(maps) // columns)
    figure = new(title, rows=rows, columns=columns, size=(1.5 * columns, 1.75 * rows + 0.4))
    most = max(float(values.max()) for values in maps.values()) or 1.0
    scale = PowerNorm(0.5, vmin=0, vmax=most)  # slow classes are not to look empty
    for axes in figure.axes:
        axes.set_axis_off()
    panels = list(figure.axes)
    for axes, (name, values) in zip(panels, maps.items(), strict=False):
        shown = axes.imshow(values, cmap="Oranges", norm=scale)
        axes.set_title(f"{name}\n{values.mean():.2f}", fontsize=8)
    figure.colorbar(shown, ax=panels, label=label, shrink=0.8)
    return figure
