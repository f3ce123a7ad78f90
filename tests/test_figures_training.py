"""How a training went, drawn: curves, and what a blind guess would score."""

from __future__ import annotations

import numpy as np
import pytest

from cvrl_lite.course import figures

METRICS = [
    {"step": step, "context_loss": 3.0 / step, "context_accuracy": 0.1 * step, "motion_loss": 6.0}
    for step in (1, 2, 3)
]


def test_a_blind_guess_is_drawn_for_each_task_whose_keys_are_told() -> None:
    keys = {"context": 24, "motion": 768}
    panels = figures.curves(METRICS, smooth=1, keys=keys).axes
    for axes, heights in zip(panels, (np.log([24, 768]), [1 / 24, 1 / 768]), strict=True):
        guesses = {line.get_label(): line for line in axes.lines if "guess" in str(line.get_label())}
        assert list(guesses) == ["context: a guess, 1 of 24", "motion: a guess, 1 of 768"]
        assert np.allclose([line.get_ydata()[0] for line in guesses.values()], heights)
        assert not {line.get_color() for line in guesses.values()} & set(figures.COLORS.values())
    words = [text.get_text() for text in panels[0].texts]
    assert {"context", "motion", "motion: a guess among 768"} <= set(words)
    assert not any("guess" in str(line.get_label()) for line in figures.curves(METRICS).axes[0].lines)


def test_a_title_of_ones_own_takes_the_place_of_the_last_measures() -> None:
    assert figures.curves(METRICS).get_suptitle() == "After 3 steps: context accuracy .20"
    assert figures.curves(METRICS, title="Patience pays").get_suptitle() == "Patience pays"


def test_no_metrics_make_no_curves() -> None:
    with pytest.raises(ValueError, match="no metrics"):
        figures.curves([])


def test_pulls_show_each_pair_of_batches_and_their_means_in_the_color_of_the_task() -> None:
    cosines = {
        "context and motion": np.array([[0.1, 0.3], [0.0, -0.2]]),
        "motion on two batches": np.ones((2, 3)),
    }
    lengths = {"context": np.array([[1.0, 3.0], [2.0, 2.0]]), "motion": np.array([[4.0, 4.0], [1.0, 1.0]])}
    left, right = figures.pulls([0, 10], cosines, lengths, title="Two pulls").axes
    means = {line.get_label(): line for line in left.lines if line.get_label() in cosines}
    assert np.allclose(means["context and motion"].get_ydata(), [0.2, -0.1])
    colors = [means[name].get_color() for name in cosines]
    assert colors == [figures.COLORS["joint"], figures.COLORS["motion"]]
    assert left.get_ylim()[0] < -1 and left.get_ylim()[1] > 1
    by_task = [line for line in right.lines if line.get_linestyle() == "-"]
    assert [list(line.get_ydata()) for line in by_task] == [[2, 2], [4, 1]]
    assert [line.get_color() for line in by_task] == [figures.COLORS[task] for task in lengths]


def test_the_words_at_a_guess_stand_where_the_loss_is_not() -> None:
    falls = [{"step": step, "context_loss": 4.0 - step, "motion_loss": 6.0} for step in (0, 1, 2, 3)]
    axes = figures.curves(falls, smooth=1, keys={"context": 24, "motion": 300}).axes[0]
    places = {text.get_text(): (text.get_ha(), text.get_va()) for text in axes.texts}
    assert places["context: a guess among 24"] == ("right", "bottom")
    assert places["motion: a guess among 300"] == ("left", "top")


def test_no_peak_of_a_measure_is_cut_off() -> None:
    peak = [{"step": step, "context_accuracy": 0.1 + 0.4 * (step == 5)} for step in range(10)]
    assert figures.curves(peak, smooth=5).axes[1].get_ylim()[1] >= 0.5


def test_agreement_is_drawn_over_the_fewest_and_over_the_most_batches() -> None:
    row = {"context": [[0.1, -0.2, 0.4], [0.5, 0.4, 0.6]], "motion": [[0, 0, 0], [1, 1, 1]]}
    row["both"] = [[-0.1, -0.3, 0.1], [-0.2, -0.2, -0.2]]
    few, many = figures.agreement([{"step": step, **row} for step in (0, 30)], [1, 40], title="Agreed").axes
    for axes, heights in ((few, (0.1, 0, -0.1)), (many, (0.5, 1, -0.2))):
        curves = [line for line in axes.lines if line.get_label().split()[0] in ("context", "motion")]
        assert [line.get_ydata()[0] for line in curves] == list(heights)
        assert [line.get_color() for line in curves] == [
            figures.COLORS[role] for role in ("context", "motion", "joint")
        ]
        assert axes.get_ylim()[0] < -0.5
