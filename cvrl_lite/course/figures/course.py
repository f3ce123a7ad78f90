"""The map of the course, and the networks that it trains."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from cvrl_lite.course.figures.style import COLORS, INK, ink_on, new, without_spines
from cvrl_lite.course.figures.vectors import draw_arrows

_BOXES = {  # name: (x, y, width, height), words and the notebooks, role
    "file": ((0.0, 1.15, 1.5, 1.7), "a video file  02", ""),
    "I": ((2.2, 2.9, 2.3, 0.9), "key frames:\nwhat stays  02", "context"),
    "MV": ((2.2, 1.55, 2.3, 0.9), "vectors:\nwhat moves  03", "motion"),
    "R": ((2.2, 0.2, 2.3, 0.9), "residual:\nwhat is new  04", "residual"),
    "ctx": ((5.2, 2.9, 1.8, 0.9), "match the clip with\nits key frame  07", "context"),
    "mot": ((5.2, 1.55, 1.8, 0.9), "predict the vectors\nto come  08", "motion"),
    "res": ((5.2, 0.2, 1.8, 0.9), "optional, later:\na third task  13", "residual"),
    "first": ((0.0, 3.2, 1.5, 0.6), "the result first:\nwhat it can do  01", ""),
    "net": ((7.75, 1.4, 1.5, 1.2), "one network\nlearns both  09", "joint"),
    "tools": ((7.75, 0.25, 1.5, 0.8), "what it needs:\nclips, a loss  05 06", ""),
    "eval": ((10.0, 2.9, 1.8, 0.9), "how good,\nhow sure?  10 11", ""),
    "abl": ((10.0, 1.55, 1.8, 0.9), "which part\ndoes it?  12", ""),
    "own": ((10.0, 0.2, 1.8, 0.9), "real video,\nand yours  14 15", ""),
}
_ARROWS = (
    *(("file", "I"), ("file", "MV"), ("file", "R"), ("I", "ctx"), ("MV", "mot"), ("R", "res")),
    *(("ctx", "net"), ("mot", "net"), ("res", "net"), ("net", "eval"), ("net", "abl"), ("net", "own")),
)


_PICTURED = ("file", "I", "MV", "R")

_Place = tuple[float, float, float, float]
_NETWORK: dict[str, dict[str, tuple[_Place, str, str]]] = {  # part: {name: as above}
    "file": {"file": ((0.0, 2.1, 1.2, 0.9), "video file", "")},
    "sample": {
        "frame": ((2.0, 4.0, 1.9, 0.9), "key frame\n3 x 64 x 64", "context"),
        "clip": ((2.0, 2.1, 1.9, 0.9), "clip\n3 x 8 x 64 x 64", ""),
        "vectors": ((2.0, -0.05, 1.9, 0.9), "future vectors\n3 x 8 x 16 x 16", "motion"),
    },
    "encoders": {
        "frames": ((4.9, 4.0, 1.9, 0.9), "context encoder\n+ head", "context"),
        "windows": ((4.9, -0.05, 1.9, 0.9), "motion encoder\n+ head", "motion"),
    },
    "backbone": {
        "shared": ((4.9, 2.1, 1.2, 0.9), "shared\nlayers", "joint"),
        "still": ((7.8, 2.8, 1.3, 0.8), "context\nbranch", "context"),
        "moving": ((7.8, 1.5, 1.3, 0.8), "motion\nbranch", "motion"),
    },
    "heads": {
        "head": ((10.3, 2.8, 1.2, 0.8), "head", "context"),
        "predictor": ((10.3, 1.5, 1.2, 0.8), "predictor\n+ head", "motion"),
    },
    "losses": {
        "which frame": ((12.4, 3.4, 1.7, 0.9), "loss: which\nkey frame?", "context"),
        "which motion": ((12.4, 0.8, 1.7, 0.9), "loss: which\nmotion?", "motion"),
    },
}
_FLOW = (
    *(("file", "frame", ""), ("file", "clip", ""), ("file", "vectors", "")),
    *(("frame", "frames", ""), ("clip", "shared", ""), ("vectors", "windows", "")),
    *(("shared", "still", ""), ("shared", "moving", "")),
    *(("still", "head", "128"), ("moving", "predictor", "128 x\n2 x 4 x 4")),
    *(("head", "which frame", "128"), ("frames", "which frame", "128")),
    *(("predictor", "which motion", "16 x\n128"), ("windows", "which motion", "16 x 128")),
)


def course_map(
    frame: np.ndarray | None = None,
    key: np.ndarray | None = None,
    vectors: np.ndarray | None = None,
    mask: np.ndarray | None = None,
    residual: np.ndarray | None = None,
) -> Figure:
    """The way through the course: from a file to what was learned; dashed is what the paper leaves out.

    Args:
        frame: (H, W, 3) uint8 RGB, shown in the box of the file; no pictures where None.
        key: The same part of a key frame, shown in its box.
        vectors: (2, H8, W8) pixels of that frame, pointing back.
        mask: (H8, W8) bool.
        residual: (H, W) luma levels.

    Returns:
        The figure; numbers in circles are those of the notebooks.

    Example:
        >>> course_map().get_suptitle()
        'One file teaches two lessons: what stays and what moves'
    """
    figure = new("One file teaches two lessons: what stays and what moves", size=(11, 3.9))
    axes = figure.axes[0]
    axes.set_axis_off()
    axes.set(xlim=(-0.1, 11.9), ylim=(-0.05, 4.05))
    for name, (place, words, role) in _BOXES.items():
        x, y, width, height = place
        text, *numbers = re.split(r"  ?(?=\d\d)", words)
        _box(axes, place, "" if frame is not None and name in _PICTURED else text, role)
        for count, number in enumerate(reversed(numbers)):
            circle: Any = {"boxstyle": "circle,pad=0.2", "fc": "white", "ec": INK, "lw": 0.8}
            axes.text(
                x + width - 0.1 - 0.36 * count,
                y + height,
                number,
                ha="center",
                va="center",
                fontsize=7,
                bbox=circle,
            )
        if frame is not None and name in _PICTURED:
            corner = (x + 0.3, y + 0.65, 0.9) if name == "file" else (x + 0.05, y + 0.05, height - 0.1)
            inset = axes.inset_axes((*corner, corner[2]), transform=axes.transData)
            inset.set_axis_off()
            if name == "MV" and vectors is not None and mask is not None:
                draw_arrows(inset, frame, vectors, mask, 10, width=0.025, every=3)
                for dots in list(inset.lines):  # too many for so small a picture
                    dots.remove()
            elif name == "R" and residual is not None:
                inset.imshow(residual, cmap="BrBG", vmin=-8, vmax=8, interpolation="nearest")
            else:
                inset.imshow(key if name == "I" and key is not None else frame)
            center = (
                (x + width / 2, y + 0.3)
                if name == "file"
                else (x + height + (width - height) / 2, y + height / 2)
            )
            axes.text(*center, text, ha="center", va="center", fontsize=9, color=INK)
    for start, end in _ARROWS:
        optional = "residual" in (_BOXES[start][2], _BOXES[end][2])
        _arrow(axes, _BOXES[start][0], _BOXES[end][0], "--" if optional else "-")
    return figure


def pairs(
    panels: Mapping[str, np.ndarray], rows: Sequence[str], columns: Sequence[str], *, title: str
) -> Figure:
    """How often each two labels come together, for several sets of clips.

    Args:
        panels: `{caption: (R, C) counts}`.
        rows: R names.
        columns: C names.
        title: The finding.

    Returns:
        The figure: dark is often.

    Example:
        >>> figure = pairs({"ours": np.ones((2, 3), int)}, ["a", "b"], ["x", "y", "z"], title="All alike")
        >>> figure.axes[0].get_title()
        'ours'
    """
    figure = new(title, columns=len(panels), size=(4.6 * len(panels), 0.9 + 0.22 * len(rows)))
    most = np.sqrt(max(counts.max() for counts in panels.values()))
    for axes, (caption, counts) in zip(figure.axes, panels.items(), strict=True):
        look: Any = {"cmap": "Greys", "vmin": 0, "vmax": most, "edgecolors": "white", "linewidth": 0.8}
        shades = axes.pcolormesh(np.sqrt(counts), **look)
        without_spines(axes)
        for row, column in np.ndindex(*counts.shape):
            color = ink_on(shades.to_rgba(np.sqrt(counts[row, column])))
            words: Any = {"ha": "center", "va": "center", "fontsize": 8, "color": color}
            axes.text(column + 0.5, row + 0.5, str(counts[row, column]), **words)
        axes.invert_yaxis()
        axes.set_title(caption, fontsize=9)
        axes.tick_params(length=0)
        axes.set_xticks(np.arange(len(columns)) + 0.5, columns, rotation=40, ha="right", fontsize=8)
        names = rows if axes is figure.axes[0] else [""] * len(rows)
        axes.set_yticks(np.arange(len(rows)) + 0.5, names, fontsize=8)
    return figure


def architecture(parts: Collection[str] = tuple(_NETWORK), *, shapes: bool = True, title: str = "") -> Figure:
    """From a file to two losses: what is trained, with the shapes of `laptop`'s tensors, without the batch.

    Args:
        parts: Which are lit: "file", "sample", "encoders", "backbone", "heads", "losses", single
            boxes of these, such as "predictor", and "context" or "motion" for all that one task passes
            through; others are pale, and so are the arrows from and to them.
        shapes: Whether the tensors' shapes are written on the boxes and arrows.
        title: What to look at.

    Returns:
        The figure.

    Raises:
        ValueError: There is no such part.

    Example:
        >>> len(architecture(["backbone"], title="What is kept").axes)
        1
    """
    known = (*_NETWORK, *(name for group in _NETWORK.values() for name in group), "context", "motion")
    if unknown := set(parts) - set(known):
        raise ValueError(f"no part {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    path = {"file", "clip", "shared"} if {"context", "motion"} & set(parts) else set()
    figure = new(title, size=(10, 3.9))
    axes = figure.axes[0]
    axes.set_axis_off()
    axes.set(xlim=(-0.1, 14.3), ylim=(-0.2, 5.2))
    boxes = {name: (part, *box) for part, group in _NETWORK.items() for name, box in group.items()}
    lit = {name for name, (part, *_, role) in boxes.items() if {part, role, name} & {*parts, *path}}
    for name, (_, place, words, role) in boxes.items():
        words = words if shapes else re.sub(r"\n\d+ x .*", "", words)
        _box(axes, place, words, role, pale=name not in lit)
    axes.add_patch(Rectangle((4.6, 1.3), 4.75, 2.5, fill=False, ec=INK, ls=":", lw=1.2))
    axes.text(6.975, 1.05, "the backbone: all that is kept", ha="center", fontsize=8, color=INK)
    if shapes:
        ink = INK if "shared" in lit else "#8C8C8C"
        axes.text(7.15, 2.55, "48 x 8 x\n16 x 16", ha="center", va="center", fontsize=7, color=ink)
    for start, end, shape in _FLOW:
        pale = bool({start, end} - lit)
        _arrow(axes, boxes[start][1], boxes[end][1], "-", shape if shapes else "", pale=pale)
    return figure


def _box(
    axes: Axes, place: tuple[float, float, float, float], words: str, role: str, *, pale: bool = False
) -> None:
    x, y, width, height = place
    color, line = COLORS.get(role, "#777777"), "--" if role == "residual" else "-"
    fill, edge = (f"{color}0C", f"{color}40") if pale else (f"{color}30", color)
    axes.add_patch(FancyBboxPatch((x, y), width, height, "round,pad=0.05", fc=fill, ec=edge, lw=1.8, ls=line))
    center = x + width / 2, y + height / 2
    axes.text(*center, words, ha="center", va="center", fontsize=9, color=INK, alpha=0.4 if pale else 1)


def _arrow(
    axes: Axes,
    start: tuple[float, ...],
    end: tuple[float, ...],
    line: str,
    words: str = "",
    *,
    pale: bool = False,
) -> None:
    """From the right side of one box to the left side of another, with words beside."""
    line_color, ink = ("#BBBBBB", "#8C8C8C") if pale else (INK, INK)
    tail = (start[0] + start[2] + 0.07, start[1] + start[3] / 2)
    head = (end[0] - 0.07, end[1] + end[3] / 2)
    axes.annotate("", head, tail, arrowprops={"arrowstyle": "-|>", "color": line_color, "lw": 1, "ls": line})
    middle = (tail[0] + head[0]) / 2, (tail[1] + head[1]) / 2
    slope = (head[1] - tail[1]) / (head[0] - tail[0])
    side = "center" if abs(slope) < 0.3 else "right" if slope > 0 else "left"
    offset = (4, 0) if slope < -0.3 else (0, 3)
    axes.annotate(words, middle, offset, textcoords="offset points", ha=side, fontsize=7, color=ink)
