"""The scores of a training as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from cvrl_lite.course.figures.style import COLORS, INK, new

_MODELS = ("untrained", "context", "motion", "joint")
_MEASURES = ("R@1", "linear")
_KEPT = {"R@1": 0.8, "linear": 0.95}  # the share of a single task's score that counts as kept


def recall(found: Mapping[str, Mapping[str, float]], chance: Mapping[str, float], *, title: str) -> Figure:
    """R@1 of one network by each label, searched in one or several ways, as bars beside chance.

    Args:
        found: `{label: {what is searched by: 0..1}}`.
        chance: `{label: 0..1}`, the share that guessing finds.
        title: The finding.

    Returns:
        The figure: a part of the features in its own color, anything else in gray; chance as a dashed line.

    Example:
        >>> figure = recall({"scene": {"context part": 0.5}}, {"scene": 0.1}, title="Half are found")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['.50', 'chance']
    """
    bars = [(label, by, share) for label, row in found.items() for by, share in row.items()]
    figure = new(title, size=(7.5, 0.8 + 0.34 * len(bars) + 0.15 * len(found)))
    axes = figure.axes[0]
    places, place = [], -1.0
    for number, (label, by, share) in enumerate(bars):
        place += 1.0 if not number or bars[number - 1][0] == label else 1.5
        places.append(place)
        role = by.split()[0] if by.split()[0] in ("context", "motion") else "untrained"
        axes.barh(place, share, 0.8, color=COLORS[role])
        axes.text(share + 0.01, place, f"{share:.2f}".lstrip("0"), va="center", fontsize=9)
    for label in found:
        rows = [place for place, bar in zip(places, bars) if bar[0] == label]
        axes.vlines(chance[label], rows[0] - 0.55, rows[-1] + 0.55, color=INK, ls="--", lw=1)
        axes.text(chance[label], rows[-1] + 0.55, "chance", va="top", ha="center", fontsize=8)
    axes.set(xlim=(0, 1.05), ylim=(place + 1.2, -0.7), xlabel="R@1, share of the queries")
    axes.set_yticks(places, [f"{label} by {by}" for label, by, _ in bars])
    return figure


def decoupling(
    result: Mapping[str, Mapping[str, Mapping[str, float]]],
    *,
    runs: Sequence[tuple[str, Mapping[str, Mapping[str, float]]]] = (),
    title: str = "",
) -> Figure:
    """The table of the whole course as a picture: what each training knows of scene and action.

    Args:
        result: `{model: {"scene": {"R@1": 0..1, "linear": 0..1}, "action": {...}}}` for any of untrained,
            context, motion and joint, and `"chance"`.
        runs: `(model, {"scene": {...}, "action": {...}})` of single trainings, drawn as dots.
        title: The finding; where empty, `decoupling_finding(result)`.

    Returns:
        A panel for scenes and one for actions.

    Example:
        >>> row = {"scene": {"R@1": 0.5, "linear": 0.6}, "action": {"R@1": 0.1, "linear": 0.2}}
        >>> len(decoupling({"context": row, "chance": row}).axes)
        2
    """
    models = [name for name in _MODELS if name in result]
    labels = list(result[models[0]])
    figure = new(title or decoupling_finding(result), columns=len(labels), size=(9, 3.4))
    for axes, label in zip(figure.axes, labels):
        for place, model in enumerate(models):
            for side, measure in enumerate(_MEASURES):
                value, x = result[model][label][measure], place + 0.4 * (side - 0.5)
                hatch = "" if side == 0 else "///"
                axes.bar(x, value, 0.38, color=COLORS[model], alpha=1 - 0.35 * side, hatch=hatch, ec="white")
                dots = [scores[label][measure] for name, scores in runs if name == model]
                if dots:
                    axes.plot([x] * len(dots), dots, ".", color=INK, ms=4)
                top = max([value, *dots])
                words = axes.text(x, top + 0.02, f"{value:.2f}".lstrip("0"), ha="center", va="bottom")
                words.set(fontsize=8, bbox={"fc": "white", "ec": "none", "pad": 0.3})
        chance = result["chance"][label]["R@1"]
        axes.axhline(chance, color=INK, ls="--", lw=1)
        axes.text(len(models) - 0.5, chance + 0.01, "chance", ha="left", va="bottom", fontsize=8)
        axes.set(ylim=(0, 1.1), xlim=(-0.5, len(models)))
        axes.set_title(f"knows the {label}?", loc="left", fontsize=10)
        axes.set_xticks(range(len(models)), models)
        axes.set_yticks([0, 0.25, 0.5, 0.75, 1])
    figure.axes[0].set_ylabel("share right")
    keys = [Patch(fc="#666666"), Patch(fc="#666666", alpha=0.65, hatch="///", ec="white")]
    names = ["R@1: the nearest clip agrees", "linear: a linear probe agrees"]
    figure.legend(keys, names, loc="outside lower center", ncols=2, frameon=False)
    return figure


def decoupling_finding(result: Mapping[str, Mapping[str, Mapping[str, float]]]) -> str:
    """What a decoupling table shows, in one line, read from its values.

    Args:
        result: As for `decoupling`.

    Returns:
        Whether each task teaches its own label (at least .1 above the other task by either measure), and
        whether joint training keeps it (at least .8 of that task's R@1 and .95 of its linear accuracy).

    Example:
        >>> knows, not_ = {"R@1": 0.9, "linear": 0.9}, {"R@1": 0.1, "linear": 0.1}
        >>> context, motion = {"scene": knows, "action": not_}, {"scene": not_, "action": knows}
        >>> both = {"scene": knows, "action": knows}
        >>> decoupling_finding({"context": context, "motion": motion, "joint": both})
        'Context teaches the scene, motion the action; trained together, one vector keeps both'
    """
    if not {"context", "motion"} <= set(result):
        return "What each training knows of scene and action"
    own = {"scene": ("context", "motion"), "action": ("motion", "context")}

    def ahead(label: str) -> bool:
        mine, other = (result[model][label] for model in own[label])
        return all(mine[measure] >= other[measure] + 0.1 for measure in _MEASURES)

    def kept(label: str, measures: tuple[str, ...] = _MEASURES) -> bool:
        mine, joint = result[own[label][0]][label], result["joint"][label]
        return all(joint[measure] >= _KEPT[measure] * mine[measure] for measure in measures)

    taught = [label for label in own if ahead(label)]
    if not taught:
        return "Not trained long enough: neither task stands out at its own label"
    if len(taught) == 1:
        weak = "motion" if taught == ["scene"] else "context"
        return f"Only {own[taught[0]][0]} stands out so far, at the {taught[0]}; {weak} needs longer training"
    first = "Context teaches the scene, motion the action"
    if "joint" not in result:
        return first
    held = [label for label in own if kept(label)]
    if len(held) == 2:
        return f"{first}; trained together, one vector keeps both"
    if all(kept(label, ("linear",)) for label in own):
        lost = "each" if not held else "the action" if held == ["scene"] else "the scene"
        return f"{first}; one vector holds both, but R@1 loses part of {lost}"
    if not held:
        return f"{first}; trained together, each loses part of its own"
    lost = "action" if held == ["scene"] else "scene"
    return f"{first}; trained together, the {held[0]} is kept, part of the {lost} lost"
