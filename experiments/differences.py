"""Differences of two trainings of the study, with their intervals, as tables for report.py.

A cell holds the difference of the means over seeds, half its interval of 95 % (pooled deviation), and in
brackets half the interval where the difference is taken seed by seed.
"""

from __future__ import annotations

import statistics

from scipy import stats

Values = dict[str, dict[str, list[float]]]
"""{model: {column: values, seeds in order}}"""

COMPARED: dict[str, tuple[tuple[str, str], ...]] = {
    "design": (
        ("current", "motion"),
        ("features", "motion"),
        ("vectors", "motion"),
        ("no transformer", "motion"),
        ("vectors", "untrained"),
    ),
    "window": (
        ("no windows", "motion, short"),
        ("at once", "motion, short"),
        ("later", "motion, short"),
        ("short window", "motion, short"),
        ("long window", "motion, short"),
        ("as released", "motion, short"),
    ),
    "modality": (
        ("context", "untrained"),
        ("motion", "untrained"),
        ("joint", "context"),
        ("joint", "motion"),
        ("flow", "motion"),
        ("differences", "residual"),
    ),
    "performance": (
        ("motion", "action labels"),
        ("two clips", "context"),
        ("two clips", "untrained"),
        ("scene labels", "untrained"),
    ),
    "residual": (("three", "joint"),),
    "price": (
        ("three", "joint"),
        ("three, a quarter", "three"),
        ("three, a quarter", "joint"),
        ("three, own branch", "three"),
        ("three, own branch", "joint"),
    ),
    "conditions": (
        ("joint, for watching", "joint, short"),
        ("joint, crf 38", "joint, short"),
        ("joint, mpeg-4", "joint, short"),
    ),
    "scaling": (
        ("joint, 1152 clips", "joint, 288 clips"),
        ("joint, 4608 clips", "joint, 1152 clips"),
        ("joint, 4608 clips", "joint, 288 clips"),
    ),
    "apart": (
        ("vectors, smooth L1", "plain vectors"),
        ("vectors, cosine", "vectors, smooth L1"),
        ("vectors, InfoNCE", "vectors, smooth L1"),
        ("random, smooth L1", "vectors, smooth L1"),
        ("random, cosine", "vectors, cosine"),
        ("random, InfoNCE", "vectors, InfoNCE"),
        ("random, cosine", "random, smooth L1"),
        ("random, InfoNCE", "random, cosine"),
        ("stopped, cosine", "random, cosine"),
        ("stopped, InfoNCE", "random, InfoNCE"),
        ("learned, cosine", "random, cosine"),
        ("learned, InfoNCE", "random, InfoNCE"),
        ("learned, InfoNCE", "random, cosine"),
        ("vectors, cosine", "learned, InfoNCE"),
        ("vectors, InfoNCE", "learned, InfoNCE"),
    ),
    "keys": (
        ("same action masked", "learned, InfoNCE"),
        ("160 clips", "learned, InfoNCE"),
        ("640 clips", "learned, InfoNCE"),
        ("640 clips, same action masked", "640 clips"),
        ("random, 640 clips", "random, InfoNCE"),
        ("places alone", "learned, InfoNCE"),
        ("videos alone", "learned, InfoNCE"),
        ("a further window", "learned, InfoNCE"),
        ("three further windows", "a further window"),
        ("same action masked", "random, cosine"),
    ),
    "helper": (("scratch with helper", "scratch"),),
    "labels": (
        ("probe, joint", "probe, motion"),
        ("finetune, scratch with helper", "finetune, scratch"),
        ("finetune, motion, short", "finetune, scratch"),
        ("finetune, joint, short", "finetune, motion, short"),
    ),
}
"""Of each question of the study: what is compared, and with what."""


def difference(a: list[float], b: list[float]) -> tuple[float, float, float]:
    """The difference of two means, and half its interval of 95 %: with pooled deviation, and in pairs."""
    runs = len(a)
    pooled = ((statistics.variance(a) + statistics.variance(b)) / runs) ** 0.5
    paired = statistics.stdev(x - y for x, y in zip(a, b, strict=True)) / runs**0.5
    apart, together = (float(stats.t.ppf(0.975, freedom)) for freedom in (2 * runs - 2, runs - 1))
    return statistics.mean(a) - statistics.mean(b), apart * pooled, together * paired


def cell(a: list[float], b: list[float]) -> str:
    """`+0.11 ± 0.29 (0.11)`; empty where one of the two was not run."""
    runs = min(len(a), len(b))
    if runs < 2:
        return ""
    mean, pooled, paired = difference(a[:runs], b[:runs])
    return f"{mean:+.2f} ± {pooled:.2f} ({paired:.2f})"


def table(question: str, found: Values, columns: tuple[str, ...], names: dict[str, str]) -> str:
    """A question's differences in Markdown; `names` are those of its table. What was not run is left out."""
    lines = [f"| difference | {' | '.join(columns)} |", "|---" * (len(columns) + 1) + "|"]
    for model, reference in COMPARED[question]:
        if model in found and reference in found:
            pairs = [(found[model].get(column, []), found[reference].get(column, [])) for column in columns]
            if any(cells := [cell(*pair) for pair in pairs]):  # two runs of each at least
                lines.append(f"| {names[model]} less {names[reference]} | {' | '.join(cells)} |")
    return "\n".join(lines)
