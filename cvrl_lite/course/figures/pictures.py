"""Frames and picture types as figures.

Axes: T time, H W pixels, Q queries, K neighbors.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from cvrl_lite.course.figures.style import COLORS, HATCHES, INK, color_of, new

_EARLY_TO_LATE = LinearSegmentedColormap.from_list("early to late", [COLORS["context"], COLORS["motion"]])
_MOST_LETTERS = 30  # bars with a letter above each; of a longer strip, only I-frames have one


def gop_strip(
    picture_types: Sequence[str] | np.ndarray,
    sizes: Sequence[int] | np.ndarray,
    *,
    numbers: bool = False,
    title: str = "",
) -> Figure:
    """One bar a frame: its type and how many bytes it takes.

    Args:
        picture_types: (T,) of "I", "P", "B", in display order.
        sizes: (T,) bytes.
        numbers: Above each bar of a short strip stand its bytes, not the letter of its type.
        title: The finding; where empty, it says how many bytes the I-frames take.

    Returns:
        The figure.

    Raises:
        ValueError: Not one size for each type.

    Example:
        >>> gop_strip("IPPIPP", [900, 50, 50, 900, 50, 50]).get_suptitle()
        'I-frames: 2 of 6 frames, 90 % of the bytes'
    """
    types, bytes_ = np.array(list(picture_types)), np.asarray(sizes)
    if len(types) != len(bytes_):
        raise ValueError(f"{len(types)} picture types do not go with {len(bytes_)} sizes")
    intra = types == "I"
    share = round(100 * float(bytes_[intra].sum() / bytes_.sum()))
    title = title or f"I-frames: {intra.sum()} of {len(types)} frames, {share} % of the bytes"
    figure = new(title, size=(9.5, 2.8))
    axes = figure.axes[0]
    draw_gop_strip(axes, types, bytes_)
    every = len(types) <= _MOST_LETTERS
    if every or intra.sum() <= _MOST_LETTERS:
        above: Any = {"xytext": (0, 1.5), "textcoords": "offset points", "ha": "center", "va": "bottom"}
        for place, words in enumerate(bytes_ if numbers else types):
            if every or intra[place]:
                axes.annotate(str(words), (place, bytes_[place]), **above, fontsize=7, color=INK)
        axes.set_ylim(0, 1.1 * bytes_.max())
    return figure


def draw_gop_strip(axes: Axes, types: np.ndarray, sizes: np.ndarray) -> None:
    """Draws the bars of `gop_strip` into a panel, with their legend but without letters."""
    places = np.arange(len(types))
    for kind in "IPB":
        chosen = types == kind
        if chosen.any():
            look: Any = {"color": COLORS[kind], "hatch": HATCHES[kind], "ec": "white", "lw": 0}
            axes.bar(places[chosen], sizes[chosen], 0.85, label=f"{kind} ({chosen.sum()})", **look)
    axes.set(xlim=(-0.7, len(types) - 0.3), xlabel="frame, in display order", ylabel="bytes")
    axes.legend(ncols=3, frameon=False, loc="lower right", bbox_to_anchor=(1, 0.98))


def filmstrip(
    frames: Sequence[np.ndarray] | np.ndarray,
    *,
    labels: Sequence[str] = (),
    title: str = "",
    columns: int = 8,
) -> Figure:
    """Pictures side by side, row after row.

    Args:
        frames: T pictures (H, W, 3) uint8 RGB.
        labels: A caption for each; none where empty.
        title: What they show.
        columns: Pictures a row, at most.

    Returns:
        The figure.

    Raises:
        ValueError: No frames, or not one label for each.

    Example:
        >>> len(filmstrip(np.zeros((3, 8, 8, 3), np.uint8)).axes)
        3
    """
    if not len(frames) or (labels and len(labels) != len(frames)):
        raise ValueError(f"{len(labels)} labels do not go with {len(frames)} frames")
    columns = min(columns, len(frames))
    rows = -(-len(frames) // columns)
    height = rows * 9.5 / columns * frames[0].shape[0] / frames[0].shape[1] + (0.35 if title else 0)
    height += 0.22 * sum(any(labels[row * columns : (row + 1) * columns]) for row in range(rows))
    figure = new(title, rows=rows, columns=columns, size=(9.5, height))
    for place, axes in enumerate(figure.axes):
        axes.set_axis_off()
        if place < len(frames):
            axes.imshow(frames[place])
            if labels:
                axes.set_title(labels[place], fontsize=8)
    return figure


def contact_sheet(images: Mapping[str, np.ndarray | None], *, title: str = "", columns: int = 9) -> Figure:
    """A folder at a glance: one small picture of each file, as photographers print their films.

    Args:
        images: `{name: (H, W, 3) uint8 RGB}`, of any sizes; None for a file that shows nothing.
        title: What the sheet shows.
        columns: Pictures a row, at most.

    Returns:
        The figure, with each name below its picture and a question mark where there is none.

    Raises:
        ValueError: No images.

    Example:
        >>> sheet = contact_sheet({"a.mp4": np.zeros((8, 8, 3), np.uint8), "b.mp4": None})
        >>> [text.get_text() for text in sheet.axes[1].texts]
        ['?']
    """
    if not images:
        raise ValueError("no images for a contact sheet")
    columns = min(columns, len(images))
    rows = -(-len(images) // columns)
    figure = new(title, rows=rows, columns=columns, size=(9.5, rows * (9.5 / columns + 0.16) + 0.4))
    for axes in figure.axes:
        axes.set_axis_off()
    for axes, (name, image) in zip(figure.axes, images.items(), strict=False):
        if image is None:
            axes.imshow(np.full((8, 8, 3), 225, np.uint8))
            axes.text(0.5, 0.5, "?", transform=axes.transAxes, ha="center", va="center", size=18, color=INK)
        else:
            axes.imshow(image)
        axes.set_title(name, fontsize=7, y=-0.2)
    return figure


def long_exposure(frames: np.ndarray) -> np.ndarray:
    """A clip as one picture, as a camera with its shutter open would take it: what moves leaves a trail.

    Args:
        frames: (T, H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8, the mean over time.

    Example:
        >>> long_exposure(np.array([0, 100], np.uint8).reshape(2, 1, 1, 1)).item()
        50
    """
    exposed: np.ndarray = np.mean(frames, axis=0).astype(np.uint8)
    return exposed


def grayed(frame: np.ndarray) -> np.ndarray:
    """A frame in pale gray, a ground on which colors stand out.

    Args:
        frame: (H, W, 3) uint8 RGB.

    Returns:
        (H, W, 3) uint8.

    Example:
        >>> grayed(np.array([[[0, 0, 0], [255, 255, 255]]], np.uint8))[0, :, 0].tolist()
        [165, 241]
    """
    pale: np.ndarray = (165 + 0.3 * frame.mean(2, keepdims=True)).repeat(3, 2).astype(np.uint8)
    return pale


def add_ways(axes: Axes, places: np.ndarray, *, aside: float = 0) -> None:
    """Draws over the image of a panel which way each shape goes, with an arrowhead where it ends.

    Args:
        axes: A panel that shows one image.
        places: (T, N, 2) pixels, x right and y down from the upper left corner. Where a shape leaves at one
            border and enters at the other, its line is broken.
        aside: Pixels by which lines keep to the right, so that there and back can be told apart.

    Example:
        >>> figure, places = filmstrip([np.zeros((64, 64, 3))]), np.array([[[1, 4]], [[9, 4]], [[60, 4]]])
        >>> add_ways(figure.axes[0], places)
        >>> len(figure.axes[0].collections[-1].get_segments())
        1
    """
    axes.autoscale(False)  # what lies outside the image is left out
    most = max(axes.images[0].get_size()) / 2
    for way in places.swapaxes(0, 1):
        whole = np.abs(np.diff(way, axis=0)).max(1) < most
        if aside:
            right, down = np.gradient(way, axis=0).T
            speed = np.hypot(right, down)  # where a shape turns back, it is low, and there and back meet
            most_often = np.maximum(speed, max(1e-6, float(np.median(speed))))
            way = way + aside * np.stack([-down, right], 1) / most_often[:, None]
        steps = np.stack([way[:-1], way[1:]], 1)  # (T - 1, 2, 2), from and to
        times = np.linspace(0, 1, len(steps))[whole]
        steps = steps[whole]
        look: Any = {"capstyle": "round"}
        axes.add_collection(LineCollection(list(steps), color="white", lw=4, **look))
        axes.add_collection(LineCollection(list(steps), color=_EARLY_TO_LATE(times), lw=2, **look))
        right, down = way[-1] - way[-2]
        head: Any = {"marker": (3, 0, np.degrees(np.arctan2(-down, right)) - 90), "ms": 7, "mec": "white"}
        axes.plot(*way[-1], color=COLORS["motion"], mew=0.6, **head)


def close_up(axes: Axes, places: np.ndarray, *, side: float) -> None:
    """Enlarges the square of an image that holds the longest ways from end to end, all taken together.

    Args:
        axes: A panel that shows one image.
        places: (T, N, 2) pixels, as for `add_ways`.
        side: Pixels of the square.

    Example:
        >>> figure, places = filmstrip([np.zeros((64, 64, 3))]), np.array([[[40, 50]], [[44, 50]]])
        >>> close_up(figure.axes[0], places, side=32)
        >>> [float(edge) for edge in figure.axes[0].get_xlim()]
        [23.5, 55.5]
    """
    height, width = axes.images[0].get_size()
    first, last = places.min(0), places.max(0)  # (N, 2)

    def held(corner: tuple[float, float]) -> tuple[float, float]:
        inside = ((first - corner >= 4) & (last - corner <= side - 4)).all(1)
        middle = (first + last)[inside].mean(0) / 2 - corner - side / 2 if inside.any() else np.zeros(2)
        return np.hypot(*(last - first)[inside].T).sum().round(), -np.abs(middle).max()

    down, right = (np.arange(0, pixels - side + 0.1, 4) - 0.5 for pixels in (height, width))
    left, top = max(itertools.product(right, down), key=held)
    axes.set(xlim=(left, left + side), ylim=(top + side, top))


def tracks(
    clips: Sequence[np.ndarray],
    places: Sequence[np.ndarray],
    *,
    labels: Sequence[str] = (),
    title: str = "",
    columns: int = 8,
) -> Figure:
    """Clips as pale stills, each with a dot for every frame where a shape's center was.

    Args:
        clips: (T, H, W, 3) uint8 RGB each; the last frame is shown.
        places: (T, N, 2) pixels for each clip, x right and y down from the upper left corner.
        labels: A caption for each; none where empty.
        title: What they show.
        columns: Pictures a row, at most.

    Returns:
        The figure; dots go from blue and small, early, to orange and large, late. Where a shape rests, its
        dots lie on one another.

    Raises:
        ValueError: No clips, or not one label for each.

    Example:
        >>> clip, places = np.zeros((3, 8, 8, 3), np.uint8), np.array([[[1, 4]], [[2, 4]], [[3, 4]]])
        >>> figure = tracks([clip], [places], title="One shape goes to the right")
        >>> figure.axes[0].collections[0].get_offsets()[:, 0].tolist()
        [1.0, 2.0, 3.0]
    """
    figure = filmstrip([grayed(clip[-1]) for clip in clips], labels=labels, title=title, columns=columns)
    for axes, way in zip(figure.axes, places, strict=False):
        times = np.linspace(0, 1, len(way)).repeat(way.shape[1])
        look: Any = {"c": times, "cmap": _EARLY_TO_LATE, "s": 4 + 14 * times, "lw": 0}
        axes.autoscale(False)  # centers outside the picture are left out
        axes.scatter(*way.reshape(-1, 2).T, **look)
    return figure


def neighbors(
    queries: np.ndarray,
    found: np.ndarray,
    query_labels: Sequence[str],
    found_labels: Sequence[Sequence[str]],
    *,
    title: str = "",
    rows: Mapping[str, str | None] | None = None,
    side: float = 1.45,
) -> Figure:
    """What a search brought up: a query on the left of each row, its nearest neighbors beside it.

    Args:
        queries: (Q, H, W, 3) uint8 RGB.
        found: (Q, K, H, W, 3) uint8 RGB, nearest first.
        query_labels: Q names.
        found_labels: Q times K names. A neighbor with the query's name gets a tick and a solid frame, any
            other a cross and a dotted one. A name of several lines is a label a line, each marked by itself.
        title: The finding; where empty, it counts the ticks.
        rows: `{name: role}` of the Q rows, written at their left in the color of the role.
        side: Inches for each picture.

    Returns:
        The figure.

    Example:
        >>> pictures = np.zeros((1, 2, 8, 8, 3), np.uint8)
        >>> neighbors(pictures[:, 0], pictures, ["rings"], [["rings", "dots"]]).get_suptitle()
        '1 of 2 neighbors agree with their query'
    """
    count, columns = found.shape[:2]
    same = [[name == wanted for name in names] for wanted, names in zip(query_labels, found_labels)]
    title = title or f"{sum(map(sum, same))} of {count * columns} neighbors agree with their query"
    figure = new(
        title, rows=count, columns=columns + 1, size=(side * (columns + 1), (side + 0.23) * count + 0.4)
    )
    for row in range(count):
        panels = figure.axes[row * (columns + 1) : (row + 1) * (columns + 1)]
        _framed(panels[0], queries[row], f"query: {query_labels[row]}", "-", 0.0)
        for column, axes in enumerate(panels[1:]):
            right = same[row][column]
            lines = zip(query_labels[row].split("\n"), found_labels[row][column].split("\n"))
            words = "\n".join(f"{'✓' if name == wanted else '✗'} {name}" for wanted, name in lines)
            _framed(axes, found[row, column], words, "-" if right else ":", 2.5)
    for row, (name, role) in enumerate((rows or {}).items()):
        axes = figure.axes[row * (columns + 1)]
        axes.set_ylabel(name, color=color_of(role) if role else INK, fontweight="bold")
    return figure


def _framed(axes: Axes, picture: np.ndarray, words: str, line: str, width: float) -> None:
    axes.imshow(picture)
    axes.set_title(words, fontsize=8)
    axes.set(xticks=[], yticks=[])
    for spine in axes.spines.values():
        spine.set(visible=width > 0, linestyle=line, linewidth=width, color=INK)
