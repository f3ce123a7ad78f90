"""150 steps with residuals alone, three seeds: what notebook 13 shows beside the seed that it trains.

    python experiments/short.py   # about two minutes on a free core; resumable

A run is one line of `experiments/short.jsonl`: R@1 by each label, before and after the training. `train` of
the hard set's 240 clips is the gallery, the others are the queries. In float32, since "auto" chooses what is
faster on a machine, and after so few steps the scores depend on it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import torch

from cvrl_lite import evaluate, train
from cvrl_lite.datasets import DecodedSet, MovingScenes, VideoDataset, decode
from cvrl_lite.datasets.moving_scenes import hard_set
from cvrl_lite.train import Recipe

LOG = Path(__file__).with_name("short.jsonl")
SEEDS, STEPS = (0, 1, 2), 150


def clips() -> tuple[DecodedSet, DecodedSet]:
    """The clips to learn from and to search in, and the queries."""
    root = hard_set(240)
    first, *others = (MovingScenes(name, root) for name in ("train", "val", "test"))
    entries = tuple(entry for videos in others for entry in videos.entries)
    return decode(first, residuals=True), decode(VideoDataset(entries, first.classes), residuals=True)


def found_by(
    backbone: torch.nn.Module, recipe: Recipe, gallery: DecodedSet, queries: DecodedSet
) -> dict[str, float]:
    """R@1 by each label."""
    known, asked = (
        evaluate.features(backbone, data, recipe.sampling, size=recipe.augmentation.size)
        for data in (gallery, queries)
    )
    return {
        label: round(
            evaluate.retrieval((known, gallery.labels(label)), (asked, queries.labels(label)), ks=(1,))[
                "R@1"
            ],
            4,
        )
        for label in gallery.classes
    }


def main() -> int:
    """Trains the seeds that the log lacks."""
    torch.set_num_threads(1)
    lines = LOG.read_text(encoding="utf-8").splitlines() if LOG.exists() else []
    done = {json.loads(line)["seed"] for line in lines}
    gallery, queries = clips()
    for seed in (seed for seed in SEEDS if seed not in done):
        recipe = train.recipes.laptop_fast(("residual",), seed=seed).replace(steps=STEPS, precision="float32")
        torch.manual_seed(seed)
        row: dict[str, object] = {"seed": seed, "steps": STEPS}
        row["untrained"] = found_by(train.Pretraining(recipe).backbone, recipe, gallery, queries)
        row["residual"] = found_by(train.pretrain(recipe, data=gallery).backbone, recipe, gallery, queries)
        with LOG.open("a", encoding="utf-8") as log:
            log.write(json.dumps(row) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
