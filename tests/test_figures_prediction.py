"""Pictures of motion prediction show the numbers they were given, in the places they say."""

from __future__ import annotations

import numpy as np
import pytest

from cvrl_lite.course import figures

WORDS = {"labels": ["a", "b", "c"], "columns": 2, "title": "Looks"}


def test_attention_is_laid_over_each_frame_and_the_own_place_is_framed() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (3, 8, 12, 3), dtype=np.uint8)
    weights = np.arange(3 * 2 * 3).reshape(3, 2, 3) / 10
    figure = figures.attention_over_frames(frames, weights, [0, 4, 5], **WORDS)
    shares = [text.get_text() for axes in figure.axes[:3] for text in axes.texts]
    assert shares == [f"{100 * weight:.0f}" for weight in weights.ravel()]
    for number, (axes, corner) in enumerate(zip(figure.axes, [(0, 0), (4, 4), (8, 4)], strict=False)):
        below, above = axes.images
        assert np.allclose(below.get_array(), frames[number].mean(2))
        assert np.array_equal(above.get_array(), weights[number])
        assert above.get_clim() == (weights.mean(), weights.max())
        assert list(above.get_extent()) == [0, 12, 8, 0]
        (own,) = axes.patches
        assert own.get_xy() == corner and (own.get_width(), own.get_height()) == (4, 4)
    assert [axes.get_visible() for axes in figure.axes[:4]] == [True, True, True, False]
    assert figures.png(figure).startswith(b"\x89PNG")


def test_attention_needs_one_map_place_and_label_for_each_frame() -> None:
    frames = np.zeros((3, 8, 8, 3), np.uint8)
    with pytest.raises(ValueError, match="2 maps, 3 places and 3 labels do not go with 3 frames"):
        figures.attention_over_frames(frames, np.zeros((2, 4, 4)), [0, 1, 2], **WORDS)


def test_even_attention_is_a_row_of_bars_beside_the_frames() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (2, 8, 12, 3), dtype=np.uint8)
    weights = np.arange(12).reshape(2, 2, 3) / 66
    figure = figures.even_attention(frames, weights, 4, labels=["early", "late"], title="Even?")
    *stills, bars = figure.axes
    assert [bar.get_height() for bar in bars.patches] == weights.ravel().tolist()
    assert bars.lines[0].get_ydata()[0] == 1 / 12
    for axes, frame in zip(stills, frames, strict=True):
        assert np.array_equal(axes.images[0].get_array(), frame)
        assert {patch.get_xy() for patch in axes.patches} == {(4, 4)}


def test_windows_of_the_clip_itself_have_a_border() -> None:
    windows, still = np.zeros((1, 3, 8, 8, 3), np.uint8), np.zeros((1, 3, 2, 4, 4))
    labels, same = [["here?", "truth", "later", "stranger"]], np.array([[True, True, False]])
    figure = figures.rivals(windows[:, 0], [5], windows, still, labels=labels, same=same, title="Whose?")
    framed = [axes.spines["left"].get_visible() for axes in figure.axes]
    assert framed == [False, True, True, False]


def test_kinds_have_their_names_beside_their_colors() -> None:
    kinds = np.array([[0, 1, 2], [1, 0, 2]])
    figure = figures.kinds_of_pairs(kinds, ["own", "places", "videos"], title="Kinds")
    (table,) = figure.axes
    image = table.images[0]
    assert np.array_equal(image.get_array(), kinds)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["own", "places", "videos"]
    patches = [patch.get_facecolor() for patch in legend.get_patches()]
    assert np.allclose(patches, image.to_rgba(np.array([0, 1, 2])))


def test_each_share_is_a_bar_with_its_number_and_guesses_are_marks() -> None:
    shares = {"untrained": {"places": 0.1, "videos": 0.25}, "trained": {"places": 0.8, "videos": 1.0}}
    wrong = {"untrained": {"places": 0.07, "videos": 0.3}, "trained": {"places": 0.2, "videos": 0.0}}
    figure = figures.recognized(shares, wrong, guess=[0.06, 0.02], labels=["16", "481"], title="Found")
    axes = figure.axes[0]
    assert [bar.get_height() for bar in axes.patches] == [0.1, 0.25, 0.8, 1.0]
    assert [text.get_text() for text in axes.texts] == [".10", ".25", ".80", "1.00"]
    diamonds = [list(line.get_ydata()) for line in axes.lines if line.get_marker() == "D"]
    assert diamonds == [list(row.values()) for row in wrong.values()]
    (guesses,) = axes.collections
    assert [segment[0][1] for segment in guesses.get_segments()] == [0.06, 0.02]
    untrained, trained = axes.patches[0], axes.patches[2]
    assert untrained.get_facecolor() != trained.get_facecolor() and untrained.get_x() < trained.get_x()
