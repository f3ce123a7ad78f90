"""The pictures say what their arrays say; colours never stand alone; widgets follow the slider."""

from __future__ import annotations

import io
from typing import Any

import matplotlib.image
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from cvrl_lite import figures

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
        (table(row(0.75, 0.9)), "keeps both"),
        (table(row(0.75, 0.3)), "the scene is kept, part of the action lost"),
        (table(row(0.4, 0.9)), "the action is kept, part of the scene lost"),
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


def test_a_measure_that_fails_alone_is_not_hidden_by_the_other() -> None:
    joint = row(0.8, 0.95)
    joint["scene"]["R@1"] = 0.3
    assert "part of the scene lost" in figures.decoupling_finding(table(joint))


def test_the_bars_are_the_table() -> None:
    result = table({"scene": {"R@1": 0.61, "linear": 0.79}, "action": {"R@1": 0.81, "linear": 0.97}})
    drawn = figures.decoupling(result)
    for axes, label in zip(drawn.axes, ("scene", "action")):
        heights = [patch.get_height() for patch in axes.patches]
        models = ("untrained", "context", "motion", "joint")
        assert heights == [result[m][label][v] for m in models for v in ("R@1", "linear")]
        assert [tick.get_text() for tick in axes.get_xticklabels()] == list(models)
        assert axes.lines[0].get_ydata()[0] == result["chance"][label]["R@1"]


def as_seen(colour: str, cone: str) -> np.ndarray:
    """A colour in linear RGB as those see it who lack red or green cones (Machado and others, 2009)."""
    matrices = {
        "normal": np.eye(3),
        "red": [[0.152, 1.053, -0.205], [0.115, 0.786, 0.099], [-0.004, -0.048, 1.052]],
        "green": [[0.367, 0.861, -0.228], [0.280, 0.673, 0.047], [-0.012, 0.043, 0.969]],
    }
    linear = np.array(to_rgb(colour)) ** 2.2
    return np.clip(np.asarray(matrices[cone]) @ linear, 0, 1) ** (1 / 2.2)


@pytest.mark.parametrize("cone", ["normal", "red", "green"])
@pytest.mark.parametrize("roles", [("context", "motion", "residual", "joint", "untrained"), ("I", "P", "B")])
def test_roles_shown_together_are_told_apart_by_every_eye(roles: tuple[str, ...], cone: str) -> None:
    seen = [as_seen(figures.COLOURS[role], cone) for role in roles]
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
