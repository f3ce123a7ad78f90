"""Pictures of context matching show the numbers they were given, sorted as they say."""

from __future__ import annotations

import numpy as np
import torch

from cvrl_lite.course import figures
from cvrl_lite.course.cues import dressed, shuffled_blocks
from cvrl_lite.course.figures import by_class, played_and_learned

WORDS = {"rows": "clips", "columns": "frames", "title": "By class"}


def test_rows_and_columns_are_sorted_each_by_its_own_labels() -> None:
    rows, columns = np.array([2, 0, 1, 0]), np.array([1, 1, 0, 2, 0])
    cosines = (rows[:, None] == columns) * 1.0 - 0.01 * np.arange(5)
    figure = by_class(cosines, rows, columns, ["a", "b", "c"], **WORDS)
    left, right = figure.axes[:2]
    expected = cosines[[1, 3, 2, 0]][:, [2, 4, 0, 1, 3]]
    assert np.array_equal(left.images[0].get_array(), expected)
    ends = [line.get_ydata()[0] for line in left.lines[:2]], [line.get_xdata()[0] for line in left.lines[2:]]
    assert ends == ([1.5, 2.5], [1.5, 3.5])
    means = np.asarray(right.images[0].get_array())
    assert np.isclose(means[0, 0], cosines[[1, 3]][:, [2, 4]].mean()) and np.isclose(means[2, 1], -0.005)
    assert [tick.get_text() for tick in right.get_yticklabels()] == ["a", "b", "c"]
    assert left.images[0].get_clim() == right.images[0].get_clim() == (-1, 1)
    assert figure.get_suptitle() == "By class"


def test_a_class_without_clips_stays_blank() -> None:
    labels = np.array([0, 2])
    means = by_class(np.eye(2), labels, labels, ["a", "b", "c"], **WORDS).axes[1].images[0].get_array()
    assert np.isnan(np.asarray(means, float)[1]).all() and means[0, 0] == 1


def test_each_seed_has_a_mark_and_each_training_its_own_shape() -> None:
    runs = {"weak": [(0.9, 0.2), (0.8, 0.3)], "strong": [(0.1, 0.3)]}
    figure = played_and_learned(runs, played="game", learned="R@1", title="Won", guess=(0.03, 0.06))
    axes = figure.axes[0]
    weak, strong, *guesses = axes.lines
    assert list(zip(weak.get_xdata(), weak.get_ydata())) == runs["weak"]
    assert list(zip(strong.get_xdata(), strong.get_ydata())) == runs["strong"]
    assert weak.get_marker() != strong.get_marker()
    assert guesses[0].get_xdata()[0] == 0.03 and guesses[1].get_ydata()[0] == 0.06
    assert {"weak", "strong"} <= {text.get_text() for text in axes.texts}
    assert axes.get_xlim()[1] >= 1 and axes.get_ylim()[1] > 0.3 and axes.get_ylim()[0] == 0
    assert figures.png(figure).startswith(b"\x89PNG")


def test_dressed_images_keep_their_pattern_and_take_the_colors() -> None:
    draws = torch.Generator().manual_seed(0)
    images, colors = 0.4 + 0.05 * torch.rand(2, 2, 3, 8, 8, generator=draws)
    changed = dressed(images, colors)
    assert torch.allclose(changed.mean((2, 3)), colors.mean((2, 3)), atol=1e-4)
    assert torch.allclose(changed.std((2, 3)), colors.std((2, 3)), atol=1e-4)
    flat = torch.stack([images[0, 0].flatten(), changed[0, 0].flatten()])
    assert torch.corrcoef(flat)[0, 1] > 0.999


def test_shuffled_blocks_are_whole_and_the_same_in_every_frame() -> None:
    clips = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 8, 3), dtype=np.uint8)
    clips[:, 1:] = clips[:, :1]
    mixed = shuffled_blocks(clips, 4)
    assert mixed.shape == clips.shape and not np.array_equal(mixed, clips)
    assert (mixed[:, 1:] == mixed[:, :1]).all()

    def blocks(frame: np.ndarray) -> set[bytes]:
        return {frame[r : r + 4, c : c + 4].tobytes() for r in (0, 4) for c in (0, 4)}

    assert blocks(mixed[1, 0]) == blocks(clips[1, 0])
