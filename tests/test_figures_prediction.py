"""Pictures of motion prediction show the numbers they were given, in the places they say."""

from __future__ import annotations

import numpy as np
import pytest

from cvrl_lite.course import figures


def test_attention_is_laid_over_each_frame_and_the_own_place_is_framed() -> None:
    frames = np.random.default_rng(0).integers(0, 256, (1, 12, 12, 3), dtype=np.uint8)
    weights = np.arange(2 * 2 * 2 * 3).reshape(2, 2, 2, 3) / 30
    motion = np.zeros((1, 2, 4, 4))
    motion[0, :, 1, 2] = 3, -1
    words = {"names": ["a", "mean"], "title": "Looks"}
    figure = figures.attention_over_frames(frames, motion, weights, [0, 4], **words)
    panels = [figure.axes[place] for place in (1, 2, 4, 5)]
    shares = [text.get_text() for axes in panels for text in axes.texts]
    assert shares == [f"{100 * weight:.0f}" for weight in weights.ravel()]
    for axes, weight, corner in zip(panels, weights.reshape(4, 2, 3), [(0, 0), (4, 6)] * 2, strict=True):
        above = axes.images[1]
        assert np.array_equal(above.get_array(), weight)
        assert above.get_clim() == (weights.mean(), weights.max())
        assert list(above.get_extent()) == [0, 12, 12, 0]
        (own,) = axes.patches
        assert own.get_xy() == corner and (own.get_width(), own.get_height()) == (4, 6)
    assert np.allclose(panels[0].images[0].get_array(), frames[0].mean(2))
    assert np.ptp(panels[2].images[0].get_array()) == 0
    (arrows,) = figure.axes[0].collections
    assert arrows.get_offsets().tolist() == [[7.5, 4.5]] and (arrows.U[0], arrows.V[0]) == (3, -1)
    assert figures.png(figure).startswith(b"\x89PNG")


def test_attention_needs_a_map_for_each_question_of_each_clip() -> None:
    frames, motion, words = np.zeros((1, 8, 8, 3)), np.zeros((1, 2, 4, 4)), {"names": ["a", "b"], "title": ""}
    with pytest.raises(ValueError, match=r"1 fields, \(2, 1\) maps, 2 points and 2 names do not go with 1"):
        figures.attention_over_frames(frames, motion, np.zeros((2, 1, 4, 4)), [0, 1], **words)


def test_points_are_numbered_and_a_miss_is_ringed() -> None:
    frame, motion = np.zeros((8, 8, 3), np.uint8), np.zeros((2, 4, 4))
    cosines = 0.9 * np.eye(16)
    cosines[2, 3] = 0.95
    figure = figures.predictions_of_points(frame, motion, cosines, grid=(4, 4), title="15 of 16")
    left, right, _ = figure.axes
    assert [(text.get_text(), text.get_position()) for text in left.texts][5] == ("5", (2.16, 2.16))
    (rings,) = right.lines
    assert list(rings.get_xdata()) == [3] and list(rings.get_ydata()) == [2]
    assert [patch.get_xy() for patch in right.patches] == [(n - 0.5, n - 0.5) for n in range(16)]
    assert np.array_equal(right.images[0].get_array(), cosines)


def test_the_clip_comes_into_the_transformer_as_places_and_as_questions() -> None:
    (axes,) = figures.transformer(title="Twice").axes
    said = [text.get_text() for text in axes.texts]
    for words in ("places\nask places", "points\nask points", "points\nask places", "decoder: 2 such layers"):
        assert words in said
    starts = [np.round(text.xyann, 2).tolist() for text in axes.texts if getattr(text, "arrow_patch", None)]
    assert [1.4, 2.65] in starts and [2.7, 1.8] in starts  # both leave the clip's map


def test_scores_are_written_as_sums() -> None:
    asks, offers = {"moves?": 2, "near?": 1}, {"left": (1, 0), "right": (1, 1)}
    axes = figures.attention_by_hand(asks, offers, np.array([0.0, 10.0]), title="By hand").axes[0]
    said = [text.get_text() for text in axes.texts]
    assert "2\N{MULTIPLICATION SIGN}1 + 1\N{MULTIPLICATION SIGN}0 = 2" in said and ".27" in said
    assert said[-1] == "the answer:\n7.3 px" and "point 5 asks:   moves? 2   near? 1" in said


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
