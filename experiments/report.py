"""What the study found: a table for each question, and figures, from the logs of study, labels and bias.

    python experiments/report.py                      # the tables of docs/study.md
    python experiments/report.py --write              # puts them there, and the figures into docs/figures/

The document holds each table between two marks, `<!-- study: design -->` and `<!-- end -->`.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from pathlib import Path

import bias
import labels
from study import LOG, MODELS, in_table
from worlds import AMOUNTS

from cvrl_lite.course import figures

ROOT = Path(__file__).resolve().parents[1]
DOCUMENT = ROOT / "docs" / "study.md"
FACTORS = ("scene", "action", "appearance")
MEASURES = ("R@1", "linear")
CHANCE = {"scene": 1 / 16, "action": 1 / 8, "appearance": 1 / 4}

QUESTIONS: dict[str, tuple[str, tuple[str, ...], dict[str, str]]] = {
    "design": (
        "What matters in motion prediction?",
        ("action",),
        {
            "untrained": "untrained",
            "motion": "future, InfoNCE, Transformer",
            "current": "current window",
            "features": "regression on features",
            "vectors": "regression on vectors",
            "no transformer": "no Transformer",
        },
    ),
    "window": (
        "Which window, and which negatives?",
        ("action",),
        {
            "motion, short": "the method",
            "no windows": "no negatives of the same video",
            "at once": "future begins at once",
            "later": "future begins later",
            "short window": "window of 4 maps",
            "long window": "window of 12 maps",
            "as released": "vectors as released",
        },
    ),
    "modality": (
        "Which signal teaches what?",
        FACTORS,
        {
            "untrained": "untrained",
            "context": "I-frame",
            "motion": "motion vectors",
            "joint": "I-frame and vectors",
            "differences": "frame differences",
            "flow": "dense flow",
            "residual": "residual",
            "three": "I-frame, vectors, residual",
        },
    ),
    "performance": (
        "How good is it?",
        FACTORS,
        {
            "untrained": "untrained",
            "two clips": "two clips (SimCLR)",
            "context": "context matching",
            "motion": "motion prediction",
            "residual": "residual prediction",
            "joint": "context and motion",
            "three": "all three",
            "scene labels": "labels: scene",
            "action labels": "labels: action",
            "appearance labels": "labels: appearance",
        },
    ),
    "residual": (
        "Does the residual add anything?",
        FACTORS,
        {
            "context": "context",
            "motion": "motion",
            "residual": "residual",
            "motion and residual": "motion and residual",
            "joint": "context and motion",
            "three": "all three",
        },
    ),
    "conditions": (
        "Do files as they are found teach as much?",
        FACTORS,
        {
            "joint, short": "GOP 12, crf 20",
            "joint, for watching": "GOP 250, B-frames, 3 references",
            "joint, crf 38": "crf 38",
            "joint, mpeg-4": "MPEG-4",
        },
    ),
    "scaling": (
        "Do more clips help?",
        FACTORS,
        {f"joint, {amount}": amount for amount in AMOUNTS},
    ),
}
"""Of each question: its words, the factors that answer it, and the models, with what they are called."""

Runs = dict[str, dict[str, dict[str, list[float]]]]


def runs(log: Path = LOG) -> Runs:
    """{model: {factor: {measure: values over seeds}}} of all finished runs, seeds in order."""
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    found: Runs = {}
    for row in sorted(lines, key=lambda row: row["seed"]):
        for factor, scores in row["scores"].items():
            for measure, value in scores.items():
                place = found.setdefault(row["model"], {}).setdefault(factor, {})
                place.setdefault(measure, []).append(value)
    return found


def table(question: str, found: Runs) -> str:
    """A question's table in Markdown; models that were not run yet are left out."""
    _, factors, names = QUESTIONS[question]
    if sum(model in found for model in names) < 2:
        return "*Not run yet.*"
    head = [f"{factor} {measure}" for factor in factors for measure in MEASURES]
    lines = [f"| trained with | seeds | {' | '.join(head)} |", "|---" * (len(head) + 2) + "|"]
    for model, name in names.items():
        if model not in found:
            continue
        seeds = len(found[model]["scene"]["R@1"])
        cells = [in_table(found[model][factor][measure]) for factor in factors for measure in MEASURES]
        lines.append(f"| {name} | {seeds} | {' | '.join(cells)} |")
    return "\n".join(lines)


def tables() -> dict[str, str]:
    """All tables of the document, by their marks."""
    found = runs()
    made = {question: table(question, found) for question in QUESTIONS}
    for question, lines in made.items():
        if lines.startswith("|"):
            _, words = drawn(question, found)
            made[question] = f"{lines}\n\n![{words}](figures/study_{question}.png)"
    return made | {"labels": labels.table(), "bias": bias.table()}


def drawn(question: str, found: Runs) -> tuple[figures.Figure, str]:
    """A question's figure, each seed a mark, and its words for those who do not see it."""
    words, factors, names = QUESTIONS[question]
    shown = MEASURES if len(factors) == 1 else ("linear",)
    measures = {
        f"{factor}, {measure}": {
            name: found[model][factor][measure] for model, name in names.items() if model in found
        }
        for factor in factors
        for measure in shown
    }
    guess = [CHANCE[factor] for factor in factors for _ in shown]
    return figures.seeds(measures, guess=guess, title=words), figures.in_words(measures)


def main() -> int:
    """Prints, or writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--write", action="store_true")
    write, found = parser.parse_args().write, runs()
    assert {model for _, _, names in QUESTIONS.values() for model in names} <= set(MODELS)
    text = DOCUMENT.read_text(encoding="utf-8")
    all_tables = tables()
    for mark, made in all_tables.items():
        print(f"{mark}\n\n{made}\n")
        marks = re.compile(rf"(<!-- study: {mark} -->\n).*?(\n<!-- end -->)", re.S)
        text = marks.sub(lambda marks, made=made: f"{marks[1]}{made}{marks[2]}", text)
    if write:
        DOCUMENT.write_text(text, encoding="utf-8")
        (DOCUMENT.parent / "figures").mkdir(exist_ok=True)
        for question in QUESTIONS:
            if "figures" in all_tables[question]:
                figure, _ = drawn(question, found)
                figure.savefig(DOCUMENT.parent / "figures" / f"study_{question}.png", dpi=110)
    return 0


if __name__ == "__main__":
    sys.exit(main())
