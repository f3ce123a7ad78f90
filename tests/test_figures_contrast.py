"""Pictures of contrastive learning say what their numbers say, and the quiz is the package's InfoNCE."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from matplotlib.colors import to_hex, to_rgb
from matplotlib.patches import Rectangle

from cvrl_lite.course import figures
from cvrl_lite.course.figures.contrast import softmax
from cvrl_lite.course.figures.style import PLAIN
from cvrl_lite.course.patients import patients
from cvrl_lite.course.widgets import laboratory
from cvrl_lite.pretext import info_nce


def made_up(rows: int, columns: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, np.ndarray]:
    """Queries, keys and their cosines."""
    draws = torch.Generator().manual_seed(seed)
    queries, keys = torch.randn(rows, 6, generator=draws), torch.randn(columns, 6, generator=draws)
    return queries, keys, (F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T).numpy()


@pytest.mark.parametrize(("rows", "columns", "temperature"), [(5, 5, 1.0), (5, 9, 0.1), (20, 20, 0.02)])
def test_a_quiz_says_the_loss_and_the_hits_of_info_nce(rows: int, columns: int, temperature: float) -> None:
    queries, keys, cosines = made_up(rows, columns)
    loss, accuracy = info_nce(queries, keys, temperature)
    title = figures.quiz(cosines, temperature).get_suptitle()
    hits = round(rows * accuracy.item())
    assert title.endswith(f"loss is {loss.item():.2f} nats (a blind guess: {np.log(columns):.2f})")
    assert f"{hits} of {rows} find their own among {columns};" in title


def test_a_quiz_shows_cosines_and_their_probabilities() -> None:
    _, _, cosines = made_up(4, 6)
    left, right = figures.quiz(cosines, 0.2).axes[:2]
    assert np.array_equal(left.images[0].get_array(), cosines) and left.images[0].get_clim() == (-1, 1)
    shares = np.asarray(right.images[0].get_array())
    assert np.allclose(shares, torch.from_numpy(cosines / 0.2).softmax(1)) and np.allclose(shares.sum(1), 1)


def test_a_softmax_survives_any_temperature() -> None:
    shares = softmax(np.array([[1.0, 0.9, -1.0]]), 1e-5)
    assert np.array_equal(shares, [[1.0, 0.0, 0.0]])


def test_a_matrix_frames_own_keys_marks_the_best_and_hatches_what_is_left_out() -> None:
    cosines = np.array([[0.2, 0.9, -0.5], [0.1, 0.7, 0.3]])
    allowed = np.array([[False, False, True], [True, True, True]])
    figure = figures.similarity_matrix(cosines, allowed=allowed, title="One is left out")
    axes = figure.axes[0]
    frames = [patch for patch in axes.patches if isinstance(patch, Rectangle) and not patch.get_fill()]
    assert [frame.get_xy() for frame in frames] == [(-0.5, -0.5), (0.5, 0.5)]
    hatched = [patch.get_xy() for patch in axes.patches if patch.get_hatch()]
    assert hatched == [(0.5, -0.5)], "an own key always stands in the comparison"
    bold = {text.get_text() for text in axes.texts if text.get_weight() == "bold"}
    assert bold == {".2", ".7"} and len(axes.texts) == 5
    labels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert labels == ["its own", "left out"]
    plain = figures.similarity_matrix(cosines)
    assert [text.get_text() for text in plain.legends[0].get_texts()] == ["its own"]


def test_a_large_matrix_has_rings_on_its_misses_in_place_of_numbers() -> None:
    _, _, cosines = made_up(30, 30)
    figure = figures.similarity_matrix(cosines)
    (rings,) = figure.axes[0].lines
    missed = np.flatnonzero(cosines.argmax(1) != np.arange(30))
    assert len(missed) and not figure.axes[0].texts
    assert np.array_equal(rings.get_ydata(), missed)
    assert np.array_equal(rings.get_xdata(), cosines.argmax(1)[missed])
    words = [text.get_text() for text in figure.legends[0].get_texts()]
    assert words == ["its own", f"nearest, but not its own ({len(missed)})"]


def test_temperatures_sort_the_keys_and_mark_the_own_one_twice() -> None:
    cosines = np.array([0.1, 0.8, 0.5, -0.9])
    figure = figures.temperatures(cosines, 2, [1.0, 0.1])
    for axes, temperature in zip(figure.axes, (1.0, 0.1), strict=True):
        heights = [bar.get_height() for bar in axes.patches]
        expected = torch.from_numpy(cosines / temperature).softmax(0).numpy()
        assert np.allclose(heights, expected[[1, 2, 0, 3]])
        own = axes.patches[1]
        assert own.get_hatch() and own.get_facecolor()[:3] == to_rgb(figures.COLORS["context"])
        assert sum(bool(bar.get_hatch()) for bar in axes.patches) == 1
        others = expected[[0, 1, 3]]
        assert f"hardest: {round(100 * others.max() / others.sum())} %" in axes.get_title()


def test_curves_over_keys_carry_names_and_ticks() -> None:
    axes = figures.by_keys([2, 8], {"guess": [0.7, 2.1], "loss": [0.1, 0.4]}, label="nats", title="A").axes[0]
    assert [list(line.get_ydata()) for line in axes.lines] == [[0.7, 2.1], [0.1, 0.4]]
    assert axes.lines[0].get_linestyle() != axes.lines[1].get_linestyle()
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["2", "8"]


def test_learning_shows_mean_range_and_the_blind_guess() -> None:
    runs = np.array([[[4.0, 0.1], [2.0, 0.3]], [[3.0, 0.1], [1.0, 0.5]]])
    loss, accuracy = figures.learning(runs, 16, title="Two seeds").axes
    assert list(loss.lines[0].get_ydata()) == [3.5, 1.5] and list(accuracy.lines[0].get_ydata()) == [0.1, 0.4]
    assert loss.lines[1].get_ydata()[0] == np.log(16) and accuracy.lines[1].get_ydata()[0] == 1 / 16
    extent = loss.collections[0].get_paths()[0].get_extents()
    assert (extent.ymin, extent.ymax) == (1.0, 4.0)


def test_seeds_have_a_bar_a_dot_each_and_from_three_on_their_spread() -> None:
    shares = {"a": [0.2, 0.4], "b": [0.9, 0.9, 0.9]}
    measures = {"game": shares, "R@1": {"a": [0.1], "b": [0.3]}}
    figure = figures.seeds(measures, guess=[0.1, 0.5], title="B", roles={"b": "motion"})
    left, right = figure.axes
    assert np.allclose([bar.get_width() for bar in left.patches], [0.3, 0.9])
    assert [list(line.get_xdata()) for line in left.lines[1:]] == [[0.2, 0.4], [0.9, 0.9, 0.9]]
    assert [to_hex(bar.get_facecolor()) for bar in left.patches] == [
        PLAIN.lower(),
        figures.COLORS["motion"].lower(),
    ]
    assert [text.get_text() for text in left.texts] == [".30", ".90 ± <.01", " dashed: guessing"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["game", "R@1"]
    assert right.lines[0].get_xdata()[0] == 0.5, "each measure has its own guess"
    assert len(right.lines) == 1, "a single run needs no dot on its bar"
    hatched = figures.seeds(measures, guess=[0.1, 0.5], title="B", hatched=["b"]).axes[0]
    assert [bool(bar.get_hatch()) for bar in hatched.patches] == [False, True]


def test_the_laboratory_plays_the_quiz() -> None:
    _, _, cosines = made_up(16, 16)

    def experiment(temperature: float, keys: int) -> tuple[object, str]:
        figure = figures.quiz(cosines[:keys, :keys], temperature)
        return figure, figure.get_suptitle()

    box = laboratory(experiment, {"temperature": (1.0, 0.1), "keys": (2, 16)}, {"keys": 16})  # type: ignore[arg-type]
    sliders, words, image = box.children
    first = bytes(image.value)
    assert words.value.startswith("At temperature 1, ") and "among 16" in words.value
    sliders.children[0].value = 0.1
    sliders.children[1].value = 2
    assert (
        words.value.startswith("At temperature 0.1, ")
        and "among 2" in words.value
        and bytes(image.value) != first
    )


def test_matrices_stand_side_by_side_in_one_scale() -> None:
    tables = {"apart": np.eye(3), "together": np.full((3, 3), 0.9)}
    figure = figures.matrices(tables, title="Two")
    for axes, (caption, table) in zip(figure.axes, tables.items(), strict=False):
        assert axes.get_title() == caption and np.array_equal(axes.images[0].get_array(), table)
        assert axes.images[0].get_clim() == (-1, 1)
        frames = [patch.get_xy() for patch in axes.patches if isinstance(patch, Rectangle)]
        assert frames == [(-0.5, -0.5), (0.5, 0.5), (1.5, 1.5)]
    large = figures.matrices({"noise": made_up(20, 20)[2]}, title="One")
    missed = np.flatnonzero(made_up(20, 20)[2].argmax(1) != np.arange(20))
    assert np.array_equal(large.axes[0].lines[0].get_ydata(), missed)
    words = [[text.get_text() for text in shown.legends[0].get_texts()] for shown in (figure, large)]
    assert words == [["its own"], ["its own", "nearest, but not its own"]]


def test_patients_have_the_cosines_and_hits_that_are_said_of_them() -> None:
    for words, seen, bare, diagnosis in patients():
        strangers, found, without = map(float, re.findall(r"\d+\.\d+", words))
        cosines = F.normalize(seen[0], dim=1) @ F.normalize(seen[1], dim=1).T
        assert abs(cosines[~torch.eye(64, dtype=torch.bool)].mean() - strangers) < 0.02
        for (left, right), share in ((seen, found), (bare, without)):
            assert abs(info_nce(left, right, 0.1)[1].item() - share) < 0.03
        assert diagnosis in ("healthy", "collapsed", "shortcut")
