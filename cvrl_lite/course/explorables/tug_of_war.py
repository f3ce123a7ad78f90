"""The tug of war: how two tasks pull at shared weights, by the weight of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from cvrl_lite.course.explorables.base import Explorable, module
from cvrl_lite.course.figures import COLORS

LABEL = (
    "Two arrows from one point, the gradients of the context task and of the motion task on the shared "
    "weights, their sum, and the angle between them. One slider sets the weight of context, another the "
    "training step; left and right on the drawing move through the steps, up and down change the weight. "
    "Curves show whose gradient is longer, and marks what networks find that were trained with some of the "
    "weights."
)
SHARES = (0, 0.1, 0.2, 1 / 3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)  # of context; the course's recipe has a third


class TugOfWar(Explorable):
    """Made by `tug_of_war`.

    Example:
        >>> from cvrl_lite.course.explorables import stored
        >>> widget = stored("tug_of_war")
        >>> widget, sorted(widget.state["scores"])
        (TugOfWar(), ['action', 'scene'])
    """

    _esm = module("tug_of_war")


def tug_of_war(
    pulls: Sequence[Mapping[str, float]], scores: Mapping[str, Mapping[float, Sequence[float]]]
) -> TugOfWar:
    """Gradients of two tasks as arrows, at any weights, and scores of finished trainings.

    Args:
        pulls: For some steps of one training, in order: the `step`, the lengths of the gradients of `context`
            and `motion` before any weight, those of single batches, and the `cosine` of their means over
            many batches.
        scores: For "scene" and "action" the R@1 of some trainings, one for each seed, by the share of context
            in the sum of the weights.

    Returns:
        A widget; as the last line of a cell it shows itself.

    Example:
        >>> rows = [{"step": step, "context": 1.0, "motion": 2.0, "cosine": 0.0} for step in (0, 30)]
        >>> tug_of_war(rows, {"scene": {1.0: [0.9]}, "action": {0.0: [0.9]}}).state["steps"]
        [0, 30]
    """
    state = {
        "label": LABEL,
        "colors": {name: COLORS[name] for name in ("context", "motion", "joint")},
        "shares": [round(share, 4) for share in SHARES],
        "steps": [row["step"] for row in pulls],
        "pulls": {name: [row[name] for row in pulls] for name in ("context", "motion", "cosine")},
        "scores": {
            label: [
                {
                    "share": round(share, 4),
                    "mean": round(float(np.mean(values)), 4),
                    "spread": round(float(np.std(values, ddof=1)), 4) if len(values) > 1 else 0,
                }
                for share, values in sorted(rows.items())
            ]
            for label, rows in scores.items()
        },
    }
    return TugOfWar(state=state)
