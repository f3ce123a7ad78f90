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


def test_pulls_show_each_batch_their_means_and_what_chance_would_give() -> None:
    cosines = np.array([[0.1, 0.3], [0.0, -0.2]])
    lengths = {"context": np.array([[1.0, 3.0], [2.0, 2.0]]), "motion": np.array([[4.0, 4.0], [1.0, 1.0]])}
    left, right = figures.pulls([0, 10], cosines, lengths, random=0.05, title="Two pulls").axes
    means = [line for line in left.lines if line.get_linestyle() == "-"]
    assert np.allclose(means[0].get_ydata(), [0.2, -0.1])
    band = left.patches[0].get_extents()
    assert np.allclose(left.transData.inverted().transform(band)[:, 1], [-0.1, 0.1])
    by_task = [line for line in right.lines if line.get_linestyle() == "-"]
    assert [list(line.get_ydata()) for line in by_task] == [[2, 2], [4, 1]]
    assert [line.get_color() for line in by_task] == [figures.COLORS[task] for task in lengths]
