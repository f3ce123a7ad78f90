"""How a training went.

Axes: N steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cvrl_lite.course.figures.style import COLORS, INK, STYLE, new

_GUESS: dict[str, Any] = {"lw": 1.0, "ls": (0, (2, 2)), "color": "#777777"}

_BESIDE: dict[str, Any] = {
    **{"fontsize": 8, "color": "#777777"},
    "bbox": {"fc": "white", "ec": "none", "pad": 0, "alpha": 0.7},
}

_LOOKS: dict[str, dict[str, Any]] = {
    "context": {"color": COLORS["context"], "ls": "-"},
    "motion": {"color": COLORS["motion"], "ls": "-"},
    "residual": {"color": COLORS["residual"], "ls": "-."},
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
        keys: Among how many keys a query of a task looks, by task: a dotted gray line with that number then
            shows a blind guess, which costs the logarithm of that number and is right once in it.
        title: The finding; where empty, the number of metrics and the last measures.

    Returns:
        The figure: losses on the left, measures on the right. Each thick line carries its task's name.

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
        highest, lasts = 0.0, {}
        for task, look in _LOOKS.items():
            for kind in kinds:
                name = f"{task}_{kind}"
                line = [(row["step"], row[name]) for row in metrics if name in row]
                if not line:
                    continue
                steps, values = np.array(line, float).T
                width = min(smooth, len(values))
                mean = np.convolve(values, np.full(width, 1 / width), "valid")
                if width > 1:
                    axes.plot(steps, values, lw=0.7, alpha=0.4, **look)
                axes.plot(steps[width - 1 :], mean, lw=1.8, label=f"{task} {kind}", **look)
                at_end: dict[str, Any] = {
                    "textcoords": "offset points",
                    "va": "center",
                    "color": look["color"],
                }
                axes.annotate(task, (steps[-1], mean[-1]), (4, 0), **at_end)
                highest = max(highest, float(values.max()))
                lasts[task] = float(mean[-1])
                if kind != "loss":
                    ends.append(f"{task} {kind} {mean[-1]:.2f}".replace("0.", "."))
        for task, count in (keys or {}).items():
            height = np.log(count) if kinds == ("loss",) else 1 / count
            axes.axhline(height, label=f"{task}: a guess, 1 of {count}", **_GUESS)
            if kinds == ("loss",):
                # A loss begins above a guess; where it ends below, there is room above the line's right end.
                at_right = task in lasts and lasts[task] < height
                place: dict[str, Any] = {
                    "ha": "right" if at_right else "left",
                    "va": "bottom" if at_right else "top",
                }
                words = f"{task}: a guess among {count}"
                at = axes.get_yaxis_transform()
                axes.text(float(at_right), height, words, transform=at, **_BESIDE, **place)
        top = None if kinds == ("loss",) else min(1.0, 1.05 * highest + 0.01)
        axes.set(xlabel="step", ylim=(0, top))
        axes.spines["right"].set_visible(False)
    figure.axes[0].set_ylabel("loss in nats")
    figure.axes[1].set_ylabel("share that is right")
    title = title or f"After {len(metrics)} steps: {', '.join(ends)}"
    figure.suptitle(
        title, x=0.01, ha="left", size=STYLE["figure.titlesize"], weight=STYLE["figure.titleweight"]
    )
    return figure


def above_a_guess(
    metrics: Sequence[Mapping[str, float]], keys: Mapping[str, int], *, smooth: int, title: str
) -> Figure:
    """The losses of a short run, each less that of a blind guess, and how often context is right.

    Args:
        metrics: N lines of a run's metrics, with "motion_loss", "context_loss" and "context_accuracy".
        keys: Among how many keys a query of each task looks.
        smooth: Steps that a thick line averages; single steps are drawn thinly.
        title: The finding.

    Returns:
        The figure: losses on the left, the share of key frames found on the right.

    Example:
        >>> line = {"motion_loss": 0.0, "context_loss": 0.0, "context_accuracy": 0.5}
        >>> figure = above_a_guess([line] * 3, {"motion": 1, "context": 4}, smooth=2, title="Three steps")
        >>> figure.axes[0].lines[1].get_ydata().tolist()
        [0.0, 0.0]
    """
    figure = new(title, columns=2, size=(9.5, 3.2))
    left, right = figure.axes
    steps, window = np.arange(1, len(metrics) + 1), np.full(smooth, 1 / smooth)
    for axes, task, kind in (
        (left, "motion", "loss"),
        (left, "context", "loss"),
        (right, "context", "accuracy"),
    ):
        values = np.array([row[f"{task}_{kind}"] for row in metrics])
        values = values - (np.log(keys[task]) if kind == "loss" else 0)
        mean, style = np.convolve(values, window, "valid"), "--" if task == "motion" else "-"
        axes.plot(steps, values, lw=0.7, alpha=0.4, color=COLORS[task])
        axes.plot(steps[smooth - 1 :], mean, lw=2, color=COLORS[task], label=task, ls=style)
    look: Any = {"color": "#777777", "ls": ":"}
    left.axhline(0, label="a blind guess", **look)
    right.axhline(1 / keys["context"], label=f"a blind guess, 1 in {keys['context']}", **look)
    left.set(xlabel="step", ylabel="loss above a guess, nats")
    right.set(xlabel="step", ylabel="share of key frames found")
    right.set_ylim(0, 1.25 * right.get_ylim()[1])  # a free band for the key
    left.legend(frameon=False, fontsize=8, loc="upper right")
    right.legend(frameon=False, fontsize=8, loc="upper left")
    figure.get_layout_engine().set(wspace=0.06)  # type: ignore[union-attr, call-arg]
    return figure


def pulls(
    steps: Sequence[int],
    cosines: Mapping[str, np.ndarray],
    lengths: Mapping[str, np.ndarray],
    *,
    title: str,
) -> Figure:
    """How two tasks pull at shared weights during a training.

    Args:
        steps: K steps at which it was measured.
        cosines: `{"context and motion": (K, R) cosines of two gradients}`, R pairs of batches; a name that
            begins with a task and "on" is in that task's color, any other in the color of joint training.
        lengths: `{task: (K, R) lengths of its gradient}`.
        title: The finding.

    Returns:
        The figure: cosines on the left, lengths on the right. Lines are means, dots single values.

    Example:
        >>> ones = np.ones((2, 3))
        >>> pair = {"context and motion": 0 * ones}
        >>> len(pulls([0, 10], pair, {"context": ones}, title="At right angles").axes)
        2
    """
    figure = new(title, columns=2, size=(9.5, 3.4))
    left, right = figure.axes
    left.axhline(0, color=INK, ls="--", lw=1)
    for (name, values), mark in zip(cosines.items(), "osD", strict=False):
        task, _, rest = name.partition(" ")
        color = COLORS[task if rest.startswith("on ") else "joint"]
        left.plot(steps, values, ".", color=color, ms=4, alpha=0.6)
        left.plot(steps, values.mean(1), color=color, marker=mark, ms=5, label=name)
    reach = max(0.3, *(1.2 * float(np.abs(values).max()) for values in cosines.values()))
    left.set(xlabel="step", ylabel="cosine of two gradients", ylim=(-reach, reach))
    for task, values in lengths.items():
        color = _LOOKS[task]["color"]
        right.plot(steps, values, ".", color=color, ms=4, alpha=0.6)
        right.plot(steps, values.mean(1), color=color)
        right.annotate(
            task, (steps[-1], values[-1].mean()), (5, 0), textcoords="offset points", va="center", color=color
        )
    right.set(xlabel="step", ylabel="length of the gradient, unweighted", ylim=(0, None))
    single = f"dots: each of {next(iter(cosines.values())).shape[1]} batches"
    left.plot([], [], ".", color="#777777", ms=4, label=single)
    figure.legend(loc="outside lower left", frameon=False, ncols=len(cosines) + 1, fontsize=8)
    figure.get_layout_engine().set(wspace=0.06)  # type: ignore[union-attr, call-arg]
    return figure


def agreement(rows: Sequence[Mapping[str, Any]], batches: Sequence[int], *, title: str) -> Figure:
    """How well gradients of two tasks agree during a training, over single batches and over many.

    Args:
        rows: For each of K steps the `step`, and for "context", "motion" (with itself) and "both" (with each
            other) the cosine of two gradients, averaged over each of B numbers of batches: its mean over
            draws of batches, a low and a high value.
        batches: B numbers, the fewest first.
        title: The finding.

    Returns:
        The figure: the fewest batches on the left, the most on the right. Bars reach from low to high.

    Example:
        >>> row = {name: [[0.0, -0.1, 0.1], [0.9, 0.9, 0.9]] for name in ("context", "motion", "both")}
        >>> figure = agreement([{"step": 0, **row}, {"step": 9, **row}], [1, 40], title="Many agree")
        >>> [axes.get_title() for axes in figure.axes]
        ['gradients of 1 batch', 'means over 40 batches']
    """
    figure = new(title, columns=2, size=(9.5, 3.6))
    names = {"context": "context with itself", "motion": "motion with itself", "both": "context with motion"}
    steps = [row["step"] for row in rows]
    for axes, place in zip(figure.axes, (0, -1), strict=True):
        axes.axhline(0, color=INK, ls="--", lw=1)
        for (name, words), mark, aside in zip(names.items(), "sDo", (-0.02, 0, 0.02), strict=True):
            mean, low, high = np.transpose([row[name][place] for row in rows])
            color = COLORS["joint" if name == "both" else name]
            at = np.array(steps) + (aside * steps[-1] if place == 0 else 0)  # bars side by side
            axes.vlines(at, low, high, color=color, lw=2, alpha=0.45)
            axes.plot(at, mean, color=color, marker=mark, ms=5, label=words)
        count = batches[place]
        words = f"gradients of {count} batch" if count == 1 else f"means over {count} batches"
        axes.set_title(words, fontsize=10)
        axes.set(xlabel="step", ylim=(-0.7, 1.05), yticks=(-0.5, 0, 0.5, 1))
        axes.set_xticks(steps)
    figure.axes[0].set_ylabel("cosine, on other clips")
    keys = figure.axes[0].get_legend_handles_labels()
    figure.legend(*keys, loc="outside lower center", frameon=False, ncols=3)
    return figure
