"""Every table of results in the documents, and the study's figures, made from the logs of the experiments.

    python experiments/report.py            # prints the tables
    python experiments/report.py --write    # puts them into the documents, figures into docs/figures/

A document holds each of its tables between two marks, `<!-- table: design -->` and `<!-- end -->`.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path

import apart
import bias
import differences
import helper
import joint
import labels
import parts
import real_report
from PIL import Image
from study import LOG, MODELS, in_table
from worlds import AMOUNTS

from cvrl_lite.course import figures

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
DOCUMENTS = [
    ROOT / name for name in ("README.md", "docs/experiments.md", "docs/model_cards.md", "docs/study.md")
]
FIGURES = ROOT / "docs" / "figures"
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
    "price": (
        "Where does the residual's price come from?",
        FACTORS,
        {
            "joint": "context and motion",
            "three": "all three",
            "three, half": "all three, residual at .5",
            "three, a quarter": "all three, residual at .25",
            "three, own branch": "all three, a third branch for the residual",
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
        return ""
    head = [f"{factor} {measure}" for factor in factors for measure in MEASURES]
    lines = [f"| trained with | seeds | {' | '.join(head)} |", "|---" * (len(head) + 2) + "|"]
    for model, name in names.items():
        if model not in found:
            continue
        seeds = len(found[model]["scene"]["R@1"])
        cells = [in_table(found[model][factor][measure]) for factor in factors for measure in MEASURES]
        lines.append(f"| {name} | {seeds} | {' | '.join(cells)} |")
    return "\n".join(lines)


def compared(question: str, found: Runs) -> str:
    """A question's differences, of the same factors as its table."""
    _, factors, names = QUESTIONS[question]
    columns = tuple(f"{factor} {measure}" for factor in factors for measure in MEASURES)
    values = {
        model: {f"{factor} {m}": values for factor, row in scores.items() for m, values in row.items()}
        for model, scores in found.items()
    }
    return differences.table(question, values, columns, names)


def with_labels() -> str:
    """The differences that few labels make, by their number."""
    found: differences.Values = {}
    for row in sorted(labels.finished(), key=lambda row: row["seed"]):
        place = found.setdefault(f"{row['protocol']}, {row['start']}", {})
        place.setdefault(f"{row['per_class'] or 'all'} a class", []).append(row["accuracy"])
    columns = tuple(f"{amount} a class" for amount in (1, 2, 5, 10, "all"))
    return differences.table("labels", found, columns, {name: name for name in found})


def finetuned() -> str:
    """The accuracy of each finetuned network, seeds in order."""
    rows = sorted(labels.finished(), key=lambda row: row["seed"])
    amounts = labels.PER_CLASS["finetune"]
    heads = " | ".join(f"{amount or 'all'} a class" for amount in amounts)
    lines = [f"| start | {heads} |", "|---" * (1 + len(amounts)) + "|"]
    for start in labels.FINETUNED:
        cells = [
            ", ".join(
                f"{row['accuracy']:.2f}"
                for row in rows
                if (row["protocol"], row["start"], row["per_class"]) == ("finetune", start, amount)
            )
            for amount in amounts
        ]
        lines.append(f"| {start} | {' | '.join(cells)} |")
    return "\n".join(lines)


def tied() -> str:
    """How far a probe falls that was trained where the scene gives the action away."""
    lines = ["| features | independent less tied |", "|---|---|"]
    for start in bias.STARTS:
        rows = sorted((row for row in bias.finished() if row["start"] == start), key=lambda row: row["seed"])
        apart, together = ([row[kind] for row in rows] for kind in ("independent", "tied"))
        if rows:
            lines.append(f"| {start} | {differences.cell(apart, together)} |")
    return "\n".join(lines)


