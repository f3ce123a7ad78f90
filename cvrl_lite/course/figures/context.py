"""Context matching as pictures: how the game went, and what winning it taught.

Axes: S seeds, L points along a training.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from cvrl_lite.course.figures.style import COLORS, INK, new, two_digits

_MARKS = "osD^v"
_WHISKERS: dict[str, Any] = {"ecolor": INK, "elinewidth": 1, "capsize": 3}


def games(
    runs: Mapping[str, np.ndarray],
    *,
    every: int,
    keys: int,
    title: str,
    guesses: Mapping[str, float | None] | None = None,
    hollow: Collection[str] = (),
) -> Figure:
    """How often clips find their key frame while several trainings go on.

    Args:
        runs: `{name: (S, L) shares of S seeds}`, 0..1, each the mean of `every` steps; at most five names.
        every: Steps between two points.
        keys: Key frames that each clip is compared with.
        title: The finding.
        guesses: `{name: a share somebody expected at the end}`, drawn as a star where it is a number.
        hollow: Names whose marks are white inside, to tell them from others of the same role.

    Returns:
        The figure: a line for the mean over seeds, a small dot for each seed, the name at the end.

    Example:
        >>> runs = {"weak": np.array([[0.1, 0.5], [0.1, 0.7]])}
        >>> figure = games(runs, every=10, keys=32, title="It rises")
        >>> figure.axes[0].lines[0].get_ydata().tolist()
        [0.1, 0.6]
    """
    figure = new(title, size=(7.5, 3.2))
    axes = figure.axes[0]
    last = 0
    for (name, shares), mark in zip(runs.items(), _MARKS, strict=False):
        steps = every * np.arange(1, shares.shape[1] + 1)
        last = max(last, int(steps[-1]))
        look: dict[str, Any] = {"color": COLORS["context"], "marker": mark}
        look |= {"mfc": "white"} if name in hollow else {}
        axes.plot(steps, shares.mean(0), ms=5, **look)
        for seed in shares if len(shares) > 1 else ():
            axes.plot(steps, seed, ls="", ms=2.5, alpha=0.5, **look)
        end = (steps[-1], shares[:, -1].mean())
        axes.annotate(name, end, (9, 0), textcoords="offset points", va="center", color=COLORS["context"])
        if (guess := (guesses or {}).get(name)) is not None:
            axes.plot(steps[-1], guess, "*", ms=13, color="#F0E442", mec=INK, clip_on=False)
            axes.annotate(
                f"your guess: {name}",
                (steps[-1], guess),
                (-10, 0),
                ha="right",
                va="center",
                textcoords="offset points",
                fontsize=8,
            )
    axes.axhline(1 / keys, color=INK, ls="--", lw=1)
    axes.set_title(f"dashed: a guess, 1 in {keys}", loc="right", fontsize=8, color=INK)
    axes.set(xlim=(0, 1.03 * last), ylim=(0, 1), xlabel="step", ylabel="clips that find their key frame")
    return figure


def by_change(
    shares: Mapping[str, Mapping[str, float]],
    *,
    roles: Mapping[str, str],
    label: str,
    guess: float,
    title: str,
) -> Figure:
    """What each change of the queries costs several networks: a mark for each, joined to where it began.

    Args:
        shares: `{change: {network: share 0..1}}`; the first change is none. All have the same networks.
        roles: `{network: role}`, keys of `COLORS`.
        label: What the shares count.
        guess: What a blind guess scores.
        title: The finding.

    Returns:
        The figure; from top to bottom the changes, at each mark its share, and a line from the share
        without any change.

    Example:
        >>> shares = {"as they are": {"trained": 0.8}, "in gray": {"trained": 0.7}}
        >>> words = {"roles": {"trained": "context"}, "label": "R@1", "guess": 0.1, "title": "Little lost"}
        >>> [text.get_text() for text in by_change(shares, **words).axes[0].texts][:2]
        ['.80', '.70']
    """
    figure = new(title, size=(7.5, 1.2 + 0.36 * len(shares)))
    axes = figure.axes[0]
    start = next(iter(shares.values()))
    for (network, role), mark in zip(roles.items(), _MARKS, strict=False):
        axes.axvline(start[network], color=COLORS[role], lw=1, alpha=0.6)
        for place, row in enumerate(shares.values()):
            axes.plot([start[network], row[network]], [place, place], color=COLORS[role], lw=2)
            axes.plot(
                row[network],
                place,
                mark,
                color=COLORS[role],
                mec=INK,
                ms=8,
                zorder=3,
                label=network if place == 0 else None,
            )
            left = row[network] < start[network] - 0.02
            axes.annotate(
                two_digits(row[network]),
                (row[network], place),
                (-9 if left else 9, 0),
                textcoords="offset points",
                ha="right" if left else "left",
                va="center",
                fontsize=8,
            )
    axes.axvline(guess, color=INK, ls="--", lw=1, label="guessing")
    axes.set(xlim=(-0.02, 1.02), ylim=(len(shares) - 0.4, -0.6), xlabel=label)
    axes.set_yticks(range(len(shares)), list(shares))
    figure.legend(loc="outside lower center", frameon=False, ncols=len(roles) + 1)
    return figure


def by_network(
    shares: Mapping[str, Mapping[str, float]],
    *,
    roles: Mapping[str, str],
    label: str,
    guess: float,
    title: str,
    hatched: Collection[str] = (),
    clips: int | None = None,
) -> Figure:
    """What each change of the queries leaves of each network's score: a group of bars for each change.

    Args:
        shares: `{network: {queries: share 0..1}}`; the first queries are unchanged. All have the same ones.
        roles: `{network: role}`, keys of `COLORS`.
        label: What the shares count.
        guess: What a blind guess scores.
        title: The finding.
        hatched: Networks whose bars are hatched, to tell them from others of the same role.
        clips: So many stand behind each share; whiskers of a standard error either way, where given.

    Returns:
        The figure; from left to right the queries, and in each group a bar for each network.

    Example:
        >>> shares = {"weak": {"as they are": 0.4, "in gray": 0.1}}
        >>> words = {"roles": {"weak": "context"}, "label": "scenes", "guess": 0.1, "title": "It falls"}
        >>> [text.get_text() for text in by_network(shares, **words).axes[0].texts]
        ['.40', '.10']
    """
    queries = list(next(iter(shares.values())))
    figure = new(title, size=(7.5, 3.3))
    axes = figure.axes[0]
    width = 0.8 / len(shares)  # the groups are 1 apart
    for number, (network, row) in enumerate(shares.items()):
        middles = np.arange(len(queries)) + (number - (len(shares) - 1) / 2) * width
        look: dict[str, Any] = {"color": COLORS[roles[network]], "ec": "white", "lw": 0, "label": network}
        heights = np.array(list(row.values()))
        if clips:
            look |= {"yerr": standard_error(heights, clips), "error_kw": _WHISKERS}
        bars = axes.bar(middles, heights, 0.9 * width, hatch="///" * (network in hatched), **look)
        axes.bar_label(bars, [two_digits(share) for share in heights], padding=2, fontsize=9)
    axes.axhline(guess, color=INK, ls="--", lw=1, label="guessing")
    axes.set_xticks(range(len(queries)), queries, fontsize=10)
    axes.tick_params("x", length=0)
    axes.set(ylabel=label)
    axes.margins(y=0.12)
    figure.legend(loc="outside lower center", frameon=False, ncols=len(shares) + 1)
    return figure


def played_and_learned(
    runs: Mapping[str, Sequence[tuple[float, float]]],
    *,
    played: str,
    learned: str,
    title: str,
    guess: tuple[float, float],
    hollow: Collection[str] = (),
    clips: int | None = None,
) -> Figure:
    """How well each training plays its game, against what it learned by playing.

    Args:
        runs: `{name: (played, learned) of each seed}`, shares 0..1; at most five names.
        played: What the first share counts.
        learned: What the second share counts.
        title: The finding.
        guess: Both shares of a blind guess.
        hollow: Names whose marks are white inside, to tell them from others of the same role.
        clips: So many stand behind each second share; whiskers of a standard error either way, where given.

    Returns:
        The figure; one mark for each seed, and the name beside each group. "untrained" is gray.

    Example:
        >>> runs = {"weak colors": [(0.9, 0.2), (0.8, 0.3)]}
        >>> words = {"played": "pairs found", "learned": "R@1", "title": "Won", "guess": (0, 0)}
        >>> [text.get_text() for text in played_and_learned(runs, **words).axes[0].texts][:1]
        ['weak colors']
    """
    figure = new(title, size=(7.5, 3.2))
    axes = figure.axes[0]
    for (name, seeds), mark in zip(runs.items(), _MARKS, strict=False):
        points = np.array(seeds, float)
        color = COLORS["untrained" if name == "untrained" else "context"]
        axes.plot(*points.T, mark, ms=8, **_inside(color, name in hollow))
        reach = standard_error(points[:, 1], clips) if clips else np.zeros(len(points))
        if clips:
            axes.errorbar(points[:, 0], points[:, 1], reach, fmt="none", zorder=1, **_WHISKERS)
        if name == "untrained":  # a network that guesses stands where weak trainings stand, too
            at, ways = (points[:, 0].max(), (points[:, 1] - reach).min()), ((6, 3), "left", "top")
        elif points[:, 0].mean() > 0.6:
            at, ways = (points[:, 0].min(), points[:, 1].mean()), ((-9, 0), "right", "center")
        else:
            at, ways = (points[:, 0].max(), points[:, 1].mean()), ((9, 0), "left", "center")
        axes.annotate(name, at, ways[0], textcoords="offset points", ha=ways[1], va=ways[2])
    axes.axvline(guess[0], color=INK, ls="--", lw=1)
    axes.axhline(guess[1], color=INK, ls="--", lw=1)
    axes.annotate(
        "dashed: guessing", (1, guess[1]), (0, 3), textcoords="offset points", ha="right", fontsize=8
    )
    highest = max(share for seeds in runs.values() for _, share in seeds)
    axes.set(xlim=(0, 1.02), ylim=(0, 1.25 * highest + 0.03), xlabel=played, ylabel=learned)
    return figure


def standard_error(shares: np.ndarray, clips: int) -> np.ndarray:
    """Of shares of so many clips, each of which counts or does not.

    Example:
        >>> standard_error(np.array([0.5, 1.0]), 100).tolist()
        [0.05, 0.0]
    """
    return np.asarray(np.sqrt(shares * (1 - shares) / clips))


def _inside(color: str, hollow: bool) -> dict[str, Any]:
    """How a mark is filled: with its color and an edge of ink, or white with an edge of its color."""
    return {"color": "white", "mec": color, "mew": 2} if hollow else {"color": color, "mec": INK}
