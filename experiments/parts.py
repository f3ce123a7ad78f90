"""Scores trained networks by the parts of their features: context part, motion part and whole, on `test`.

    python experiments/joint.py --final --again --out runs   # trains context, motion, joint; three seeds each
    python experiments/parts.py --shipped                    # scores the networks that come along, of seed 0
    python experiments/parts.py --untrained                  # scores random weights, three seeds
    python experiments/parts.py runs                         # scores what is finished in there; resumable
    python experiments/parts.py --table                      # the table of docs/model_cards.md

A run is a folder `MODEL-SEED`, and one line of `experiments/parts.jsonl`. R@1 and the accuracy of a linear
probe (C = 1), on MovingScenes, with `train` as gallery.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

import torch

import cvrl_lite
from cvrl_lite import evaluate, train
from cvrl_lite.datasets import DecodedSet, MovingScenes, decode
from cvrl_lite.models import TinyR2Plus1D
from cvrl_lite.pretrained import Pretrained

LOG = Path(__file__).with_name("parts.jsonl")
MODELS = ("context", "motion", "joint")
PARTS = ("whole", "context", "motion")
LABELS = ("scene", "action")
MEASURES = ("R@1", "linear")

Scores = dict[str, dict[str, dict[str, float]]]


def finished(run: Path) -> bool:
    """Whether a run came to its end: one that was stopped has weights, too."""
    files = [run / name for name in ("recipe.json", "metrics.jsonl", "model.safetensors")]
    if not all(file.exists() for file in files):
        return False
    steps, lines = (
        json.loads(files[0].read_text(encoding="utf-8"))["steps"],
        files[1].read_text(encoding="utf-8").splitlines(),
    )
    return bool(lines) and json.loads(lines[-1])["step"] == steps


def untrained(seed: int) -> Pretrained:
    """A network of the course's size with random weights; the same as that of joint.py."""
    recipe = train.recipes.laptop(seed=seed)
    torch.manual_seed(seed)
    return Pretrained.from_recipe(TinyR2Plus1D(recipe.networks.widths), recipe)


def scored(model: Pretrained, gallery: DecodedSet, queries: DecodedSet) -> Scores:
    """`{part: {label: {"R@1": ..., "linear": ...}}}` of a network."""
    tables = [model.embed(data) for data in (gallery, queries)]
    found: Scores = {}
    for part in PARTS:
        which = None if part == "whole" else part
        found[part] = {}
        for label in LABELS:
            shares = evaluate.retrieval(*tables, label, part=which, ks=(1,))
            shares["linear"] = evaluate.linear_probe(*tables, label, part=which)
            found[part][label] = {name: round(value, 4) for name, value in shares.items()}
    return found


def rows() -> list[dict[str, object]]:
    """What is scored already."""
    return [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()] if LOG.exists() else []


def table() -> str:
    """Means, and the spread over seeds where there are several, as a Markdown table."""
    heads = [f"{label} {measure}" for label in LABELS for measure in MEASURES]
    lines = [f"| trained with | seeds | part | {' | '.join(heads)} |", "|---" * (3 + len(heads)) + "|"]
    for model in MODELS:
        runs: list[Scores] = [row["scores"] for row in rows() if row["model"] == model]  # type: ignore[misc]
        for part in PARTS if runs else ():
            cells = []
            for label in LABELS:
                for measure in MEASURES:
                    values = [scores[part][label][measure] for scores in runs]
                    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
                    cells.append(f"{statistics.mean(values):.2f}{spread}")
            lines.append(f"| {model} | {len(runs)} | {part} | {' | '.join(cells)} |")
    return "\n".join(lines)


def short_table() -> str:
    """Nearest neighbors by the whole vector, and of the joint networks by each part."""
    names = {"whole": "the whole vector", "context": "its context part", "motion": "its motion part"}
    shown = [(model, "whole") for model in MODELS] + [("joint", part) for part in PARTS[1:]]
    lines = ["| trained with | seeds | searched by | same scene | same action |", "|---" * 5 + "|"]
    for model, part in shown:
        runs: list[Scores] = [row["scores"] for row in rows() if row["model"] == model]  # type: ignore[misc]
        means = [statistics.mean(scores[part][label]["R@1"] for scores in runs) for label in LABELS]
        lines.append(
            f"| {model} | {len(runs)} | {names[part]} | {' | '.join(f'{mean:.2f}' for mean in means)} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("runs", nargs="?", type=Path, help="a folder of runs, MODEL-SEED each")
    parser.add_argument("--table", action="store_true", help="print the table of what is scored")
    parser.add_argument("--shipped", action="store_true", help="score the networks that come along")
    parser.add_argument("--untrained", action="store_true", help="score random weights")
    arguments = parser.parse_args()
    if arguments.table:
        print(table())
        return 0
    if arguments.runs is None and not (arguments.shipped or arguments.untrained):
        parser.error("give a folder of runs, --shipped, --untrained or --table")
    done = {(row["model"], row["seed"]) for row in rows()}
    todo: list[tuple[str, int, str | Path | None]] = []
    for seed in range(3):
        if arguments.untrained and ("untrained", seed) not in done:
            todo.append(("untrained", seed, None))
        for model in MODELS:
            if (model, seed) in done:
                continue
            if arguments.shipped and seed == 0:
                todo.append((model, seed, model))
            elif arguments.runs and finished(arguments.runs / f"{model}-{seed}"):
                todo.append((model, seed, arguments.runs / f"{model}-{seed}"))
    if not todo:
        print("nothing new to score")
        return 0
    gallery, queries = (decode(MovingScenes(split), vectors=False) for split in ("train", "test"))
    for model, seed, network in todo:
        found = untrained(seed) if network is None else cvrl_lite.load(network)
        scores = scored(found, gallery, queries)
        with open(LOG, "a", encoding="utf-8") as file:
            file.write(json.dumps({"model": model, "seed": seed, "scores": scores}) + "\n")
        print(model, seed, scores, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
