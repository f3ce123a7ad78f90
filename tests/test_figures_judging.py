"""Curves of shares and ranges show the numbers they are given."""

import numpy as np
import pytest
from matplotlib.figure import Figure

from cvrl_lite.course import figures
from cvrl_lite.course.figures import COLORS, png
from cvrl_lite.course.figures.judging import claims, grid, range_panels, ranges, shares, staircase
from cvrl_lite.course.figures.style import PLAIN, contrast
from cvrl_lite.course.figures.tables import tables

WORDS = {"across": "labels", "along": "accuracy", "title": "More labels, better"}


def curves_of(figure: Figure, panel: int) -> dict[str, list[float]]:
    """The mean curves of a panel, by the names in the figure's key."""
    key = {entry.get_color(): entry.get_label() for entry in figure.legends[0].get_lines()}
    lines = [line for line in figure.axes[panel].lines if line.get_marker() in "os^D"]
    return {str(key[line.get_color()]): list(np.round(line.get_ydata(), 6)) for line in lines}


def test_curves_are_means_and_every_draw_is_a_dot():
    draws = np.array([[0.1, 0.3, 0.2], [0.6, 0.8, 0.7]])
    panels = {"scene": {"joint": draws}, "action": {"joint": [0.5, 0.9], "untrained": [0.1, 0.2]}}
    figure = shares([1, "all"], panels, guess=[0.1, 0.2], **WORDS)
    assert curves_of(figure, 0) == {"joint": [0.2, 0.7]}
    assert curves_of(figure, 1) == {"joint": [0.5, 0.9], "untrained": [0.1, 0.2]}
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "."]
    assert sorted(np.concatenate([line.get_ydata() for line in dots])) == sorted(draws.ravel())
    assert [axes.lines[0].get_ydata()[0] for axes in figure.axes] == [0.1, 0.2]
    assert [axes.get_title() for axes in figure.axes] == ["scene", "action"]
    assert [tick.get_text() for tick in figure.axes[0].get_xticklabels()] == ["1", "all"]
    assert png(figure)


def test_equal_repetitions_are_one_marker_without_dots():
    draws = np.array([[0.1, 0.3], [0.7, 0.7]])
    figure = shares([1, "all"], {"scene": {"joint": draws}}, guess=[0.1], **WORDS)
    assert curves_of(figure, 0) == {"joint": [0.2, 0.7]}
    dots = [line for line in figure.axes[0].lines if line.get_marker() == "."]
    assert sorted(np.concatenate([line.get_ydata() for line in dots])) == [0.1, 0.3]


def test_curves_need_a_guess_for_each_panel_and_a_value_for_each_tick():
    with pytest.raises(ValueError, match="zip"):
        shares([1, 2], {"a": {"x": [0.1, 0.2]}}, guess=[], **WORDS)
    with pytest.raises(ValueError, match="reshape"):
        shares([1, 2], {"a": {"x": [0.1, 0.2, 0.3]}}, guess=[0.1], **WORDS)


def test_ranges_lie_where_they_should_and_say_their_width():
    values = {"queries": (0.7, 0.8, 0.9), "seeds": (-0.02, 0.0, 0.02)}
    pairs = {"queries": (0.75, 0.8, 0.85), "seeds": (-0.05, 0.0, 0.05)}
    figure = ranges(values, label="accuracy", title="Two", zero=0, roles={"seeds": "joint"}, pairs=pairs)
    axes = figure.axes[0]
    whiskers = [list(line.get_xdata()) for line in axes.lines if line.get_marker() == "|"]
    assert whiskers == [[0.7, 0.9], [0.75, 0.85], [-0.02, 0.02], [-0.05, 0.05]], "the pairs below their own"
    thick = [line.get_color() for line in axes.lines if line.get_linewidth() == 3]
    assert thick == [PLAIN, COLORS["joint"]]
    assert [text.get_text() for text in axes.texts] == [".80 (.70 to .90)", "± .05"], "the wider of two"
    assert [tick.get_text() for tick in axes.get_yticklabels()] == list(values)
    assert axes.get_xlim()[0] < -0.02 and axes.get_xlim()[1] > 0.9
    assert png(figure)


def test_a_range_without_width_can_be_drawn():
    figure = ranges({"one seed": (0.5, 0.5, 0.5)}, label="accuracy", title="One seed has no spread")
    assert [text.get_text() for text in figure.axes[0].texts] == [".50"] and png(figure)


def test_a_table_frames_what_is_its_own():
    cells = [[[0.1], [0.9, 0.9, 0.9]], [[0.5, 0.7], [0.2]]]
    figure = grid(cells, rows=["a", "b"], columns=["x", "y"], title="Own", own={(0, 1): "motion"})
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == [".10", ".90 ± <.01", ".60", ".20"]
    (frame,) = axes.patches
    assert frame.get_x() < 1 < frame.get_x() + frame.get_width()
    assert frame.get_y() < 0 < frame.get_y() + frame.get_height()