def world() -> str:
    """What gives the labels of the hard set away, and what can learn them; from fairness.py."""
    measured = json.loads((HERE / "fairness_hard.json").read_text(encoding="utf-8"))
    untrained = measured["untrained network"]
    still = measured["appearance accuracy of a linear probe on frames 0, 20 and 39"]
    best = measured["action accuracy of a linear probe on the best single frame"]
    seen, vectors = (measured[f"supervised accuracy{of}"] for of in ("", " from vectors and mask alone"))

    def ends(values: Iterable[float]) -> str:
        return " to ".join(dict.fromkeys(f"{end(values):.2f}" for end in (min, max)))

    rows = {
        f"untrained network, {name}": [ends(untrained[factor][measure]) for factor in FACTORS]
        for measure, name in zip(MEASURES, ("R@1", "linear probe"), strict=True)
    }
    rows["the best single frame, linear probe"] = ["", f"at most {max(best.values()):.2f}", ""]
    for place, name in enumerate(("the first frame", "the middle frame", "the last frame")):
        rows[f"{name}, linear probe"] = ["", "", ends([shares[place] for shares in still.values()])]
    rows["vectors and mask alone, with labels"] = [f"{vectors[factor]:.2f}" for factor in FACTORS]
    rows["frames, with labels"] = [f"{seen[factor]:.2f}" for factor in FACTORS]
    rows["a guess"] = [f"{CHANCE[factor]:.3g}" for factor in FACTORS]
    lines = [f"| seen | {' | '.join(FACTORS)} |", "|---" * (1 + len(FACTORS)) + "|"]
    return "\n".join(lines + [f"| {name} | {' | '.join(cells)} |" for name, cells in rows.items()])


def footage() -> str:
    """What footage.py counted on real clips."""
    counted = json.loads((HERE / "footage.json").read_text(encoding="utf-8"))
    heads = [name for name in counted if name not in ("clips", "videos")]
    lines = [f"| clips | videos | {' | '.join(heads)} |", "|---" * (2 + len(heads)) + "|"]
    shares = " | ".join(f"{counted[name]:.2f}" for name in heads)
    return "\n".join([*lines, f"| {counted['clips']} | {counted['videos']} | {shares} |"])


def tables() -> dict[str, str]:
    """All tables of the documents, by their marks; those of what was not run yet are left out."""
    found = runs()
    made = {question: table(question, found) for question in QUESTIONS}
    for question, lines in made.items():
        if lines.startswith("|"):
            _, words = drawn(question, found)
            made[question] = f"{lines}\n\n![{words}](figures/study_{question}.png)"
    made |= {f"{question}, differences": compared(question, found) for question in QUESTIONS}
    made |= {"labels": labels.table(), "labels, differences": with_labels()}
    made |= {"finetuned": finetuned()}
    made |= {"bias": bias.table(), "bias, differences": tied(), "world": world(), "footage": footage()}
    made |= {"joint": joint.table(), "parts": parts.table(), "parts, short": parts.short_table()}
    made |= apart.tables() | helper.tables() | real_report.tables()
    return {mark: lines for mark, lines in made.items() if lines.count("\n") > 1}  # a head and a row at least


def written(text: str, made: dict[str, str]) -> str:
    """A document with each of its tables in place.

    Raises:
        KeyError: it has a mark of a table that nothing makes.
    """
    marks = re.compile(r"^<!-- table: ([^\n]+) -->\n.*?^<!-- end -->$", re.S | re.M)
    return marks.sub(lambda found: f"<!-- table: {found[1]} -->\n{made[found[1]]}\n<!-- end -->", text)


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
    made = tables()
    for mark, lines in made.items():
        print(f"{mark}\n\n{lines}\n")
    if write:
        for document in DOCUMENTS:
            text = document.read_text(encoding="utf-8")
            document.write_text(written(text, made), encoding="utf-8")
        FIGURES.mkdir(exist_ok=True)
        for question in QUESTIONS:
            if "figures" in made[question]:
                figure, _ = drawn(question, found)
                buffer = io.BytesIO()
                figure.savefig(buffer, dpi=110)
                # Bars and words need few colors, and the wheel holds these files.
                few = Image.open(buffer).convert("RGB").quantize(64)
                few.save(FIGURES / f"study_{question}.png", optimize=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
