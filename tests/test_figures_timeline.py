"""A file along its time, with bars of every length of file."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb

from cvrl_lite.course import figures


def test_a_timeline_has_a_row_a_file_and_draws_unknown_sizes_alike() -> None:
    times = np.arange(4) / 2
    figure = figures.gop_timeline({"a": ("IPBI", [90, 10, 8, 92], times), "b": ("IPPP", [], times)})
    assert [axes.get_title() for axes in figure.axes] == [
        "a: an I-frame every 1.5 s, 91 % of the bytes",
        "b: a single I-frame",
    ]
    tops = [
        sorted(path.get_extents().y1 for bars in axes.collections for path in bars.get_paths())
        for axes in figure.axes
    ]
    assert tops == [[0.008, 0.01, 0.09, 0.092], [1.0] * 4]
    keys = figure.axes[0].collections[0]
    assert to_rgb(keys.get_facecolor()[0]) == to_rgb(figures.COLORS["I"])
    assert [path.get_extents().x0 for path in keys.get_paths()] == [-0.2, 1.3], "four fifths of a frame wide"
    assert keys.get_hatch() == "" and figure.axes[0].collections[1].get_hatch() == "///"


def test_a_timeline_tells_where_a_clip_may_start_by_color_and_height() -> None:
    times = np.arange(6) / 2
    starts = {"a": (times[:3], np.array([True, False, False]))}
    files = {name: ("IPPPPP", [90, 9, 9, 9, 9, 9], times) for name in ("a", "b")}
    figure = figures.gop_timeline(files, starts=starts)
    near, far = figure.axes[0].collections[-2:]
    heights = [path.get_extents().height for bars in (near, far) for path in bars.get_paths()]
    assert heights[0] > 3 * heights[1] and heights[1:] == [heights[1]] * 2
    assert len(figure.axes[1].collections) == 2, "of another file nothing is known"
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["I-frames", "P-frames", "a clip from here has an I-frame near", "... has none near"]


def test_bars_of_a_long_file_are_outlined_and_not_hatched() -> None:
    figure = figures.gop_timeline({"long": ("I" + "P" * 999, [9] * 1000, np.arange(1000) / 25)})
    for bars in figure.axes[0].collections:
        assert not bars.get_hatch() and bars.get_linewidth()[0] > 1
        assert np.array_equal(bars.get_edgecolor(), bars.get_facecolor())
