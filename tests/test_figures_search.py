"""Pictures of retrieval show the numbers they were given, and what follows from them."""

from __future__ import annotations

import numpy as np
import pytest

from cvrl_lite.course.figures import search
from cvrl_lite.course.figures.protocols import before_after, ties


def test_the_dots_of_rankings_give_recall() -> None:
    same = np.random.default_rng(0).random((30, 20)) < 0.15
    same[3] = False  # a row without any right one has no dot
    axes = search.rankings(same, [str(row) for row in range(30)], title="Ranked", ks=(5,)).axes[0]
    dots, line = axes.lines
    assert line.get_xdata()[0] == 5.5
    assert 3 not in dots.get_ydata()
    for k in (1, 5, 20):
        assert (np.asarray(dots.get_xdata()) <= k).sum() == same[:, :k].any(1).sum()
    assert np.array_equal(np.asarray(axes.collections[0].get_array()).reshape(30, 20), same)
    assert axes.get_ylim()[0] > axes.get_ylim()[1], "the first query stands on top"


def test_recalls_draws_each_curve_and_chance() -> None:
    curves = {
        "scene": {"both": [0.2, 0.5, 0.9], "still": [0.3, 0.6, 1.0]},
        "action": {"both": [0.1, 0.2, 0.3]},
    }
    chance = {"scene": [0.1, 0.2, 0.3], "action": [0.2, 0.4, 0.6]}
    figure = search.recalls(curves, chance, title="Curves")
    for axes, label in zip(figure.axes, curves, strict=True):
        *drawn, guess = axes.lines
        assert [list(line.get_ydata()) for line in drawn] == list(curves[label].values())
        assert list(guess.get_ydata()) == chance[label] and list(guess.get_xdata()) == [1, 2, 3]
        assert axes.get_title() == label and axes.get_xscale() == "log"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["both", "still", "chance"]


@pytest.mark.parametrize("size", [2, 16])
def test_confusion_writes_each_count_at_its_place(size: int) -> None:
    counts = np.random.default_rng(size).integers(0, 4, (size, size))
    names = [f"c{n}" for n in range(size)]
    (axes,) = search.confusion(counts, names, found="nearest", title="Who", role="context").axes
    written = np.zeros_like(counts)
    for text in axes.texts:
        column, row = text.get_position()
        written[int(row), int(column)] = int(text.get_text())
    assert np.array_equal(written, counts)
    image = np.asarray(axes.images[0].get_array())
    gray, right = np.ptp(image, axis=2) < 1e-9, np.eye(size, dtype=bool)
    assert gray[~right].all() and not gray[right & (counts > 0)].any(), "color only where it is right"
    assert (image[counts == 0] == 1).all()
    assert [tick.get_text() for tick in axes.get_yticklabels()] == [f"c{n}" for n in range(size)]


def test_histograms_count_within_their_edges_and_mark() -> None:
    random = np.random.default_rng(0)
    clean, copied, edges = random.random(100), random.random(20), np.linspace(0, 1, 6)
    words = {"label": "cosine", "title": "Apart", "marks": (0.2, 0.8)}
    axes = search.histograms({"clean": clean, "copied": copied}, edges, **words).axes[0]
    assert [bar.get_height() for bar in axes.patches[:5]] == np.histogram(clean, edges)[0].tolist()
    outline = axes.patches[-1].get_xy()  # the second one is a single outline
    assert outline[:, 1].max() == np.histogram(copied, edges)[0].max()
    assert [line.get_xdata()[0] for line in axes.lines] == [0.2, 0.8]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["clean", "copied"]
    assert (
        search.histograms({"alone": clean}, edges, label="cosine", title="One").axes[0].get_legend() is None
    )


def test_maps_color_the_same_points_by_each_label() -> None:
    random = np.random.default_rng(0)
    points = {"still": random.random((12, 2)), "moving": random.random((12, 2))}
    labels = {"scene": (np.arange(12) % 3, ["a", "b", "c"]), "action": (np.arange(12) % 2, ["p", "q"])}
    axes = search.maps(points, labels, title="Maps", roles=["context", "motion"]).axes
    for number, panel in enumerate(axes):
        places, (classes, names) = [*points.values()][number // 2], [*labels.values()][number % 2]
        for n, drawn in enumerate(panel.collections):  # one for each class
            assert np.allclose(drawn.get_offsets(), places[classes == n])
        for text in panel.texts:  # a name stands on a point of its class
            own = places[classes == names.index(text.get_text())]
            assert np.abs(own - text.get_position()).sum(1).min() < 1e-9
    assert [[text.get_text() for text in panel.texts] for panel in axes] == [
        ["a", "b", "c"],
        [],
        [],
        ["p", "q"],
    ]


def test_each_order_is_a_dot_and_ties_that_count_a_diamond() -> None:
    words = {"label": "R@1", "title": "Ties", "role": "context"}
    axes = ties([0.5, 0.4, 0.5, 0.5], fair=0.475, lenient=0.9, **words).axes[0]
    dots, line, diamond = axes.lines
    assert [*zip(dots.get_xdata(), dots.get_ydata(), strict=True)] == [(0.4, 1), (0.5, 1), (0.5, 2), (0.5, 3)]
    assert set(line.get_xdata()) == {0.475} and list(diamond.get_xdata()) == [0.9]
    said = [text.get_text() for text in axes.texts]
    assert "worst\n.40" in said and "best\n.50" in said and "every tie a hit\n.90" in said


def test_an_arrow_leads_from_before_to_after() -> None:
    pairs = {"up": (0.5, 0.7), "down": (0.6, 0.4)}
    words = {"words": ("clean", "copied"), "label": "R@1", "title": "Both ways", "role": "joint"}
    axes = before_after(pairs, **words).axes[0]
    arrows = [text for text in axes.texts if getattr(text, "arrow_patch", None)]
    assert [(arrow.xyann[0], arrow.xy[0]) for arrow in arrows] == [*pairs.values()]
    assert [line.get_xdata()[0] for line in axes.lines] == [0.5, 0.7, 0.6, 0.4]
    sides = [text.get_ha() for text in axes.texts if text.get_text()]
    assert sides == ["right", "left", "left", "right"], "never on the arrow"
