"""Timelines show each part of a sample in its place; the whole batch is drawn as it is."""

import numpy as np
import pytest
from matplotlib.collections import PatchCollection
from matplotlib.colors import to_rgba
from matplotlib.patches import Rectangle
from matplotlib.quiver import Quiver

from cvrl_lite.course.figures import (
    COLORS,
    batch_as_seen,
    clips_in_time,
    clips_of_video,
    journeys,
    png,
    residual_panels,
    sample_timeline,
    swatches,
)
from cvrl_lite.datasets import ClipSampling, Timeline

TIMES, KEYS = np.arange(60) / 25, np.arange(0, 60, 12)


def test_a_timeline_draws_every_part_where_it_lies():
    cut = Timeline(TIMES, KEYS, ClipSampling(num_negative_windows=2)).cut((0, 1))
    figure = sample_timeline(TIMES, KEYS, clip=cut.clip, key=cut.key, windows=cut.windows, length=8)
    axes = figure.axes[0]
    boxes = [p for p in axes.patches if isinstance(p, Rectangle) and p.get_edgecolor() == _motion()]
    centers = [(round(p.get_x() + p.get_width() / 2), round(p.get_y() + 0.3)) for p in boxes]
    expected = [(w + i, 3 + n) for n, w in enumerate(cut.windows) for i in range(8)]
    assert sorted(centers) == sorted(expected)
    bars = [p for p in axes.patches if round(p.get_y(), 2) == 0.7]
    assert [round(p.get_x() + 0.4) for p in bars] == cut.clip.tolist()
    assert [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "D"] == [cut.key]
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert labels == ["the file", "clip", "key frame", "near future", "another window", "another window"]
    assert [text.xy[0] for text in axes.texts if text.get_text() == "I"] == KEYS.tolist()
    assert "gap" in {text.get_text() for text in axes.texts}
    assert f"future is frames {cut.windows[0]} to {cut.windows[0] + 7}" in figure.get_suptitle()


def _motion() -> tuple[float, ...]:
    return to_rgba(COLORS["motion"])


def test_the_future_is_filled_and_other_windows_are_hatched():
    figure = sample_timeline(TIMES, KEYS, clip=np.arange(0, 16, 2), key=0, windows=[17, 30], length=8)
    boxes = [p for p in figure.axes[0].patches if p.get_edgecolor() == _motion()]
    assert [bool(p.get_hatch()) for p in boxes] == [False] * 8 + [True] * 8


def test_seconds_above_are_the_files_own():
    uneven = np.cumsum(np.r_[0, np.linspace(0.02, 0.1, 59)])
    figure = sample_timeline(uneven, KEYS, clip=np.arange(8), key=0, windows=[17], length=8)
    (above,) = figure.axes[0].child_axes
    png(figure)
    assert [t.get_text() for t in above.get_xticklabels()] == [f"{uneven[i]:.1f}" for i in range(0, 60, 10)]


def test_clips_in_time_says_what_each_spans():
    lanes = {"25": (np.arange(99) / 25, np.arange(0, 16, 2)), "50": (np.arange(99) / 50, np.arange(0, 16, 2))}
    figure = clips_in_time(lanes, title="Half")
    axes = figure.axes[0]
    assert [text.get_text().strip() for text in axes.texts] == [".56 s", ".28 s"]
    marked = [line.get_xdata() for line in axes.lines if line.get_marker() == "s"]
    assert np.allclose(marked[1], np.arange(0, 16, 2) / 50)
    assert [text.get_text() for text in axes.get_yticklabels()] == ["25", "50"]


def test_clips_of_a_video_lie_in_lanes_above_the_range_where_they_can_begin():
    numbers = np.array([[6], [12], [19]]) + 2 * np.arange(8)
    stills = np.arange(3 * 4 * 4 * 3, dtype=np.uint8).reshape(3, 4, 4, 3)
    axes = clips_of_video(stills, numbers, total=40, begin=("a", "b", "c")).axes[0]
    marked = [line.get_xdata() for line in axes.lines if line.get_marker() == "s"]
    assert np.array_equal(marked, numbers)
    (bar,) = axes.patches
    assert (bar.get_x(), bar.get_x() + bar.get_width()) == (-0.5, 25.5)
    assert [text.get_text() for text in axes.texts] == ["a", "b", "c"]
    assert np.array_equal(axes.child_axes[2].images[0].get_array(), stills[2])


def test_journeys_lead_from_a_shapes_first_place_to_its_last():
    clip = np.zeros((3, 60, 60, 3), np.uint8)
    way = np.array(
        [[[20, 30], [5, 5], [50, 10]], [[25, 30], [8, 5], [55, 10]], [[32, 35], [11, 5], [62, 10]]]
    )
    axes, other = journeys({"long": clip, "short": clip[:2]}, [way, way[:2]], title="A way").axes
    assert [(text.xy, text.xyann) for text in axes.texts[:2]] == [((32, 35), (20, 30)), ((11, 5), (5, 5))]
    assert [axes.texts[-1].get_text(), other.texts[-1].get_text()] == ["13 px", "5 px"]
    assert (len(axes.lines), len(other.lines)) == (2, 3), "one of them leaves the picture"
    with pytest.raises(ValueError, match="places of 1 clips do not go with 2 clips"):
        journeys({"long": clip, "short": clip}, [way])


def test_a_bar_of_colors_says_of_what_the_differences_are():
    figure = residual_panels(np.zeros((1, 8, 8)), labels=["a"], quantity="mean of R, G, B")
    assert figure.axes[-1].get_ylabel() == "mean of R, G, B: darker (-), lighter (+)"


def test_a_batch_is_drawn_row_by_row_with_what_is_missing():
    images = np.arange(2 * 2 * 16 * 16 * 3, dtype=np.uint8).reshape(2, 2, 16, 16, 3)
    motion, mask = np.zeros((2, 1, 2, 4, 4)), np.ones((2, 1, 4, 4), bool)
    motion[0, 0, 0, 1, 2] = -2.0  # points back to the left: seen going right
    mask[1, 0, :2] = False
    figure = batch_as_seen(images, motion, mask, columns=["clip", "key", "future"], magnify=3)
    assert len(figure.axes) == 6 and len(png(figure)) > 1000
    assert np.array_equal(figure.axes[1].images[0].get_array(), images[0, 1])
    (arrow,) = (a for a in figure.axes[2].collections if isinstance(a, Quiver))
    assert arrow.U.tolist() == [6.0] and arrow.V.tolist() == [0.0]
    assert arrow.XY.tolist() == [[10.0, 6.0]]
    (missing,) = (a for a in figure.axes[5].collections if type(a) is PatchCollection)
    assert len(missing.get_paths()) == 8
    assert [axes.get_title() for axes in figure.axes[:3]] == ["clip", "key", "future"]
    with pytest.raises(ValueError, match="2 headings do not go with 3 columns"):
        batch_as_seen(images, motion, mask, columns=["clip", "future"])


def test_a_pair_of_swatches_stands_in_one_column():
    upper, lower = np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.array([[0.5, 0, 0], [0, 0.5, 0]])
    figure = swatches({"no change": (upper, lower), "jitter": (lower, upper)}, title="Alike")
    first, second = figure.axes
    assert np.array_equal(first.images[0].get_array(), [upper, lower])
    assert np.array_equal(second.images[0].get_array(), [lower, upper])
    assert [axes.get_title("left") for axes in figure.axes] == ["no change", "jitter"] and png(figure)
    with pytest.raises(ValueError, match="same shape"):
        swatches({"three clips, two key frames": (np.zeros((3, 3)), upper)})
