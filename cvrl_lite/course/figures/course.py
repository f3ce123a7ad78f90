"""The map of the course."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from cvrl_lite.course.figures.style import COLORS, INK, new

_BOXES = {  # name: (x, y, width, height), words, role
    "file": ((0.0, 1.3, 1.5, 1.4), "a video file\n\n02", ""),
    "I": ((2.2, 2.9, 1.6, 0.9), "key frames:\nwhat stays  02", "context"),
    "MV": ((2.2, 1.55, 1.6, 0.9), "motion vectors:\nwhat moves  03", "motion"),
    "R": ((2.2, 0.2, 1.6, 0.9), "residual:\nwhat is new  04", "residual"),
    "ctx": ((4.5, 2.9, 1.7, 0.9), "match the clip with\nits key frame  07", "context"),
    "mot": ((4.5, 1.55, 1.7, 0.9), "predict the vectors\nto come  08", "motion"),
    "res": ((4.5, 0.2, 1.7, 0.9), "optional, later:\na third task  13", "residual"),
    "net": ((6.9, 1.3, 1.4, 1.4), "one network\nlearns both\n\n01  05\n06  09", "joint"),
    "eval": ((9.0, 2.9, 1.7, 0.9), "how good, how sure?\n10  11", ""),
    "abl": ((9.0, 1.55, 1.7, 0.9), "which part does it?\n12", ""),
    "own": ((9.0, 0.2, 1.7, 0.9), "your own videos\n14", ""),
}
_ARROWS = (
    *(("file", "I"), ("file", "MV"), ("file", "R"), ("I", "ctx"), ("MV", "mot"), ("R", "res")),
    *(("ctx", "net"), ("mot", "net"), ("res", "net"), ("net", "eval"), ("net", "abl"), ("net", "own")),
)


def course_map() -> Figure:
    """The way through the course: from a file to what was learned; dashed is what the paper leaves out.

    Returns:
        The figure.

    Example:
        >>> course_map().get_suptitle()
        'From a file to a network that knows what stays and what moves (numbers: notebooks)'
    """
    figure = new(
        "From a file to a network that knows what stays and what moves (numbers: notebooks)", size=(10, 3.9)
    )
    axes = figure.axes[0]
    axes.set_axis_off()
    axes.set(xlim=(-0.1, 10.8), ylim=(0, 4))
    for (x, y, width, height), words, role in _BOXES.values():
        color, line = COLORS.get(role, "#777777"), "--" if role == "residual" else "-"
        axes.add_patch(
            FancyBboxPatch(
                (x, y), width, height, "round,pad=0.05", fc=f"{color}30", ec=color, lw=1.8, ls=line
            )
        )
        axes.text(x + width / 2, y + height / 2, words, ha="center", va="center", fontsize=9, color=INK)
    for start, end in _ARROWS:
        optional = "residual" in (_BOXES[start][2], _BOXES[end][2])
        _arrow(axes, _BOXES[start][0], _BOXES[end][0], "--" if optional else "-")
    return figure


def _arrow(axes: Axes, start: tuple[float, ...], end: tuple[float, ...], line: str) -> None:
    """From the right side of one box to the left side of another."""
    tail = (start[0] + start[2] + 0.07, start[1] + start[3] / 2)
    head = (end[0] - 0.07, end[1] + end[3] / 2)
    axes.annotate("", head, tail, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1, "ls": line})
