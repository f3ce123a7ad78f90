"""Tables of shares side by side, the darker the higher.

Axes: R rows, C columns of each table.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cvrl_lite.course.figures.style import COLORS, INK, NEUTRAL, ink_on, new, with_spread, without_spines

Cells = Sequence[Sequence[Sequence[float] | np.ndarray]]
"""For each row and column the values over repetitions, shares 0..1."""


def tables(
    panels: Mapping[str, Cells],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    roles: Sequence[str],
    title: str,
    own: Sequence[Collection[tuple[int, int]]] = (),
    below: tuple[str, Sequence[Sequence[float] | np.ndarray]] | None = None,
) -> Figure:
    """Several tables with the same rows and columns, each under a heading and in the color of its role.

    Args:
        panels: `{heading: cells}`, from left to right.
        rows: Names of the R rows.
        columns: Names of the C columns.
        roles: Of the tables, keys of `COLORS`.
        title: The finding.
        own: For each table the cells `(row, column)` of a rectangle that gets a frame; none where empty.
        below: The name of one more row and its values in each table: a single gray cell as wide as the
            table, for what depends on no column.

    Returns:
        The figure; a cell holds the mean and, from three repetitions on, the standard deviation.

    Example:
        >>> words = {"rows": ["motion part"], "columns": ["R@1", "probe"], "roles": ["motion"]}
        >>> figure = tables({"action": [[[0.8], [0.9]]]}, **words, title="Found", below=("guess", [[0.1]]))
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['.80', '.90', '.10']
    """
    count = len(rows) + (below is not None)
    figure = new(title, columns=len(panels), size=(9.5, 1.1 + 0.42 * count))
    for number, (axes, (heading, cells), role) in enumerate(
        zip(figure.axes, panels.items(), roles, strict=True)
    ):
        shades = shaded(means_of(cells), to_rgb(COLORS[role]))
        if below is not None:
            gray = shaded(np.mean(below[1][number]), to_rgb(NEUTRAL[0]))
            shades = np.concatenate([shades, np.broadcast_to(gray, (1, len(columns), 3))])
        draw_cells(axes, cells, shades, columns)
        if below is not None:
            look: Any = {"ha": "center", "va": "center", "color": ink_on(gray)}
            axes.text((len(columns) - 1) / 2, len(rows), with_spread(below[1][number]), **look)
        for between in range(1, count):
            axes.axhline(between - 0.5, color="white", lw=2)
        for between in range(1, len(columns)):
            axes.vlines(between - 0.5, -0.5, len(rows) - 0.5, color="white", lw=2)
        if number < len(own) and own[number]:
            first, last = np.min([*own[number]], axis=0), np.max([*own[number]], axis=0)
            corner, size = first[::-1] - 0.5, last[::-1] - first[::-1] + 1
            frame = Rectangle(tuple(corner), *size, fill=False, ec=INK, lw=2.5, clip_on=False, zorder=3)
            axes.add_patch(frame)
        names = [*rows, *([] if below is None else [below[0]])] if number == 0 else []
        axes.set_yticks(range(len(names)), names)
        axes.set_title(heading, fontsize=9, loc="left", weight="bold", color=INK)
    return figure


def means_of(cells: Cells) -> np.ndarray:
    """(R, C), the mean of each cell.

    Example:
        >>> means_of([[[0.2, 0.4], [1.0]]]).round(1).tolist()
        [[0.3, 1.0]]
    """
    return np.array([[np.mean(cell) for cell in row] for row in cells])


def shaded(shares: np.ndarray | np.floating[Any], full: Any) -> np.ndarray:
    """(..., 3): from white for none to nearly the full color, RGB 0..1, for all.

    Example:
        >>> shaded(np.array([0.0, 1.0]), (1.0, 0.0, 0.0)).round(1).tolist()
        [[1.0, 1.0, 1.0], [1.0, 0.1, 0.1]]
    """
    dark: np.ndarray = 1 - 0.9 * np.asarray(shares)[..., None] * (1 - np.asarray(full))
    return dark


def draw_cells(axes: Axes, cells: Cells, shades: np.ndarray, columns: Sequence[str]) -> None:
    """Draws cells in shades (R or more, C, 3), each with its mean and spread, below the columns' names."""
    axes.imshow(shades, aspect="auto")
    without_spines(axes)
    for row, column in np.ndindex(len(cells), len(columns)):
        ink = ink_on(shades[row, column])
        axes.text(column, row, with_spread(cells[row][column]), ha="center", va="center", color=ink)
    axes.tick_params(length=0, labeltop=True, labelbottom=False)
    axes.set_xticks(range(len(columns)), columns)


def tables_in_words(panels: Mapping[str, Cells], *, rows: Sequence[str], columns: Sequence[str]) -> str:
    """The means of a figure of `tables`, for those who cannot see it.

    Example:
        >>> tables_in_words({"action": [[[0.8], [0.9]]]}, rows=["motion part"], columns=["R@1", "probe"])
        'action: motion part R@1 0.80, probe 0.90.'
    """
    lines = []
    for heading, cells in panels.items():
        words = (
            f"{name} " + ", ".join(f"{column} {np.mean(cell):.2f}" for column, cell in zip(columns, row))
            for name, row in zip(rows, cells, strict=True)
        )
        lines.append(f"{heading}: " + "; ".join(words) + ".")
    return " ".join(lines)
