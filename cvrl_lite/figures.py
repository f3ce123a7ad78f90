"""Pictures over plain arrays, in one style: the title states the finding, one colour stands for one role.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels, Q queries, K neighbours.

Colours are told apart by every common kind of colour vision, and never stand alone: a letter, a hatch, a
mark or a place says the same.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import Patch

COLOURS = {
    "context": "#0072B2",
    "motion": "#D55E00",
    "residual": "#009E73",
    "joint": "#CC79A7",
    "untrained": "#BDBDBD",
    "I": "#56B4E9",
    "P": "#E69F00",
    "B": "#5D3A9B",
}
"""The colour of each role, all through the course (after Okabe and Ito)."""

HATCHES = {"I": "", "P": "///", "B": "..."}
"""The hatch that goes with a picture type's colour."""

STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "hatch.linewidth": 0.5,
    "savefig.dpi": 110,
}
"""Matplotlib settings of every figure here; `matplotlib.rcParams.update(STYLE)` takes them over."""

_INK = "#333333"
_MODELS = ("untrained", "context", "motion", "joint")
_MEASURES = ("R@1", "linear")


def new(title: str, *, rows: int = 1, columns: int = 1, size: tuple[float, float] = (7.5, 3)) -> Figure:
    """An empty figure in the course's style.

    Args:
        title: What the figure shows to be so.
        rows: Of panels.
        columns: Of panels.
        size: Width and height in inches.

    Returns:
        A figure whose panels are in `figure.axes`. It belongs to no window and needs no closing.

    Example:
        >>> len(new("Two panels, side by side", columns=2).axes)
        2
    """
    with rc_context(STYLE):
        figure = Figure(figsize=size, layout="constrained")
        figure.subplots(rows, columns)
        figure.suptitle(title, x=0.01, ha="left")
    return figure


def png(figure: Figure) -> bytes:
    """The figure as a PNG file."""
    file = io.BytesIO()
    with rc_context(STYLE):
        figure.savefig(file, format="png", metadata={"Software": None})
    return file.getvalue()


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


def decoupling(result: Mapping[str, Mapping[str, Mapping[str, float]]]) -> Figure:
    """The table of the whole course as a picture: what each training knows of scene and action.

    Args:
        result: `{model: {"scene": {"R@1": 0..1, "linear": 0..1}, "action": {...}}}` for any of untrained,
            context, motion and joint, and `"chance"`.

    Returns:
        A panel for scenes and one for actions; the title is `decoupling_finding(result)`.

    Example:
        >>> row = {"scene": {"R@1": 0.5, "linear": 0.6}, "action": {"R@1": 0.1, "linear": 0.2}}
        >>> len(decoupling({"context": row, "chance": row}).axes)
        2
    """
    models = [name for name in _MODELS if name in result]
    labels = list(result[models[0]])
    figure = new(decoupling_finding(result), columns=len(labels), size=(8, 3.4))
    for axes, label in zip(figure.axes, labels):
        for place, model in enumerate(models):
            for side, measure in enumerate(_MEASURES):
                value, x = result[model][label][measure], place + 0.4 * (side - 0.5)
                hatch = "" if side == 0 else "///"
                axes.bar(x, value, 0.38, color=COLOURS[model], alpha=1 - 0.35 * side, hatch=hatch, ec="white")
                axes.text(x, value + 0.015, f"{value:.2f}".lstrip("0"), ha="center", va="bottom", fontsize=8)
        chance = result["chance"][label]["R@1"]
        axes.axhline(chance, color=_INK, ls="--", lw=1)
        axes.text(len(models) - 0.5, chance + 0.01, "chance", ha="left", va="bottom", fontsize=8)
        axes.set(ylim=(0, 1.1), xlim=(-0.5, len(models)))
        axes.set_title(f"knows the {label}?", loc="left")
        axes.set_xticks(range(len(models)), models)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    figure.axes[0].set_ylabel("share right")
    keys = [Patch(fc="#666666"), Patch(fc="#666666", alpha=0.65, hatch="///", ec="white")]
    names = ["R@1: the nearest clip agrees", "linear: a linear probe agrees"]
    figure.legend(keys, names, loc="outside lower center", ncols=2, frameon=False)
    return figure


def decoupling_finding(result: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """What a decoupling table shows, in one line, read from its values.

    Args:
        result: As for `decoupling`.

    Returns:
        Whether each task teaches its own label (at least .1 above the other task by either measure), and
        whether joint training keeps it (at least .8 of the single task by either measure).

    Example:
        >>> knows, not_ = {"R@1": 0.9, "linear": 0.9}, {"R@1": 0.1, "linear": 0.1}
        >>> context, motion = {"scene": knows, "action": not_}, {"scene": not_, "action": knows}
        >>> both = {"scene": knows, "action": knows}
        >>> decoupling_finding({"context": context, "motion": motion, "joint": both})
        'Context teaches the scene, motion the action; trained together, one vector keeps both'
    """
    if not {"context", "motion"} <= set(result):
        return "What each training knows of scene and action"
    own = {"scene": ("context", "motion"), "action": ("motion", "context")}

    def ahead(label: str) -> bool:
        mine, other = (result[model][label] for model in own[label])
        return all(mine[measure] >= other[measure] + 0.1 for measure in _MEASURES)

    def kept(label: str) -> bool:
        mine, joint = result[own[label][0]][label], result["joint"][label]
        return all(joint[measure] >= 0.8 * mine[measure] for measure in _MEASURES)

    taught = [label for label in own if ahead(label)]
    if not taught:
        return "Not trained long enough: neither task stands out at its own label"
    if len(taught) == 1:
        weak = "motion" if taught == ["scene"] else "context"
        return f"Only {own[taught[0]][0]} stands out so far, at the {taught[0]}; {weak} needs longer training"
    first = "Context teaches the scene, motion the action"
    if "joint" not in result:
        return first
    held = [label for label in own if kept(label)]
    if len(held) == 2:
        return f"{first}; trained together, one vector keeps both"
    if not held:
        return f"{first}; trained together, each loses part of its own"
    lost = "action" if held == ["scene"] else "scene"
    return f"{first}; trained together, the {held[0]} is kept, part of the {lost} lost"
