"""How a training went.

Axes: N steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cvrl_lite.course.figures.style import COLORS, STYLE, new

_GUESS: dict[str, Any] = {"lw": 1.0, "ls": (0, (7, 4))}  # dashes longer than those of any curve

_LOOKS: dict[str, dict[str, Any]] = {
    "context": {"color": COLORS["context"], "ls": "-"},
    "motion": {"color": COLORS["motion"], "ls": "--"},
    "residual": {"color": COLORS["residual"], "ls": ":"},
}


def curves(
    metrics: Sequence[Mapping[str, float]],
    *,
    smooth: int = 20,
    keys: Mapping[str, int] | None = None,
    title: str = "",
) -> Figure:
    """Losses and measures of a run, step by step.

    Args:
        metrics: N lines of a run's metrics, with "step", and "<task>_loss", "<task>_accuracy" or
            "<task>_explained" of each task, from the step on from which it is trained.
        smooth: Steps that a thick line averages; single steps are drawn thinly.
        keys: Among how many keys a query of a task looks, by task: a dashed line in the task's color then
            shows a blind guess, which costs the logarithm of that number and is right once in it.
        title: The finding; where empty, the number of metrics and the last measures.

    Returns:
        The figure: losses on the left, measures on the right.

    Raises:
        ValueError: No metrics.

    Example:
        >>> lines = [{"step": i, "context_loss": 3 / i, "context_accuracy": 1 - 1 / i} for i in (1, 2, 3)]
        >>> curves(lines, smooth=1).get_suptitle()
        'After 3 steps: context accuracy .67'
    """
    if not metrics:
        raise ValueError("no metrics to draw")
    figure = new("", columns=2, size=(9.5, 3.2))
    ends = []
    for axes, kinds in zip(figure.axes, (("loss",), ("accuracy", "explained")), strict=True):
        for task, look in _LOOKS.items():
            for kind in kinds:
                name = f"{task}_{kind}"
                line = [(row["step"], row[name]) for row in metrics if name in row]
                if not line:
                    continue
                steps, values = np.array(line, float).T
                width = min(smooth, len(values))
                mean = np.convolve(values, np.full(width, 1 / width), "valid")
                axes.plot(steps, values, lw=0.7, alpha=0.55, **look)
                axes.plot(steps[width - 1 :], mean, lw=1.8, label=f"{task} {kind}", **look)
                if kind != "loss":
                    ends.append(f"{task} {kind} {mean[-1]:.2f}".replace("0.", "."))
        for task, count in (keys or {}).items():
            height = np.log(count) if kinds == ("loss",) else 1 / count
            color = _LOOKS[task]["color"]
            axes.axhline(height, color=color, label=f"{task}: a guess, 1 of {count}", **_GUESS)
        axes.set(xlabel="step", ylim=(0 if kinds == ("loss",) else None, None if kinds == ("loss",) else 1.0))
        axes.legend(frameon=False)
    figure.axes[0].set_ylabel("nats")
    title = title or f"After {len(metrics)} steps: {', '.join(ends)}"
    figure.suptitle(
        title, x=0.01, ha="left", size=STYLE["figure.titlesize"], weight=STYLE["figure.titleweight"]
    )
    return figure
