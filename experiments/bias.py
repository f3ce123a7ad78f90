"""Context bias: a probe learns actions where the scene gives them away. How far does it fall elsewhere?

    python experiments/bias.py --out runs/study     # from the weights that study.py left there
    python experiments/bias.py --fast               # an untrained network on few clips, nothing written
    python experiments/bias.py --table

Two training sets of the hard kind, with other clips than the study's: in one, action and scene are
independent, in the other each scene has its action. A linear probe on frozen features is trained on each and
tested on the study's `test`, where they are independent. One line a run in `experiments/bias.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from study import SEEDS, folder_of, in_table, kept
from worlds import load

from cvrl_lite import evaluate, train
from cvrl_lite.datasets import DecodedSet, MovingScenes, decode
from cvrl_lite.datasets.moving_scenes import APPEARANCES, make
from cvrl_lite.files import cache_dir
from cvrl_lite.models import TinyR2Plus1D, VideoBackbone

LOG = Path(__file__).parent / "bias.jsonl"
STARTS = ("untrained", "two clips", "context", "motion", "residual", "joint", "three", "action labels")
SEED = 3  # of the sets; the study's are 1


def tied(tie: float, clips: int = 800) -> DecodedSet:
    """Clips for the probe, 72 of 100, whose actions are given by their scenes or not."""
    root = cache_dir() / f"moving_scenes_tie_{tie:g}_{clips}"
    make(root, clips, SEED, tie=tie, bystanders=1 / 3, appearances=APPEARANCES, preset="slow")
    return decode(MovingScenes("train", root), size=train.recipes.laptop().decoded_size, vectors=False)


def probed(backbone: VideoBackbone, known: dict[str, DecodedSet], test: DecodedSet) -> dict[str, float]:
    """Accuracy on independent clips after a probe on each kind."""
    recipe = train.recipes.laptop()

    def features(data: DecodedSet) -> np.ndarray:
        return evaluate.features(backbone, data, recipe.sampling, size=recipe.augmentation.size)

    asked, found = features(test), {}
    for kind, data in known.items():
        given, wanted = data.labels("action"), test.labels("action")
        share = evaluate.linear_probe((features(data), given), (asked, wanted), penalty=evaluate.PENALTIES)
        found[kind] = round(share, 4)
    return found


def finished() -> list[dict[str, Any]]:
    """What has been run."""
    return [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()] if LOG.exists() else []


def table() -> str:
    """Accuracies on independent clips after a probe on each kind, as a Markdown table."""
    rows = finished()
    lines = [
        "| features | seeds | probe on independent clips | probe on tied clips | fall |",
        "|---|---|---|---|---|",
    ]
    for start in STARTS:
        mine = [row for row in rows if row["start"] == start]
        if mine:
            cells = [[row[kind] for row in mine] for kind in ("independent", "tied")]
            falls = [row["independent"] - row["tied"] for row in mine]
            lines.append(f"| {start} | {len(mine)} | {' | '.join(map(in_table, [*cells, falls]))} |")
    return "\n".join(lines)


def main() -> int:
    """Runs what is missing and can be run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--out", type=Path, default=Path("runs/study"), help="what study.py was given")
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if arguments.table:
        print(table())
        return 0
    if arguments.fast:
        known = {"independent": tied(0.0, 100), "tied": tied(1.0, 100)}
        print(probed(TinyR2Plus1D(), known, load("test", "tiny")))
        return 0
    done = {(row["start"], row["seed"]) for row in finished()}
    known, test = {"independent": tied(0.0), "tied": tied(1.0)}, load("test")
    for seed in SEEDS:
        for start in STARTS:
            there = (folder_of(start, seed, arguments.out) / "backbone.pt").exists()
            if not there or (start, seed) in done:
                continue
            backbone = kept(start, seed, arguments.out)
            row = {"start": start, "seed": seed} | probed(backbone, known, test)
            with open(LOG, "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(row, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
