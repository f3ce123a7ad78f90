"""The tables of experiments/real.py, with intervals that draw whole sources; `report.py` writes them.

Intervals of 95 % know that four queries come from one source video, and that seeds answer the same queries:
those of shares by `evaluate.confidence_interval`, those of differences by a bootstrap of the 44 sources.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
from numpy.typing import NDArray
from real import APART, CHOSEN, LOG, MODELS, PER_CLASS, SEARCH, VARIETY, log_of
from real_after import AFTER, ASKED, SCRATCH, STARTS
from ucf11 import CLASSES, CLIPS, SPLITS

from cvrl_lite import evaluate

PARTS = ("whole", "context", "motion")
REFERENCE = "joint, drawings"
SHORT = {
    "color histograms": "nothing: color histograms",
    "untrained": "nothing: an untrained network",
    "context, drawings": "context, on drawings",
    "motion, drawings": "motion, on drawings",
    "joint, drawings": "joint, on drawings",
    "joint": "joint, on real clips",
    "joint, drawings then real": "joint, on drawings, then on real clips",
    CHOSEN: "joint, on drawings, then on both",
}
"""Models of the short table, and what it calls them."""
GROUPS = len(SPLITS["test"])  # of each class
TARGETS = {
    "motion by learned features": "learned features, InfoNCE",
    "motion": "... with further windows of every clip: the method",
    "motion by random features": "random features, cosine",
    "motion by InfoNCE on vectors": "vectors, InfoNCE",
    "motion by cosine": "vectors, cosine",
    "untrained": "untrained",
}
"""The models of the table of targets, and what it calls them; the first is compared with the others."""
COMPARED = [name for name in MODELS if name not in APART and name.removeprefix("joint, ") not in VARIETY]
PAIRS = [
    *((REFERENCE, other) for other in MODELS if other in ("color histograms", "untrained")),
    *((REFERENCE, f"{task}, drawings") for task in ("context", "motion")),
    *(("joint", other) for other in ("untrained", "context", "motion", "two clips", REFERENCE)),
    ("joint and residual", "joint"),
    *(("joint, drawings then real", other) for other in ("joint", REFERENCE)),
    *((CHOSEN, f"{task}, drawings then both") for task in ("context", "motion")),
    *((CHOSEN, other) for other in ("color histograms", "untrained", "joint", REFERENCE)),
    ("labels", CHOSEN),
]
_DRAWS = 10_000

Run = dict[str, Any]


def runs(model: str) -> list[Run]:
    """The finished runs of a model, in the order of their seeds."""
    return sorted((row for row in log_of(LOG) if row["model"] == model), key=lambda row: row["seed"])


def hits(model: str, part: str, measure: str) -> NDArray[np.float64]:
    """(queries,) share of a model's seeds that answer each query rightly."""
    rows = [row["parts"][part]["hits"][measure] for row in runs(model)]
    return np.mean([[int(bit) for bit in row] for row in rows], 0)


