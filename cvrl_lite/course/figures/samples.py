"""How a training sample lies in its video, what the networks see of a batch, and what color alone tells.

Axes: N frames of a video, T frames of a clip, K key frames, B batch, M motion maps, H W pixels, G cells.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from cvrl_lite.course.figures.style import COLORS, INK, color_of, new, without_spines

_LANES = ("the file", "clip", "key frame", "near future")


def sample_timeline(
    times: np.ndarray,
    keys: np.ndarray,
    *,
    clip: np.ndarray,
    key: int,
    windows: Sequence[int],
    length: int,
    title: str = "",
) -> Figure:
    """Where one sample lies in its video: a lane for each of its parts.

    Args:
        times: (N,) seconds, rising.
        keys: (K,) numbers of the key frames.
        clip: (T,) numbers of the clip's frames.
        key: Number of the sample's key frame.
        windows: First frame of each motion window; the near future first, then the others.
        length: Maps of a window, one a frame.
        title: The finding; where empty, the frames that the clip and the near future take.

    Returns:
        The figure, with frame numbers below and seconds above. In the file's lane the I-frames are blue and
        tall, all others gray.

    Example:
        >>> keys, clip = np.array([0, 12, 24]), np.arange(0, 8, 2)
        >>> figure = sample_timeline(np.arange(30) / 25, keys, clip=clip, key=0, windows=[9], length=8)
        >>> figure.get_suptitle()
        'The clip ends at frame 6; its near future is frames 9 to 16'
    """
    future = windows[0]
    words = f"The clip ends at frame {clip[-1]}; its near future is frames {future} to {future + length - 1}"
    lanes = [*_LANES, *["another window"] * (len(windows) - 1)]
    figure = new(title or words, size=(9.5, 1.2 + 0.3 * len(lanes)))
    axes = figure.axes[0]
    intra = np.isin(np.arange(len(times)), keys)
    for chosen, height, color in ((~intra, 0.36, COLORS["untrained"]), (intra, 0.8, COLORS["I"])):
        axes.bar(np.flatnonzero(chosen), height, 0.7, bottom=-height / 2, color=color)
    above: Any = {
        "xytext": (0, 2),
        "textcoords": "offset points",
        "ha": "center",
        "fontsize": 7,
        "family": "monospace",
    }
    for frame in keys:
        axes.annotate("I", (frame, -0.4), **above)
    axes.plot([clip[0], clip[-1]], [1, 1], color=INK, lw=0.8)
    axes.bar(clip, 0.6, 0.8, bottom=0.7, color=INK)
    axes.plot([key, key], [0.4, 2], color=COLORS["context"], lw=0.8, ls=":")
    axes.plot(key, 2, "D", color=COLORS["context"], ms=7)
    if future > clip[-1] + 1:
        between = (clip[-1] + future) / 2
        axes.text(between, 3, "gap", ha="center", va="center", fontsize=7, color=INK)
    for lane, first in enumerate(windows, 3):
        look: Any = (
            {"fc": COLORS["motion"], "lw": 0} if lane == 3 else {"fc": "white", "hatch": "///", "lw": 0.6}
        )
        width = 0.75 if lane == 3 else 0.65  # the gap tells a box from the next; snapped, some would close
        for frame in range(first, first + length):
            corner = (frame - width / 2, lane - 0.3)
            box = Rectangle(corner, width, 0.6, ec=COLORS["motion"], snap=False, **look)
            axes.add_patch(box)
    # No other window may begin or end in this band.
    axes.axvspan(future - 0.5, future + length - 0.5, color=COLORS["motion"], alpha=0.12, lw=0)
    axes.set(xlim=(-1, len(times)), ylim=(len(lanes) - 0.5, -1.1), xlabel="frame")
    axes.set_yticks(range(len(lanes)), lanes)
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)
    _seconds_above(axes, times)
    return figure


def clips_in_time(
    lanes: Mapping[str, tuple[np.ndarray, np.ndarray]], *, end: float | None = None, title: str = ""
) -> Figure:
    """Which moments clips show: a lane each, small marks for all frames and large ones for the clip's.

    Args:
        lanes: `{name: (times, clip)}`: (N,) seconds of a video's frames, (T,) numbers of its clip's.
        end: Seconds at which the picture ends; the latest clip's end and a little where None.
        title: The finding.

    Returns:
        The figure; behind each clip stands how many seconds it spans.

    Example:
        >>> figure = clips_in_time({"25 a second": (np.arange(50) / 25, np.arange(0, 16, 2))})
        >>> [text.get_text() for text in figure.axes[0].texts]
        [' .56 s']
    """
    figure = new(title, size=(9.5, 0.9 + 0.42 * len(lanes)))
    axes = figure.axes[0]
    latest = end or 1.18 * max(times[clip[-1]] for times, clip in lanes.values())
    for lane, (times, clip) in enumerate(lanes.values()):
        shown = times[times <= latest]
        axes.plot(shown, [lane] * len(shown), "|", color=COLORS["untrained"], ms=8)
        axes.plot(times[clip], [lane] * len(clip), "s-", color=INK, ms=5, lw=0.8)
        span = f" {times[clip[-1]] - times[clip[0]]:.2f} s".replace(" 0.", " .")
        look: Any = {"textcoords": "offset points", "va": "center", "weight": "bold"}
        axes.annotate(span, (times[clip[-1]], lane), (6, 8), **look)
    axes.set(xlim=(-0.03, latest), ylim=(len(lanes) - 0.4, -0.7), xlabel="seconds")
    axes.set_yticks(range(len(lanes)), list(lanes))
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)
    return figure


def clips_of_video(
    stills: np.ndarray, numbers: np.ndarray, *, total: int, begin: Sequence[str], title: str = ""
) -> Figure:
    """Where clips lie in their video: a lane of frames each, and below where a clip can begin at all.

    Args:
        stills: (C, H, W, 3) uint8 RGB, shown at the right of their lanes.
        numbers: (C, T) of each clip's frames.
        total: Frames of the video.
        begin: C words for where the clips begin, in the range where one can.
        title: The finding.

    Returns:
        The figure.

    Example:
        >>> numbers = np.array([[2, 4], [5, 7]])
        >>> words = {"total": 12, "begin": ("1/4", "1/2")}
        >>> len(clips_of_video(np.zeros((2, 8, 8, 3), np.uint8), numbers, **words).axes[0].child_axes)
        2
    """
    count = len(stills)
    figure = new(title, size=(9.5, 1.3 + 0.62 * count))
    axes = figure.axes[0]
    frames, last = np.arange(total), total - 1 - np.ptp(numbers[0])
    look: Any = {"fc": COLORS["untrained"], "ec": "none"}
    axes.add_patch(Rectangle((-0.5, count - 0.1), last + 1, 0.2, **look))
    for lane, (still, chosen, words) in enumerate(zip(stills, numbers, begin, strict=True)):
        axes.plot(frames, [lane] * total, "|", color=COLORS["untrained"], ms=10)
        axes.plot([chosen[0]] * 2, [lane, count], ":", color=INK, lw=1)
        axes.plot(chosen, [lane] * len(chosen), "s-", color=INK, ms=7, lw=0.8)
        axes.text(chosen[0], count + 0.2, words, ha="center", va="top", fontsize=8)
        side = axes.inset_axes((total + 0.5, lane - 0.46, 0.1 * total, 0.92), transform=axes.transData)
        side.imshow(still)
        side.set(xticks=[], yticks=[])
        side.set_title("" if lane else "first frame", fontsize=8, pad=2)
    axes.set(xlim=(-1, 1.13 * total), ylim=(count + 0.7, -0.6), xlabel="frame")
    axes.set_xticks(range(0, total, 5))
    axes.set_yticks(range(count + 1), [*(f"clip {n + 1}" for n in range(count)), "a clip can\nbegin here"])
    axes.tick_params(left=False)
    axes.spines["left"].set_visible(False)
    return figure


def journeys(clips: Mapping[str, np.ndarray], places: Sequence[np.ndarray], *, title: str = "") -> Figure:
    """How far shapes go in clips of one film: an arrow from each one's first place to its last.

    Args:
        clips: `{caption: (T, H, W, 3) uint8 RGB}`, side by side; drawn in gray, first frame over last.
        places: For each clip (T, S, 2), where its shapes are: pixels, x right and y down. A shape that begins
            or ends outside has no arrow.
        title: The finding.

    Returns:
        The figure; beside the arrow nearest to the middle stands its length.

    Raises:
        ValueError: Not places for each clip.

    Example:
        >>> clip, way = np.zeros((2, 64, 64, 3), np.uint8), np.array([[[20, 30]], [[35, 30]]])
        >>> [text.get_text() for text in journeys({"a clip": clip}, [way]).axes[0].texts if text.get_text()]
        ['15 px']
    """
    if len(clips) != len(places):
        raise ValueError(f"places of {len(places)} clips do not go with {len(clips)} clips")
    height = next(iter(clips.values())).shape[1]
    figure = new(title, columns=len(clips), size=(9.5, 9.5 / len(clips) + 0.9))
    look: Any = {"color": COLORS["motion"], "lw": 2, "arrowstyle": "-|>", "shrinkA": 0, "shrinkB": 0}
    for axes, (caption, clip), way in zip(figure.axes, clips.items(), places, strict=True):
        axes.imshow(90 + 0.6 * clip[[0, -1]].mean((0, 3)), cmap="gray", vmin=0, vmax=255)
        first, last = way[0], way[-1]
        inside = ((np.minimum(first, last) >= 0) & (np.maximum(first, last) < height)).all(1)
        for start, end in zip(first[inside], last[inside]):
            axes.plot(*start, "o", ms=7, mfc=COLORS["I"], mec=INK)
            axes.annotate("", end, start, arrowprops=look)
        middle = np.hypot(*(first[inside] - height / 2).T).argmin()
        start, end = first[inside][middle], last[inside][middle]
        words = f"{np.hypot(*(end - start)):.0f} px"
        axes.annotate(
            words, (start + end) / 2, (0, 6), textcoords="offset points", ha="center", weight="bold"
        )
        axes.set_title(caption, fontsize=9)
        axes.set(xticks=[], yticks=[])
        without_spines(axes)
    keys = [
        Line2D([], [], ls="", marker="o", ms=7, mfc=COLORS["I"], mec=INK, label="place in the first frame"),
        Line2D(
            [], [], ls="", color=COLORS["motion"], marker=r"$\rightarrow$", ms=16, label="to that in the last"
        ),
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False)
    return figure


def batch_as_seen(
    pictures: np.ndarray,
    motion: np.ndarray,
    mask: np.ndarray,
    *,
    columns: Sequence[str],
    rows: Sequence[str] = (),
    magnify: float = 1,
    title: str = "",
) -> Figure:
    """Samples of a batch, one a row: some pictures, then some vector maps.

    Args:
        pictures: (B, P, H, H, 3) uint8 RGB.
        motion: (B, M, 2, G, G) pixels of those pictures, x right and y down, pointing back; drawn as
            apparent motion, away from the middle of each cell.
        mask: (B, M, G, G) bool; cells without a vector are hatched.
        columns: A heading for each of the P + M columns.
        rows: A name for each of the B samples; none where empty.
        magnify: How many times its true length an arrow has.
        title: The finding.

    Returns:
        The figure.

    Raises:
        ValueError: Not one heading for each column.

    Example:
        >>> pictures, motion = np.zeros((2, 1, 8, 8, 3), np.uint8), np.zeros((2, 1, 2, 4, 4))
        >>> len(batch_as_seen(pictures, motion, motion[:, :, 0] == 0, columns=["clip", "future"]).axes)
        4
    """
    samples, count = pictures.shape[:2]
    wide = count + motion.shape[1]
    if len(columns) != wide:
        raise ValueError(f"{len(columns)} headings do not go with {wide} columns")
    side = 9.5 / wide
    figure = new(title, rows=samples, columns=wide, size=(9.5, side * samples + 0.9))
    panels = np.array(figure.axes).reshape(samples, wide)
    for axes, name in zip(panels[:, 0], rows, strict=False):
        axes.set_ylabel(name, fontsize=9)
    for row in range(samples):
        for place, axes in enumerate(panels[row]):
            if place < count:
                axes.imshow(pictures[row, place])
            else:
                at = row, place - count
                _map(axes, magnify * motion[at], mask[at], pictures.shape[2])
            axes.set(xticks=[], yticks=[])
            for spine in axes.spines.values():
                spine.set(visible=True, color=INK, linewidth=0.5)
            if row == 0:
                axes.set_title(columns[place], fontsize=8)
    figure.legend(handles=_arrow_keys(magnify), loc="outside lower center", ncols=3, frameon=False)
    return figure


def batch_by_task(
    clips: Mapping[str, np.ndarray],
    keyframes: np.ndarray,
    motion: np.ndarray,
    mask: np.ndarray,
    *,
    magnify: float = 1,
    title: str = "",
) -> Figure:
    """Samples of a batch, one a column: frames of the clip, and below what each task asks about it.

    Args:
        clips: `{name: (B, H, H, 3) uint8 RGB}`, a row each.
        keyframes: (B, H, H, 3) uint8 RGB; framed in the color of context.
        motion: (B, 2, G, G) pixels of those pictures, x right and y down, pointing back; drawn as apparent
            motion and framed in the color of motion.
        mask: (B, G, G) bool; cells without a vector are hatched.
        magnify: How many times its true length an arrow has.
        title: The finding.

    Returns:
        The figure.

    Example:
        >>> frames, vectors = np.zeros((3, 8, 8, 3), np.uint8), np.zeros((3, 2, 4, 4))
        >>> len(batch_by_task({"clip": frames}, frames, vectors, vectors[:, 0] == 0).axes)
        9
    """
    pictures = {**clips, "key frame": keyframes}
    samples, rows = len(keyframes), len(pictures) + 1
    side = min(1.6, 9.1 / samples)
    figure = new(title, rows=rows, columns=samples, size=(side * samples + 0.4, side * rows + 0.7))
    panels = np.array(figure.axes).reshape(rows, samples)
    names = [*pictures, "near future"]
    roles = [*[None] * len(clips), "context", "motion"]
    for line, name, role in zip(panels, names, roles, strict=True):
        color = color_of(role) if role else INK
        line[0].set_ylabel(name, fontsize=9, color=color, weight="bold" if role else "normal")
        for sample, axes in enumerate(line):
            if name in pictures:
                axes.imshow(pictures[name][sample])
            else:
                _map(axes, magnify * motion[sample], mask[sample], keyframes.shape[1])
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set(visible=role is not None, color=color, linewidth=2)
    look: Any = {"loc": "outside lower center", "frameon": False, "fontsize": 9}
    figure.legend(handles=_arrow_keys(magnify), ncols=3, columnspacing=1.0, **look)
    return figure


def swatches(rows: Mapping[str, tuple[np.ndarray, np.ndarray]], *, title: str = "") -> Figure:
    """Pairs of colors, one above the other: all that is left of a clip and of its key frame.

    Args:
        rows: `{caption: (upper, lower)}`: (N, 3) RGB each, 0..1; column n of both belongs together.
        title: The finding.

    Returns:
        The figure, a panel for each caption.

    Example:
        >>> red = np.array([[1.0, 0.0, 0.0]])
        >>> len(swatches({"no change": (red, red), "jitter": (red, 1 - red)}).axes)
        2
    """
    figure = new(title, rows=len(rows), size=(9.5, 0.4 + 1.5 * len(rows)))
    for axes, (caption, pair) in zip(figure.axes, rows.items(), strict=True):
        axes.imshow(np.stack(pair), aspect="auto", interpolation="nearest")
        for column in range(1, len(pair[0])):
            axes.axvline(column - 0.5, color="white", lw=5)
        axes.set_title(caption, fontsize=9, loc="left")
        axes.set_yticks([0, 1], ["clips", "key frames"])
        axes.set_xticks([])
        axes.tick_params(length=0)
        without_spines(axes)
    return figure


def _arrow_keys(magnify: float) -> list[Any]:
    longer = f", {magnify:g} times its length" * (magnify != 1)
    look: Any = {"ls": "", "color": COLORS["motion"], "marker": r"$\rightarrow$", "ms": 16, "mew": 0.4}
    return [
        Line2D([], [], label=f"arrow: motion{longer}", **look),
        Line2D([], [], ls="", marker=".", color=INK, label="dot: a vector of zero"),
        Patch(fc="white", ec=INK, hatch="///", label="hatched: no vector"),
    ]


def _map(axes: Axes, vectors: np.ndarray, mask: np.ndarray, side: int) -> None:
    """Arrows in the middle of their cells, or of every other one if there are many, on `side` pixels."""
    cell = side / mask.shape[-1]
    missing = [Rectangle((x * cell, y * cell), cell, cell) for y, x in np.argwhere(~mask)]
    axes.add_collection(PatchCollection(missing, facecolor="none", edgecolor=INK, hatch="////", lw=0))
    moving = mask & (np.hypot(*vectors) > 0.1)  # a tenth of a pixel is too short to draw
    look: Any = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.014, "color": COLORS["motion"]}
    drawn = moving & ((np.indices(mask.shape).sum(0) % 2 == 0) | (mask.size < 100))
    down, across = np.nonzero(drawn)
    axes.quiver((across + 0.5) * cell, (down + 0.5) * cell, *-vectors[:, drawn], **look)
    down, across = np.nonzero(mask & ~moving)
    axes.plot((across + 0.5) * cell, (down + 0.5) * cell, ".", ms=0.8, color=INK)
    axes.set(xlim=(0, side), ylim=(side, 0), aspect="equal")


def _seconds_above(axes: Axes, times: np.ndarray) -> None:
    """A second axis above the frames, marked at every tenth of them with the file's own time."""
    frames = range(0, len(times), 10)
    above = axes.secondary_xaxis("top")
    above.set_xticks(frames, [f"{times[frame]:.1f}" for frame in frames])
    above.set_xlabel("seconds")
