"""The pictures say what their arrays say; colors never stand alone; widgets follow the slider."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib.image
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgb

from cvrl_lite import train
from cvrl_lite.course import figures, widgets


def test_shapes_can_be_left_out_of_the_architecture() -> None:
    words = {shapes: figures.architecture(shapes=shapes).axes[0].texts for shapes in (True, False)}
    with_digits = {
        shapes: [t.get_text() for t in texts if re.search(r"\d", t.get_text())]
        for shapes, texts in words.items()
    }
    assert len(with_digits[True]) > 5 and with_digits[False] == []


def test_a_way_goes_from_blue_to_orange_and_breaks_where_it_crosses_the_border() -> None:
    axes = figures.filmstrip([np.zeros((64, 64, 3), np.uint8)]).axes[0]
    ways = np.array([[[40, 9], [5, 50]], [[55, 9], [5, 40]], [[6, 9], [5, 30]], [[20, 9], [5, 20]]])
    figures.add_ways(axes, ways)
    level, upwards = axes.collections[1::2]  # each lies on a white one
    assert [segment.tolist() for segment in level.get_segments()] == [[[40, 9], [55, 9]], [[6, 9], [20, 9]]]
    assert len(upwards.get_segments()) == 3
    (red, *_, blue), (late_red, *_, late_blue) = upwards.get_colors()[[0, -1], :3]
    assert blue > red and late_red > late_blue
    heads = [line.get_marker()[2] for line in axes.lines]
    assert [line.get_xydata()[0].tolist() for line in axes.lines] == [[20, 9], [5, 20]]
    assert heads == [-90, 0], "to the right, and up as a marker is drawn"
    assert (axes.get_xlim(), axes.get_ylim()) == ((-0.5, 63.5), (63.5, -0.5))
    there_and_back = np.array([10, 14, 18, 17, 13, 9.0])[:, None, None] * [1, 0] + [0, 30]
    figures.add_ways(axes, there_and_back, aside=2)
    heights = [segment[0][1] for segment in axes.collections[-1].get_segments()]
    assert heights == [32, 32, 30.75, 28.75, 28], "to the right it keeps below, to the left above"


def test_a_close_up_is_where_most_ways_can_be_seen_from_end_to_end() -> None:
    axes = figures.filmstrip([np.zeros((64, 64, 3), np.uint8)]).axes[0]
    ways = np.array([[[8, 8], [40, 30], [50, 44]], [[12, 8], [44, 30], [50, 48]]])
    figures.close_up(axes, ways, side=32)
    left, right = axes.get_xlim()
    bottom, top = axes.get_ylim()
    assert right - left == bottom - top == 32
    assert left < 40 and right > 50 and top < 30 and bottom > 48, "two of the three"


def test_a_long_exposure_shows_a_passing_dot_as_even_gray() -> None:
    clip = np.full((4, 2, 4, 3), 50, np.uint8)
    clip[range(4), 0, range(4)] = 255
    assert len(set(figures.long_exposure(clip)[0, :, 0].tolist())) == 1


def test_tracks_mark_every_center_later_ones_larger_and_more_orange() -> None:
    clip, places = (
        np.zeros((3, 8, 8, 3), np.uint8),
        np.array([[[1, 4], [9, 9]], [[2, 4], [9, 8]], [[3, 4], [9, 7]]]),
    )
    axes = figures.tracks([clip], [places], title="Level, and out of sight").axes[0]
    (dots,) = axes.collections
    assert dots.get_offsets().tolist() == places.reshape(-1, 2).tolist()
    assert (np.diff(dots.get_sizes()[::2]) > 0).all() and axes.get_xlim() == (-0.5, 7.5)
    red, _, blue, _ = dots.to_rgba(dots.get_array()).T
    assert (np.diff(red[::2]) > 0).all() and (np.diff(blue[::2]) < 0).all()


def as_seen(color: str, cone: str) -> np.ndarray:
    """A color in linear RGB as those see it who lack red or green cones (Machado and others, 2009)."""
    matrices = {
        "normal": np.eye(3),
        "red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        "green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    }
    linear = np.array(to_rgb(color)) ** 2.2
    return np.clip(np.asarray(matrices[cone]) @ linear, 0, 1) ** (1 / 2.2)


@pytest.mark.parametrize("cone", ["normal", "red", "green"])
@pytest.mark.parametrize("roles", [("context", "motion", "residual", "joint", "untrained"), ("I", "P", "B")])
def test_roles_shown_together_are_told_apart_by_every_eye(roles: tuple[str, ...], cone: str) -> None:
    seen = [as_seen(figures.COLORS[role], cone) for role in roles]
    apart = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
    assert min(apart) > 0.15


def test_show_gives_alt_text_and_closes(monkeypatch: pytest.MonkeyPatch) -> None:
    import IPython.display
    import matplotlib.pyplot as plt

    shown: list[tuple[Any, dict[str, Any]]] = []
    monkeypatch.setattr(IPython.display, "display", lambda data, **kept: shown.append((data, kept)))
    monkeypatch.setattr(plt, "show", lambda: pytest.fail("shown twice"))
    plt.switch_backend("agg")
    figure, axes = plt.subplots()
    axes.plot([1, 2])
    figures.show(figure, "A rising line.")
    (data, kept) = shown[0]
    assert kept["metadata"]["image/png"]["alt"] == "A rising line." and kept["raw"]
    assert matplotlib.image.imread(io.BytesIO(data["image/png"])).ndim == 3
    assert plt.get_fignums() == []
    with pytest.raises(ValueError, match="alternative text"):
        figures.show(figure, "  ")


# Frames, types, vectors.


def test_the_strip_has_a_bar_for_each_picture() -> None:
    types, sizes = list("IPBBP"), [900, 60, 20, 10, 10]
    axes = figures.gop_strip(types, sizes).axes[0]
    bars = {round(bar.get_x() + bar.get_width() / 2): bar for bar in axes.patches}
    assert [bars[place].get_height() for place in range(5)] == sizes
    assert [bars[place].get_facecolor()[:3] for place in range(5)] == [
        to_rgb(figures.COLORS[kind]) for kind in types
    ]
    assert [words.get_text() for words in axes.texts] == types, "never the color alone"
    assert [words.get_text() for words in axes.get_legend().get_texts()] == ["I (1)", "P (2)", "B (2)"]
    assert [(words.xy[0], words.xy[1]) for words in axes.texts] == list(enumerate(sizes)), "above its bar"
    assert not figures.gop_strip("IPPP" * 50, [9] * 200).axes[0].texts, "no room for letters"
    numbered = figures.gop_strip(types, sizes, numbers=True).axes[0].texts
    assert [words.get_text() for words in numbered] == ["900", "60", "20", "10", "10"]
    with pytest.raises(ValueError, match="2 picture types do not go with 1 sizes"):
        figures.gop_strip("IP", [1])


def test_neighbors_are_ticked_by_name() -> None:
    images = np.arange(2 * 2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 2, 4, 4, 3)
    figure = figures.neighbors(
        images[:, 0], images, ["turn", "shake"], [["turn", "pulse"], ["turn", "shake"]]
    )
    assert [axes.get_title() for axes in figure.axes] == [
        *("query: turn", "✓ turn", "✗ pulse", "query: shake", "✗ turn", "✓ shake")
    ]
    assert figure.get_suptitle() == "2 of 4 neighbors agree with their query"
    assert np.array_equal(figure.axes[4].images[0].get_array(), images[1, 0])
    wide = figures.neighbors(images[:, 0], images, ["a", "b"], [["a", "a"], ["b", "b"]], side=2.0)
    assert wide.get_figwidth() == 6 > figure.get_figwidth()
    both = figures.neighbors(images[:1, 0], images[:1], ["rings\nturn"], [["rings\nshake", "rings\nturn"]])
    assert [axes.get_title() for axes in both.axes[1:]] == ["✓ rings\n✗ shake", "✓ rings\n✓ turn"]


def test_a_filmstrip_fills_rows_and_leaves_the_rest_empty() -> None:
    frames = np.random.default_rng(0).integers(0, 255, (5, 6, 8, 3), np.uint8)
    figure = figures.filmstrip(frames, labels=list("abcde"), columns=3)
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 1, 1, 1, 0]
    assert np.array_equal(figure.axes[3].images[0].get_array(), frames[3])
    with pytest.raises(ValueError, match="1 labels do not go with 5 frames"):
        figures.filmstrip(frames, labels=["a"])


def test_a_picture_has_no_blank_margin() -> None:
    strip = figures.filmstrip(np.zeros((3, 40, 40, 3), np.uint8), labels=list("abc"), title="Black")
    image = matplotlib.image.imread(io.BytesIO(figures.png(strip)))[..., :3]
    down, across = np.nonzero(image.min(-1) < 0.5)
    margins = down.min(), len(image) - 1 - down.max(), across.min(), image.shape[1] - 1 - across.max()
    assert max(margins) <= 12, "pixels"


def test_the_map_leaves_out_no_notebook_and_marks_what_is_optional() -> None:
    axes = figures.course_map().axes[0]
    words = " ".join(text.get_text() for text in axes.texts)
    assert set(re.findall(r"\b\d\d\b", words)) == {f"{number:02d}" for number in range(1, 16)}
    dashed = [patch.get_facecolor()[:3] for patch in axes.patches if patch.get_linestyle() == "--"]
    assert dashed == [to_rgb(figures.COLORS["residual"])] * 2


def test_the_map_shows_pictures_where_it_is_given_some() -> None:
    field = np.ones((2, 2, 2)), np.ones((2, 2), bool)
    black, white = (np.full((16, 16, 3), level, np.uint8) for level in (0, 255))
    figure = figures.course_map(black, white, *field, np.zeros((16, 16)))
    insets = figure.axes[0].child_axes
    assert [int(inset.images[0].get_array().min()) for inset in insets[:2]] == [0, 255], "file, key frame"
    assert [len(inset.images) for inset in insets] == [1] * 4
    assert sum(any(hasattr(drawn, "U") for drawn in inset.collections) for inset in insets) == 1


def test_pairs_are_counted_in_one_shade_of_gray() -> None:
    counts = {"even": np.full((2, 3), 4), "uneven": np.array([[16, 0, 0], [0, 0, 1]])}
    even, uneven = figures.pairs(counts, ["a", "b"], ["x", "y", "z"], title="One says nothing").axes
    assert [text.get_text() for text in even.texts] == ["4"] * 6
    (shades,) = uneven.collections
    assert shades.get_clim() == (0, 4) and even.collections[0].get_array().max() == 2


def test_the_widget_follows_its_slider() -> None:
    frames = np.stack([np.full((8, 8, 3), shade, np.uint8) for shade in (0, 90, 200)])
    box = widgets.step_through(frames, "IPB", [500, 60, 7])
    slider, words, image = box.children
    first = bytes(image.value)
    assert words.value == "frame 0: I, 500 bytes" and (slider.min, slider.max) == (0, 2)
    slider.value = 2
    assert words.value == "frame 2: B, 7 bytes"
    assert bytes(image.value) != first and bytes(image.value[:4]) == b"\x89PNG"
    shown = widgets.step(frames, "IPB", [500, 60, 7], 2)
    assert np.array_equal(shown.axes[0].images[0].get_array(), frames[2])
    (arrow,) = shown.axes[1].texts
    assert (arrow.xy, arrow.get_text()) == ((2, 7), "B"), "it stands on the frame's bar"
    with pytest.raises(ValueError, match="2 types and 3 sizes do not go with 3 frames"):
        widgets.step_through(frames, "IP", [500, 60, 7])


def test_residuals_are_drawn_as_they_are_and_hatched_where_nothing_was_predicted() -> None:
    values = np.stack([np.full((16, 16), -7), np.arange(256).reshape(16, 16) - 128]).astype(np.int16)
    mask = np.array([[True, False], [True, True]])
    figure = figures.residual_panels(values, [mask, None], labels=["a", "b"], limit=50, title="What is left")
    first, second = figure.axes[:2]
    assert np.array_equal(first.images[0].get_array(), values[0])
    assert first.images[0].get_clim() == (-50, 50)
    assert len(first.collections[0].get_paths()) == 1 and not second.collections
    assert figure.legends and not figures.residual_panels(values, labels=["a", "b"]).legends
    with pytest.raises(ValueError, match="1 labels and 2 masks do not go with 2 maps"):
        figures.residual_panels(values, labels=["a"])


def test_a_prediction_stands_between_the_last_frame_and_what_it_leaves() -> None:
    previous, real = np.zeros((16, 24), np.uint8), np.full((16, 24), 9, np.uint8)
    predicted, field = np.full((16, 24), 11, np.uint8), np.zeros((2, 2, 3))
    figure = figures.prediction_row(previous, field, np.ones((2, 3), bool), predicted, real, limit=5)
    shown = [axes.images[0] for axes in figure.axes]
    assert [image.get_array().flat[0] for image in (shown[0], shown[2], shown[3], shown[4])] == [0, 11, 9, -2]
    assert shown[4].get_clim() == (-5, 5)
    with pytest.raises(ValueError, match="do not go together"):
        figures.prediction_row(previous, field, np.ones((2, 3), bool), predicted[:8], real)


def test_the_weights_between_pixels_are_those_of_the_decoder() -> None:
    drawn = [
        text.get_text().replace("\N{MINUS SIGN}", "-") for text in figures.between_pixels().axes[0].texts
    ]
    weights = np.array([int(word) for word in drawn[:6]])
    ramp = np.arange(6) * 32
    assert weights.sum() == 32 and (weights * ramp).sum() / 32 == 80  # half-way between 64 and 96


def test_the_architecture_shows_the_shapes_of_the_course_s_recipe() -> None:
    recipe = train.recipes.laptop()
    networks, size, cells = recipe.networks, recipe.augmentation.size, recipe.augmentation.cells
    clip, window = (3, recipe.sampling.frames, size, size), (3, recipe.sampling.window, cells, cells)
    backbone = networks.build_backbone().eval()
    shared = backbone.shared(torch.zeros(1, *clip))
    still, moving = backbone.feature_maps(torch.zeros(1, *clip))
    points = networks.build_window_encoder(3)(torch.zeros(1, *window))
    said = " ".join(text.get_text() for text in figures.architecture().axes[0].texts).replace("\n", " ")
    for shape in (
        clip,
        window,
        shared.shape[1:],
        moving.shape[1:],
        (points[0, 0].numel(), networks.projection),
    ):
        assert " x ".join(map(str, shape)) in said
    assert still.shape[1] == networks.projection == 128 and said.count(" 128 ") >= 3
    with pytest.raises(ValueError, match="no part tail; there are file, sample"):
        figures.architecture(["tail"])


def test_bars_carry_their_values_and_bytes_their_types() -> None:
    figure = figures.bars({"one": 1.25, "two": 2.5}, label="px", title="Two is more", form=".2f")
    assert [bar.get_width() for bar in figure.axes[0].patches] == [1.25, 2.5]
    assert [text.get_text() for text in figure.axes[0].texts] == ["1.25", "2.50"]
    files = {"all I": ("II", [500, 700]), "I and P": ("IPPB", [500, 60, 30, 10])}
    figure = figures.bytes_by_type(files)
    assert figure.get_suptitle() == "I and P takes 50 % of the bytes of all I"
    assert [round(bar.get_width(), 3) for bar in figure.axes[0].patches] == [1.2, 0.5, 0.09, 0.01]
    assert [text.get_text() for text in figure.axes[0].texts] == [
        "1.2 kB: 2 I-frames",
        "0.6 kB: 1 I-frame, 2 P-frames, 1 B-frame",
    ]
    assert figures.bytes_by_type(files, title="Fewer I").get_suptitle() == "Fewer I"


def test_a_packing_shows_bytes_and_vectors_of_one_clip() -> None:
    image, vectors, mask = np.zeros((16, 24, 3), np.uint8), np.full((2, 2, 3), 3), np.ones((2, 3), bool)
    figure = figures.packing("IPB", [90, 20, 5], image, vectors, mask, most=200, label="frame 1")
    strip, panel = figure.axes
    assert sorted(bar.get_height() for bar in strip.patches) == [5, 20, 90] and strip.get_ylim()[1] > 200
    assert panel.get_title() == "frame 1" and panel.collections[1].U[0] == -6
    with pytest.raises(ValueError, match="2 picture types do not go with 3 sizes"):
        figures.packing("IP", [90, 20, 5], image, vectors, mask)
    with pytest.raises(ValueError, match="do not go with a picture"):
        figures.packing("IPB", [90, 20, 5], image[:8], vectors, mask)


def test_the_laboratory_repeats_its_experiment_when_a_slider_is_moved() -> None:
    seen = []

    def experiment(gop: int, crf: int) -> tuple[Any, str]:
        seen.append((gop, crf))
        return figures.new(f"{gop} {crf}"), f"gop {gop}, crf {crf}"

    box = widgets.laboratory(experiment, {"gop": (1, 12, 42), "crf": (23, 31)}, {"gop": 12})
    sliders, words, image = box.children
    first = bytes(image.value)
    assert words.value == "gop 12, crf 23"
    sliders.children[1].value = 31
    assert words.value == "gop 12, crf 31" and seen == [(12, 23), (12, 31)]
    assert bytes(image.value) != first and not sliders.children[0].continuous_update
    _, _, _, words_before, image_before = box.children
    assert words_before.value == "before: gop 12, crf 23" and bytes(image_before.value) == first
    second = bytes(image.value)
    sliders.children[0].value = 42
    assert words.value == "gop 42, crf 31" and len(box.children) == 5
    assert words_before.value == "before: gop 12, crf 31" and bytes(image_before.value) == second
