"""What an encoder made of a clip: bytes, picture types and vectors.

Axes: T time, H W pixels, H8 W8 cells of 8x8 pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from cvrl_lite.course.figures.pictures import draw_gop_strip
from cvrl_lite.course.figures.style import COLORS, HATCHES, INK, new
from cvrl_lite.course.figures.vectors import check_field, draw_arrows

_MOST_HATCHED = 150  # bars that are wide enough for a hatch


def packing(
    picture_types: Sequence[str] | np.ndarray,
    sizes: Sequence[int] | np.ndarray,
    image: np.ndarray,
    vectors: np.ndarray,
    mask: np.ndarray,
    *,
    most: int | None = None,
    label: str = "",
    title: str = "",
) -> Figure:
    """One packed clip at a glance: bytes and type of each frame, and one frame with its vectors.

    Args:
        picture_types: (T,) of "I", "P", "B", in display order.
        sizes: (T,) bytes.
        image: (H, W, 3) uint8 RGB, one of the frames, as it was unpacked.
        vectors: (2, H8, W8) pixels, its vectors, pointing back.
        mask: (H8, W8) bool.
        most: The end of the scale of bytes, so that several clips can be compared; the largest frame's
            where None.
        label: A caption for the image.
        title: The finding.

    Returns:
        The figure.

    Raises:
        ValueError: Not one size for each type, or a field that does not go with the image.

    Example:
        >>> field = np.zeros((2, 2, 2)), np.ones((2, 2), bool)
        >>> figure = packing("IPP", [90, 10, 8], np.zeros((16, 16, 3), np.uint8), *field, most=100)
        >>> round(figure.axes[0].get_ylim()[1])
        110
    """
    types, bytes_ = np.array(list(picture_types)), np.asarray(sizes)
    if len(types) != len(bytes_):
        raise ValueError(f"{len(types)} picture types do not go with {len(bytes_)} sizes")
    check_field(image, vectors, mask)
    figure = new(title, columns=2, size=(9.5, 3.6), widths=[1.6, 1])
    strip, picture = figure.axes
    draw_gop_strip(strip, types, bytes_)
    strip.set_ylim(0, 1.1 * (most or bytes_.max()))
    draw_arrows(picture, image, vectors, mask, 2)
    picture.set(xlabel="", ylabel="", xticks=[], yticks=[])
    picture.set_title(label, fontsize=9)
    return figure


def bytes_by_type(
    files: Mapping[str, tuple[Sequence[str] | np.ndarray, Sequence[int] | np.ndarray]], *, title: str = ""
) -> Figure:
    """How many bytes of a file its I-, P- and B-frames take, for several files.

    Args:
        files: `{name: (picture types (T,), sizes (T,) in bytes)}`, drawn from top to bottom.
        title: The finding; where empty, it names the smallest file and says how much less it takes than the
            largest.

    Returns:
        The figure.

    Example:
        >>> bytes_by_type({"all I": ("II", [50, 50]), "I and P": ("IP", [50, 10])}).get_suptitle()
        'I and P takes 60 % of the bytes of all I'
    """
    totals = {name: int(np.sum(sizes)) for name, (_, sizes) in files.items()}
    least, most = (choose(totals, key=lambda name: totals[name]) for choose in (min, max))
    share = round(100 * totals[least] / totals[most])
    title = title or f"{least} takes {share} % of the bytes of {most}"
    figure = new(title, size=(8.5, 1.0 + 0.4 * len(files)))
    axes = figure.axes[0]
    shown = set()
    for place, (types, sizes) in enumerate(files.values()):
        kinds, start = np.array(list(types)), 0.0
        for kind in "IPB":
            part = float(np.asarray(sizes)[kinds == kind].sum()) / 1000
            if not part:
                continue
            name = None if kind in shown else f"{kind}-frames"
            shown.add(kind)
            axes.barh(
                *(place, part, 0.66),
                left=start,
                color=COLORS[kind],
                hatch=HATCHES[kind],
                ec="white",
                lw=0,
                label=name,
            )
            start += part
        many = {kind: int(np.sum(kinds == kind)) for kind in "IPB" if np.any(kinds == kind)}
        counts = ", ".join(f"{n} {kind}-frame{'s' * (n > 1)}" for kind, n in many.items())
        words = f"{start:.1f} kB: {counts}"
        axes.annotate(words, (start, place), (4, 0), textcoords="offset points", va="center", fontsize=8)
    axes.set(ylim=(len(files) - 0.4, -0.6), xlim=(0, 1.5 * max(totals.values()) / 1000), xlabel="kB")
    axes.set_yticks(range(len(files)), list(files))
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure


def order_of_frames(
    picture_types: Sequence[str] | np.ndarray, stored: Sequence[int], *, title: str
) -> Figure:
    """Frames as they lie in a file, above the same frames as they are shown.

    Args:
        picture_types: (T,) of "I", "P", "B", in display order.
        stored: (T,) the number on display of each frame, in the order of the file.
        title: The finding.

    Returns:
        The figure; a line joins the two places of each frame.

    Raises:
        ValueError: `stored` does not name each frame once.

    Example:
        >>> axes = order_of_frames("IBP", [0, 2, 1], title="P comes before B").axes[0]
        >>> [text.get_text() for text in axes.texts if text.get_text()[0] == "P"]
        ['P2', 'P2']
    """
    if sorted(stored) != list(range(len(picture_types))):
        raise ValueError(f"{stored} does not name each of {len(picture_types)} frames once")
    figure = new(title, size=(9.5, 2.2))
    axes = figure.axes[0]
    for place, frame in enumerate(stored):
        kind = str(picture_types[frame])
        axes.plot([place, frame], [0.7, -0.7], color=COLORS[kind], lw=2, zorder=1)
        for x, y in ((place, 1.0), (frame, -1.0)):
            look: Any = {"fc": f"{COLORS[kind]}40", "ec": COLORS[kind], "lw": 1.5}
            axes.add_patch(Rectangle((x - 0.4, y - 0.3), 0.8, 0.6, **look))
            axes.text(x, y, f"{kind}{frame}", ha="center", va="center", fontsize=9, color=INK)
    axes.text(-0.7, 1, "in the file", ha="right", va="center")
    axes.text(-0.7, -1, "on the screen", ha="right", va="center")
    axes.set(xlim=(-2.6, len(stored) - 0.4), ylim=(-1.4, 1.4))
    axes.set_axis_off()
    return figure


def gop_trade(points: Mapping[str, tuple[float, float]], *, title: str) -> Figure:
    """What a GOP costs: bytes against the work of showing one frame.

    Args:
        points: `{name: (frames to decode on average, kilobytes)}`, in the order in which they are joined.
        title: The finding.

    Returns:
        The figure.

    Example:
        >>> axes = gop_trade({"GOP 1": (1, 100), "GOP 12": (6.5, 50)}, title="A trade").axes[0]
        >>> [text.get_text() for text in axes.texts]
        ['GOP 1', 'GOP 12']
    """
    figure = new(title, size=(7.5, 3))
    axes = figure.axes[0]
    axes.plot(*zip(*points.values(), strict=True), "o-", color=INK, lw=1, ms=6)
    for name, point in points.items():
        axes.annotate(name, point, (7, 5), textcoords="offset points", fontsize=9)
    frames, kilobytes = (max(values) for values in zip(*points.values(), strict=True))
    axes.set(xlim=(0, 1.15 * frames), ylim=(0, 1.15 * kilobytes), ylabel="kB")
    axes.set_xlabel("frames to decode in order to show one, on average")
    return figure


def gop_timeline(
    files: Mapping[str, tuple[Sequence[str], Sequence[int], np.ndarray]],
    *,
    title: str = "",
    starts: Mapping[str, tuple[np.ndarray, np.ndarray]] | None = None,
) -> Figure:
    """What each frame of some files is and takes, along their time; a mark below at each I-frame.

    Args:
        files: `{name: (picture types (T,), sizes (T,) in bytes, times (T,) in seconds)}`, a row each;
            where the sizes are unknown (empty), all bars have one height.
        title: The finding.
        starts: `{name: (times (S,), whether an I-frame is near (S,) bool)}` of clips, as a strip below the
            frames; none where a name is missing.

    Returns:
        The figure, whose rows say how often an I-frame comes and what the I-frames take.

    Example:
        >>> figure = gop_timeline({"a.mp4": ("IPPI", [90, 10, 8, 92], np.arange(4) / 2)})
        >>> figure.axes[0].get_title()
        'a.mp4: an I-frame every 1.5 s, 91 % of the bytes'
    """
    figure = new(title, rows=len(files), size=(9.5, 0.5 + 1.9 * len(files)))
    named: dict[str, Artist] = {}
    for axes, (name, (types, sizes, times)) in zip(figure.axes, files.items(), strict=True):
        kinds, known = np.array(list(types)), len(sizes) > 0
        heights = np.asarray(sizes) / 1000 if known else np.ones(len(kinds))
        most, width = heights.max(), float(np.diff(times).mean()) if len(times) > 1 else 1.0
        for kind in "IPB":
            at = kinds == kind
            if at.any():
                look: Any = {"fc": COLORS[kind], "ec": COLORS[kind], "lw": 1.2}  # in a long file a line
                look["zorder"] = 2.0 if kind == "I" else 1.0  # in front
                if len(kinds) <= _MOST_HATCHED:
                    look |= {"ec": "white", "lw": 0, "hatch": HATCHES[kind]}
                named.setdefault(f"{kind}-frames", _bars(axes, times[at], 0, heights[at], 0.8 * width, look))
        keys = times[kinds == "I"]
        axes.plot(keys, np.full(len(keys), -0.07 * most), "^", color=INK, ms=4)
        floor = -0.14 * most
        if starts and name in starts:
            begin, near = starts[name]
            for which, words, height, color in (
                (near, "a clip from here has an I-frame near", 0.15, COLORS["context"]),
                (~near, "... has none near", 0.04, "#8C8C8C"),
            ):
                if which.any():
                    strip = _bars(axes, begin[which], floor, floor - height * most, width, {"fc": color})
                    named.setdefault(words, strip)
            floor -= 0.2 * most
        words = f"an I-frame every {np.diff(keys).mean():.3g} s" if len(keys) > 1 else "a single I-frame"
        if known:
            words += f", {100 * heights[kinds == 'I'].sum() / heights.sum():.0f} % of the bytes"
        axes.set_title(f"{name}: {words}", fontsize=9)
        axes.set(xlabel="", ylabel="kB" if known else "size unknown", ylim=(floor, 1.05 * most))
        axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= 1.05 * most] if known else [])
        axes.autoscale_view(scaley=False)
    figure.axes[-1].set_xlabel("seconds")
    figure.legend(list(named.values()), list(named), loc="outside lower center", ncols=5, frameon=False)
    return figure


def _bars(axes: Axes, x: np.ndarray, foot: float, tops: Any, width: float, look: dict[str, Any]) -> Artist:
    """Bars about x, as one collection: a long file has thousands."""
    tops = np.broadcast_to(tops, x.shape)
    sides = x - width / 2, x + width / 2
    corners = [(side, y) for side in sides for y in (np.full_like(tops, foot), tops)]
    verts = np.stack([np.stack(corners[n], -1) for n in (0, 1, 3, 2)], 1)  # (N, 4, 2), around
    bars = PolyCollection(list(verts), **look)
    axes.add_collection(bars)
    return bars
