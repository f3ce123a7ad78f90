"""The tug of war: how two tasks pull at shared weights, by the weight of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cvrl_lite.course.explorables.base import Explorable, module
from cvrl_lite.course.figures import COLORS

LABEL = (
    "Two arrows from one point, the gradients of the context task and of the motion task on the shared "
    "weights, and their sum. One slider sets the weight of context, another the training step; left and "
    "right on the drawing move through the steps, up and down change the weight. Curves show who pulls "
    "harder, and what networks trained with each weight find."
)


class TugOfWar(Explorable):
    """Made by `tug_of_war`."""

    _esm = module("tug_of_war")


def tug_of_war(runs: Sequence[Mapping[str, Any]]) -> TugOfWar:
    """Gradients as arrows, and scores, of trainings that differ by the weight of the context task.

    Args:
        runs: One for each weight, in rising order, as a line of `experiments/tug_of_war.jsonl` holds it: the
            `share` of context in the sum of the weights; `pulls`, for some steps the length of each task's
            unweighted gradient and their cosine; and `R@1`, by part of the vector and label.

    Returns:
        A widget; as the last line of a cell it shows itself.

    Raises:
        ValueError: The runs were not measured at the same steps.
    """
    steps = [[row["step"] for row in run["pulls"]] for run in runs]
    if any(other != steps[0] for other in steps):
        raise ValueError("the runs were measured at different steps")
    state = {
        "label": LABEL,
        "colors": {name: COLORS[name] for name in ("context", "motion", "joint")},
        "shares": [run["share"] for run in runs],
        "steps": steps[0],
        "pulls": {
            name: [[row[name] for row in run["pulls"]] for run in runs]
            for name in ("context", "motion", "cosine")
        },
        "scores": {
            "scene": [run["R@1"]["context"]["scene"] for run in runs],
            "action": [run["R@1"]["motion"]["action"] for run in runs],
        },
    }
    return TugOfWar(state=state)