def interval(values: NDArray[np.float64]) -> tuple[float, float]:
    """Of the mean of (queries,) differences: a bootstrap that draws whole source videos."""
    by_source = values.reshape(-1, CLIPS).mean(1)
    drawn = np.random.default_rng(0).integers(0, len(by_source), (_DRAWS, len(by_source)))
    means = by_source[drawn].mean(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def parts_of(model: str) -> list[str]:
    """The parts that a model's features have."""
    return [part for part in PARTS if part in runs(model)[0]["parts"]]


def scores() -> str:
    """Every model by every part."""
    few = " | ".join(f"{count} label{'s' if count > 1 else ''}" for count in PER_CLASS)
    lines = [
        f"| trained with | seeds | part | R@1 | R@5 | mAP | linear | {few} |",
        "|---" * (7 + len(PER_CLASS)) + "|",
    ]
    for model in COMPARED:
        for part in parts_of(model) if runs(model) else []:
            mine = [row["parts"][part] for row in runs(model)]
            cells = [_with_interval(model, part, measure) for measure in ("R@1", "R@5", "linear")]
            cells.insert(2, f"{statistics.mean(row['mAP'] for row in mine):.2f}")
            cells += [
                f"{statistics.mean(row['few labels'][str(count)] for row in mine):.2f}" for count in PER_CLASS
            ]
            lines.append(f"| {model} | {len(mine)} | {part} | {' | '.join(cells)} |")
    return "\n".join(lines)


def short_scores() -> str:
    """What the README shows: some models, by the whole vector."""
    lines = ["| trained with | seeds | nearest clip | linear probe |", "|---|---|---|---|"]
    for model, words in SHORT.items():
        if runs(model):
            cells = [_with_interval(model, "whole", measure) for measure in ("R@1", "linear")]
            lines.append(f"| {words} | {len(runs(model))} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _with_interval(model: str, part: str, measure: str) -> str:
    return _share([row["parts"][part]["hits"][measure] for row in runs(model)])


def _share(rows: list[str]) -> str:
    """Of hits, one string of 0 and 1 a run, with the interval by source."""
    if not rows:
        return ""
    found = np.array([bit == "1" for bit in "".join(rows)])
    sources = np.tile(np.arange(len(found) // len(rows)) // CLIPS, len(rows))
    low, high = evaluate.confidence_interval(found, sources)
    return f"{found.mean():.2f} ({low:.2f}-{high:.2f})"


def differences() -> str:
    """Pairs of models by their whole vectors, query by query."""
    lines = ["| first | second | R@1, first minus second | linear |", "|---|---|---|---|"]
    for first, second in PAIRS:
        if runs(first) and runs(second):
            cells = [_gap(first, second, measure) for measure in ("R@1", "linear")]
            lines.append(f"| {first} | {second} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _gap(first: str, second: str, measure: str) -> str:
    return _signed(hits(first, "whole", measure) - hits(second, "whole", measure))


def _signed(gap: NDArray[np.float64]) -> str:
    """The mean of (queries,) differences, with its interval."""
    low, high = interval(gap)
    return f"{gap.mean():+.2f} ({low:+.2f} to {high:+.2f})"


def targets() -> str:
    """Targets and losses of motion prediction, each less learned features by InfoNCE."""
    first = next(iter(TARGETS))
    if not runs(first):
        return ""
    lines = ["| target, loss | seeds | R@1 | mAP | linear | R@1, less the first | linear |", "|---" * 7 + "|"]
    for model, words in TARGETS.items():
        mine = runs(model)
        if mine:
            cells = [_with_interval(model, "whole", measure) for measure in ("R@1", "linear")]
            cells.insert(1, f"{statistics.mean(row['parts']['whole']['mAP'] for row in mine):.2f}")
            cells += ["" if model == first else _gap(model, first, measure) for measure in ("R@1", "linear")]
            lines.append(f"| {words} | {len(mine)} | {' | '.join(cells)} |")
    return "\n".join(lines)


def classes() -> str:
    """R@1 of each class by the parts of the joint networks."""
    columns = [(model, part) for model in (REFERENCE, "joint") if runs(model) for part in PARTS]
    heads = ["color histograms", *(f"{model}: {part}" for model, part in columns)]
    lines = [f"| class | {' | '.join(heads)} |", "|---" * (1 + len(heads)) + "|"]
    everything = [("color histograms", "whole"), *columns]
    for number, name in enumerate(CLASSES):
        rows = slice(number * GROUPS * CLIPS, (number + 1) * GROUPS * CLIPS)
        cells = [f"{hits(model, part, 'R@1')[rows].mean():.2f}" for model, part in everything if runs(model)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def confusions(model: str, part: str, names: tuple[str, ...]) -> str:
    """For queries of some classes, how often the nearest clip is of each of these."""
    order = {name: number for number, name in enumerate(CLASSES)}
    lines = [f"| {model}, {part}: query | {' | '.join(names)} | another |", "|---" * (2 + len(names)) + "|"]
    for query in names:
        rows = slice(order[query] * GROUPS * CLIPS, (order[query] + 1) * GROUPS * CLIPS)
        near = [int(digit, 16) for row in runs(model) for digit in row["parts"][part]["neighbors"][rows]]
        shares = [sum(number == order[name] for number in near) / len(near) for name in names]
        lines.append(f"| {query} | {' | '.join(f'{s:.2f}' for s in shares)} | {1 - sum(shares):.2f} |")
    return "\n".join(lines)


def pairs() -> str:
    """Classes that share a place, by both parts of the joint network trained on real clips."""
    cricket, seated = ("CricketBowling", "CricketShot"), ("PlayingCello", "PlayingSitar", "PlayingViolin")
    found = [
        confusions("joint", part, names) for names in (cricket, seated) for part in ("context", "motion")
    ]
    return "\n\n".join(found)


def attempts() -> str:
    """What was tried to find a recipe, scored on g20-g21 alone."""
    lines = ["| tried | seeds | minutes | part | R@1 | mAP | linear |", "|---|---|---|---|---|---|---|"]
    rows = log_of(SEARCH)
    for name in dict.fromkeys(row["model"] for row in rows):
        mine = [row for row in rows if row["model"] == name]
        minutes = statistics.mean(row["seconds"] for row in mine) / 60
        for part in PARTS:
            found = [row["parts"][part] for row in mine]
            columns = [[run["scores"]["R@1"] for run in found], [run["mAP"] for run in found]]
            columns.append([run["scores"]["linear"] for run in found])
            cells = " | ".join(f"{statistics.mean(column):.2f}" for column in columns)
            lines.append(f"| {name} | {len(mine)} | {minutes:.0f} | {part} | {cells} |")
    return "\n".join(lines)


def variety() -> str:
    """What more and other drawings teach about real clips, whole vectors."""
    lines = ["| joint, 600 steps, trained on | seeds | R@1 | mAP | linear |", "|---|---|---|---|---|"]
    for drawings in VARIETY:
        mine = [row["parts"]["whole"] for row in runs(f"joint, {drawings}")]
        if mine:
            columns = [
                _with_interval(f"joint, {drawings}", "whole", measure) for measure in ("R@1", "linear")
            ]
            precision = statistics.mean(row["mAP"] for row in mine)
            lines.append(f"| {drawings} | {len(mine)} | {columns[0]} | {precision:.2f} | {columns[1]} |")
    return "\n".join(lines)


def finetuned() -> str:
    """Accuracy after finetuning, by start and number of labels."""
    rows = [row for row in log_of(AFTER) if "hits" in row]
    lines = ["| start | steps | seeds | 10 labels a class | all, 48 a class |", "|---|---|---|---|---|"]
    for start in STARTS:
        for steps in sorted({row["steps"] for row in rows if row["start"] == start}):
            mine = [row for row in rows if (row["start"], row["steps"]) == (start, steps)]
            cells = [
                _share([row["hits"] for row in mine if row["per_class"] == amount]) for amount in (10, None)
            ]
            seeds = len({row["seed"] for row in mine})
            lines.append(f"| {start} | {steps} | {seeds} | {' | '.join(cells)} |")
    return "\n".join(lines)


def finetuned_differences() -> str:
    """Those accuracies less that from scratch after as many steps, and after the most."""
    rows = [row for row in log_of(AFTER) if "hits" in row]
    most = max((row["steps"] for row in rows), default=0)
    lines = [
        "| start | steps | less scratch after | 10 labels a class | all, 48 a class |",
        "|---|---|---|---|---|",
    ]

    def answers(*wanted: Any) -> NDArray[np.float64]:
        mine = [row for row in rows if (row["start"], row["steps"], row["per_class"]) == wanted]
        return np.asarray(np.mean([[int(bit) for bit in row["hits"]] for row in mine], 0))

    for start in STARTS[1:]:
        for steps in sorted({row["steps"] for row in rows if row["start"] == start}):
            for of_scratch in sorted({steps, most}):
                cells = [
                    _signed(answers(start, steps, amount) - answers(SCRATCH, of_scratch, amount))
                    for amount in (10, None)
                ]
                lines.append(f"| {start} | {steps} | {of_scratch} steps | {' | '.join(cells)} |")
    return "\n".join(lines)


def drawings() -> str:
    """Networks of either world asked about drawings: the mean over seeds, by part."""
    rows = [row for row in log_of(AFTER) if "model" in row]
    names = ("scene R@1", "scene linear", "action R@1", "action linear")
    lines = [f"| trained with | seeds | part | {' | '.join(names)} |", "|---" * (3 + len(names)) + "|"]
    for model in ASKED:
        mine = [row["parts"] for row in rows if row["model"] == model]
        for part in PARTS if mine else ():
            cells = [f"{statistics.mean(row[part][name] for row in mine):.2f}" for name in names]
            lines.append(f"| {model} | {len(mine)} | {part} | {' | '.join(cells)} |")
    return "\n".join(lines)


def tables() -> dict[str, str]:
    """All of them, by their marks in the documents."""
    made = {
        "real": scores(),
        "real, short": short_scores(),
        "real, differences": differences(),
        "real, classes": classes(),
    }
    made |= {"real, pairs": pairs(), "real, search": attempts(), "real, variety": variety()}
    made |= {"real, targets": targets(), "real, drawings": drawings()}
    return made | {"real, finetuned": finetuned(), "real, finetuned, differences": finetuned_differences()}
