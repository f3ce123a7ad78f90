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
        colors = [line.get_color() for line in guesses.values()]
        assert colors == [figures.COLORS["context"], figures.COLORS["motion"]]
    assert not any("guess" in str(line.get_label()) for line in figures.curves(METRICS).axes[0].lines)


def test_a_title_of_ones_own_takes_the_place_of_the_last_measures() -> None:
    assert figures.curves(METRICS).get_suptitle() == "After 3 steps: context accuracy .20"
    assert figures.curves(METRICS, title="Patience pays").get_suptitle() == "Patience pays"


def test_no_metrics_make_no_curves() -> None:
    with pytest.raises(ValueError, match="no metrics"):
        figures.curves([])