def test_parts_are_tables_of_means_with_the_part_of_each_label_framed():
    def run(model, value):
        labels = {"scene": {"R@1": value}, "action": {"R@1": value / 2}}
        return {"model": model, "scores": {part: labels for part in ("context", "motion", "whole")}}

    runs = [*(run("joint", value) for value in (0.5, 0.6, 0.7)), run("untrained", 0.2)]
    figure = figures.by_parts(runs, {"scene": 0.1, "action": 0.3}, title="Parts")
    scene, action = figure.axes
    assert [tick.get_text() for tick in scene.get_yticklabels()] == ["untrained", "both tasks", "a guess"]
    assert [text.get_text() for text in scene.texts[::3]] == [".20", ".60 ± .10", ".10"]
    strength = 1 - action.images[0].get_array()[..., 2]  # orange has no blue
    assert np.allclose(strength[:2], [[0.09] * 3, [0.27] * 3])
    assert [panel.patches[0].get_x() for panel in figure.axes] == [-0.5, 0.5]
    assert "both tasks: scene .60 ± .10 by the context part" in figures.by_parts_in_words(
        runs, {"scene": 0.1}
    )


def test_a_column_of_a_table_is_shaded_in_the_color_of_its_role():
    figure = grid(
        [[[1.0], [0.0]]], rows=["a"], columns=["x", "y"], title="Shades", tints=["residual", "motion"]
    )
    full, none = figure.axes[0].images[0].get_array()[0]
    assert none.tolist() == [1, 1, 1] and full[1] == max(full) < 1  # of green


def test_numbers_stand_out_from_every_shade():
    roles = ["untrained", "context", "motion", "joint", "residual"]
    values = [[[height]] * len(roles) for height in np.linspace(0, 1, 21)]
    words = {"rows": [""] * len(values), "columns": roles, "title": "All shades"}
    for tints in (roles, ()):
        axes = grid(values, **words, tints=tints).axes[0]
        shades = axes.images[0].get_array().reshape(-1, 3)
        inks = [text.get_color() for text in axes.texts]
        assert min(map(contrast, inks, shades)) >= 4 and set(inks) == {"white", "black"}


def test_tables_share_their_rows_and_each_has_its_own_color():
    cells = [[[0.2, 0.3, 0.4], [1.0]], [[0.0], [0.5]]]
    figure = tables(
        {"scene": cells, "action": cells[::-1]},
        rows=["a", "b"],
        columns=["x", "y"],
        roles=["context", "motion"],
        title="Two",
        own=[[(0, 0), (0, 1)], []],
        below=("untrained", [[0.1], [0.2]]),
    )
    scene, action = figure.axes
    assert [text.get_text() for text in scene.texts] == [".30 ± .10", "1.00", ".00", ".50", ".10"]
    assert [tick.get_text() for tick in scene.get_yticklabels()] == ["a", "b", "untrained"]
    assert scene.texts[-1].get_position() == (0.5, 2), "one cell as wide as the table"
    (frame,) = scene.patches
    assert (frame.get_xy(), frame.get_width(), frame.get_height()) == ((-0.5, -0.5), 2, 1)
    shades = scene.images[0].get_array()
    assert shades[1, 0].tolist() == [1, 1, 1] and shades[0, 1].argmax() == 2, "of blue"
    assert np.ptp(shades[2]) == 0 < shades[2, 0, 0] < 1, "gray"
    assert action.images[0].get_array()[1, 1].argmax() == 0 and not action.patches


def test_a_claim_points_from_the_report_to_the_truth():
    values = {"peeking": ((0.6, 0.7, 0.8), (0.4, 0.5, 0.6)), "honest": ((0.5, 0.6, 0.7), (0.5, 0.6, 0.7))}
    figure = claims(values, label="accuracy", title="Peeking boasts")
    arrows = [text for text in figure.axes[0].texts if getattr(text, "arrow_patch", None)]
    assert [(arrow.xyann[0], arrow.xy[0]) for arrow in arrows] == [(0.7, 0.5), (0.6, 0.6)]
    circles = [line.get_xdata()[0] for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert circles == [0.7, 0.5, 0.6, 0.6] and png(figure)


def test_a_staircase_climbs():
    figure = staircase({"b": 0.9, "a": 0.2}, label="x", title="Up", guess=0.1, roles={"b": "motion"})
    steps = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [float(line.get_xdata()[0]) for line in steps] == [0.2, 0.9] and png(figure)
    assert [line.get_color() for line in steps] == [PLAIN, COLORS["motion"]]


def test_range_panels_share_rows_and_say_the_wider_interval():
    thick = {
        "R@1": {"a": (0.1, 0.2, 0.3), "b": (-0.2, 0.1, 0.4)},
        "probe": {"a": (0, 0.1, 0.2), "b": (0, 1, 2)},
    }
    thin = {"R@1": {"a": (-0.1, 0.2, 0.5), "b": (-0.3, 0.1, 0.5)}}
    figure = range_panels(thick, label="lead", title="Two", zero=0, roles={"a": "joint"}, pairs=thin)
    left, right = figure.axes
    assert [text.get_text() for text in left.texts] == [".20 (-.10 to .50)", ".10 (-.30 to .50)"]
    assert [text.get_text() for text in right.texts] == [".10 (.00 to .20)", "1.00 (.00 to 2.00)"]
    assert [tick.get_text() for tick in left.get_yticklabels()] == ["a", "b"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["R@1", "probe"]
    assert left.get_xlim() == right.get_xlim() and left.get_xlim()[1] > 2
    assert png(figure)
