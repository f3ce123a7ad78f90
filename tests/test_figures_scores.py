"""The table of scores as a picture: its title is read from its values, its bars are its numbers."""

from __future__ import annotations

import pytest
from matplotlib.colors import to_rgba

from cvrl_lite.course import figures

Row = dict[str, dict[str, float]]


def row(scene: float, action: float) -> Row:
    return {"scene": {"R@1": scene, "linear": scene}, "action": {"R@1": action, "linear": action}}


def table(joint: Row, context: Row | None = None, motion: Row | None = None) -> dict[str, Row]:
    return {
        "untrained": row(0.2, 0.15),
        "context": context or row(0.8, 0.15),
        "motion": motion or row(0.3, 0.95),
        "joint": joint,
        "chance": row(1 / 16, 1 / 8),
    }


@pytest.mark.parametrize(
    ("result", "finding"),
    [
        (table(row(0.77, 0.91)), "keeps both"),
        (table(row(0.77, 0.3)), "the scene is kept, part of the action lost"),
        (table(row(0.4, 0.92)), "the action is kept, part of the scene lost"),
        (table(row(0.4, 0.4)), "each loses part"),
        (table(row(0.2, 0.2), row(0.2, 0.1), row(0.2, 0.1)), "neither task stands out"),
        (table(row(0.2, 0.9), row(0.35, 0.1)), "Only motion stands out so far, at the action"),
        (table(row(0.8, 0.2), None, row(0.3, 0.2)), "Only context stands out so far, at the scene"),
        ({"context": row(0.8, 0.1), "motion": row(0.3, 0.9)}, "motion the action"),
        ({"untrained": row(0.2, 0.1)}, "What each training knows"),
    ],
)
def test_the_title_of_the_table_is_read_from_its_values(result: dict[str, Row], finding: str) -> None:
    assert finding in figures.decoupling_finding(result)
    drawn = figures.decoupling({"chance": row(1 / 16, 1 / 8)} | result)
    assert drawn.get_suptitle() == figures.decoupling_finding(result)


@pytest.mark.parametrize(
    ("measure", "value", "finding"),
    [
        ("R@1", 0.65, "keeps both"),  # .8 of .8 is .64
        ("R@1", 0.63, "one vector holds both, but R@1 loses part of the scene"),
        ("linear", 0.77, "keeps both"),  # .95 of .8 is .76
        ("linear", 0.75, "part of the scene lost"),
    ],
)
def test_a_measure_that_fails_alone_is_not_hidden_by_the_other(
    measure: str, value: float, finding: str
) -> None:
    joint = row(0.8, 0.95)
    joint["scene"][measure] = value
    assert finding in figures.decoupling_finding(table(joint))


def test_the_bars_are_the_table() -> None:
    result = table({"scene": {"R@1": 0.61, "linear": 0.79}, "action": {"R@1": 0.81, "linear": 0.97}})
    drawn = figures.decoupling(result)
    for axes, label in zip(drawn.axes, ("scene", "action")):
        heights = [patch.get_height() for patch in axes.patches]
        models = ("untrained", "context", "motion", "joint")
        assert heights == [result[m][label][v] for m in models for v in ("R@1", "linear")]
        assert [tick.get_text() for tick in axes.get_xticklabels()] == list(models)
        assert axes.lines[0].get_ydata()[0] == result["chance"][label]["R@1"]


def test_both_are_held_where_only_retrieval_loses() -> None:
    joint = row(0.8, 0.95)
    joint["scene"]["R@1"], joint["action"]["R@1"] = 0.5, 0.6
    assert "one vector holds both, but R@1 loses part of each" in figures.decoupling_finding(table(joint))


def test_recall_is_drawn_and_told() -> None:
    found = {"scene": {"context part": 0.613, "whole vector": 0.4}, "action": {"motion part": 0.25}}
    figure = figures.recall(found, {"scene": 1 / 16, "action": 1 / 8}, title="Parts find more")
    assert figure.get_suptitle() == "Parts find more"
    axes = figure.axes[0]
    assert [bar.get_width() for bar in axes.patches] == [0.613, 0.4, 0.25]
    assert [text.get_text() for text in axes.texts] == [".61", ".40", ".25", "chance", "chance"]
    assert [line.get_segments()[0][0, 0] for line in axes.collections] == [1 / 16, 1 / 8]
    assert [text.get_text() for text in axes.get_yticklabels()][1] == "scene by whole vector"
    colors = [bar.get_facecolor() for bar in axes.patches]
    assert colors == [to_rgba(figures.COLORS[role]) for role in ("context", "untrained", "motion")]


def test_single_trainings_are_dots_over_the_bars() -> None:
    result = table(row(0.77, 0.91))
    drawn = figures.decoupling(
        result, runs=[("joint", row(0.7, 0.9)), ("joint", row(0.84, 0.92))], title="Both"
    )
    dots = [line for line in drawn.axes[0].lines if len(line.get_xdata()) == 2 and line.get_marker() == "."]
    assert [list(line.get_ydata()) for line in dots] == [[0.7, 0.84], [0.7, 0.84]]
    assert drawn.get_suptitle() == "Both"
