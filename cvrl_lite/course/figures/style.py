"""The style all figures share, one color for each role, and the way a figure comes into a notebook.

Colors are told apart by every common kind of color vision, and never stand alone: a letter, a hatch, a
mark or a place says the same.
"""

from __future__ import annotations

import io
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from cvrl_lite.files import replacing

COLORS = {
    "context": "#0072B2",
    "motion": "#D55E00",
    "residual": "#009E73",
    "joint": "#CC79A7",
    "untrained": "#BDBDBD",
    "I": "#56B4E9",
    "P": "#E69F00",
    "B": "#5D3A9B",
}
"""The color of each role, all through the course (after Okabe and Ito)."""

HATCHES = {"I": "", "P": "///", "B": "..."}
"""The hatch that goes with a picture type's color."""

STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "hatch.linewidth": 0.5,
    "savefig.dpi": 100,
}
"""Matplotlib settings of every figure here; `matplotlib.rcParams.update(STYLE)` takes them over."""

# Where the list of fonts has to be made first and that takes long, matplotlib says so on stderr; a notebook's
# outputs must not depend on it.
logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)

INK = "#333333"
"""Lines and letters."""

PLAIN = "#9AA5B1"
"""Bars and whiskers that stand for no role."""

NEUTRAL = ("#5A5A5A", "#8C8C8C", "#B8B8B8")
"""Curves that stand for no role, told apart by their dashes, too."""


def color_of(role: str | None) -> str:
    """The color of a role, one of the keys of `COLORS`; gray where it is None or no role.

    Example:
        >>> color_of("context"), color_of(None)
        ('#0072B2', '#9AA5B1')
    """
    return COLORS.get(role or "", PLAIN)


def ink_on(color: Any) -> str:
    """White or black, so that letters stand out from a color by a contrast of 4 to 1 or more.

    Args:
        color: What Matplotlib takes for one, like RGB in 0..1; transparency is not regarded.

    Example:
        >>> ink_on("black"), ink_on(COLORS["context"]), ink_on((0.87, 0.63, 0.38))
        ('white', 'white', 'black')
    """
    return "white" if contrast("white", color) >= 4 else "black"


def contrast(one: Any, other: Any) -> float:
    """How much two colors differ in luminance, 1 to 21, as the accessibility guidelines of the Web define it.

    Example:
        >>> round(contrast("white", "black"), 1)
        21.0
    """
    parts = np.array([to_rgb(one), to_rgb(other)])
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    darker, brighter = sorted(linear @ [0.2126, 0.7152, 0.0722] + 0.05)
    return float(brighter / darker)


def without_spines(axes: Axes) -> None:
    """Takes the lines at the left and below away from a panel that an image or a table fills."""
    axes.spines[:].set_visible(False)


def two_digits(value: float) -> str:
    """A number with two digits after the point and none before it, where that is a zero.

    Example:
        >>> two_digits(-0.256), two_digits(1)
        ('-.26', '1.00')
    """
    words = f"{value:.2f}".replace("0.", ".", 1) if abs(value) < 0.995 else f"{value:.2f}"
    return ".00" if words == "-.00" else words


def with_spread(values: Sequence[float] | np.ndarray) -> str:
    """The mean of some runs and, from three runs on, their standard deviation.

    Example:
        >>> with_spread([0.2, 0.4]), with_spread([0.2, 0.3, 0.4]), with_spread([1, 1, 1])
        ('.30', '.30 ± .10', '1.00 ± <.01')
    """
    mean = two_digits(float(np.mean(values)))
    if len(values) < 3:
        return mean
    deviation = float(np.std(values, ddof=1))
    return f"{mean} ± {'<.01' if deviation < 0.005 else two_digits(deviation)}"


def new(
    title: str,
    *,
    rows: int = 1,
    columns: int = 1,
    size: tuple[float, float] = (7.5, 3),
    widths: Sequence[float] | None = None,
) -> Figure:
    """An empty figure in the course's style.

    Args:
        title: What the figure shows to be so; none where empty.
        rows: Of panels.
        columns: Of panels.
        size: Width and height in inches.
        widths: Of the columns, relative to each other; all the same where None.

    Returns:
        A figure whose panels are in `figure.axes`. It belongs to no window and needs no closing.

    Example:
        >>> len(new("Two panels, side by side", columns=2).axes)
        2
    """
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        figure.subplots(rows, columns, width_ratios=widths)
        if title:
            figure.suptitle(title, x=0.01, ha="left")
    return figure


def png(figure: Figure) -> bytes:
    r"""The figure as a PNG file, without blank margins.

    Example:
        >>> png(new("An empty panel"))[:4]
        b'\x89PNG'
    """
    file = io.BytesIO()
    with rc_context(STYLE):
        figure.savefig(file, format="png", bbox_inches="tight", pad_inches=0.06, metadata={"Software": None})
    return file.getvalue()


def save(figure: Figure, path: str | os.PathLike[str], *, dpi: int) -> None:
    """Writes a figure to a file, which is there whole or as it was before.

    Args:
        figure: Of this module or of pyplot.
        path: Its suffix chooses the format: `.png`, `.svg`, `.pdf` ... PNG where it has none.
        dpi: Pixels an inch.

    Raises:
        OSError: It cannot be written, or its folder is not there.
        ValueError: Matplotlib knows no such format.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp(), "empty.svg")
        >>> save(new("An empty panel"), path, dpi=100)
        >>> "<svg" in path.read_text(encoding="utf-8")
        True
    """
    os.stat(Path(path).parent)  # a folder that is not there is a slip of the pen, and not made
    with replacing(path) as part:
        figure.savefig(part, format=Path(path).suffix.removeprefix(".") or "png", dpi=dpi)


def show(figure: Figure, alt: str) -> None:
    """Shows a figure in a notebook, with words for those who cannot see it, and closes it.

    Args:
        figure: Of this module or of pyplot.
        alt: What is to be seen, in a sentence or two.

    Raises:
        ValueError: `alt` is empty.

    Example:
        >>> show(new("Nothing yet"), "An empty panel.")  # doctest: +SKIP
    """
    if not alt.strip():
        raise ValueError("a figure needs an alternative text")
    import matplotlib.pyplot as plt
    from IPython.display import display

    data = {"image/png": png(figure), "text/plain": "<Figure>"}
    display(data, raw=True, metadata={"image/png": {"alt": alt}})
    plt.close(figure)  # else a figure of pyplot would be shown a second time at the cell's end
