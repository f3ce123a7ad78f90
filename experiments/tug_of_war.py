"""Trains both tasks with several weights: how hard each pulls at the shared blocks, and what is learned.

    python experiments/tug_of_war.py               # what is missing in tug_of_war.jsonl: 7 runs of 240 steps
    python experiments/tug_of_war.py --write FILE  # the explorable; FILE: see course/explorables/stored
    python experiments/tug_of_war.py --fast        # two steps of one run on few clips, nothing written

The weights of context and motion add up to 1. Every 30 steps both gradients are computed on the same three
batches, on the convolutions of the shared blocks. R@1 is that of `val` by part of the vector, with `train` as
gallery. All runs have seed 0, narrow networks and a quarter of the course's steps, to be short.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cvrl_lite import evaluate, train
from cvrl_lite.course.explorables import save, tug_of_war
from cvrl_lite.datasets import DecodedSet, MemoryLoader, MovingScenes, decode
from cvrl_lite.pretrained import Pretrained
from cvrl_lite.train.engine import Callback
from cvrl_lite.transforms import Views, augment

LOG = Path(__file__).with_name("tug_of_war.jsonl")
SHARES = (0.33, 0.0, 1.0, 0.1, 0.9, 0.67, 0.5)  # of context in the sum of the weights, the recipe's first
STEPS, EVERY, BATCHES = 240, 30, 3
TASKS = ("context", "motion")


def pulls(model: train.Pretraining, batches: list[Views]) -> dict[str, float]:
    """The mean length of each task's gradient on the shared convolutions, and their mean cosine."""
    model = copy.deepcopy(model).train()  # measuring must not change the statistics of batch norm
    shared = [weight for weight in model.backbone.shared.parameters() if weight.ndim > 1]
    found = []
    with torch.random.fork_rng():
        torch.manual_seed(0)  # dropout draws from here
        for views in batches:
            maps = model.backbone.feature_maps(views.clip)
            rows = []
            for name in TASKS:
                loss = model.tasks[name](maps, views).loss
                parts = torch.autograd.grad(loss, shared, retain_graph=True)
                rows.append(torch.cat([part.flatten() for part in parts]))
            found.append((rows[0].norm(), rows[1].norm(), torch.cosine_similarity(*rows, dim=0)))
    means = torch.tensor(found).mean(0).tolist()
    return dict(zip((*TASKS, "cosine"), (round(value, 4) for value in means), strict=True))


def one(share: float, steps: int, data: DecodedSet, queries: DecodedSet) -> dict[str, Any]:
    """Trains with one pair of weights; a line of the log."""
    recipe = train.recipes.laptop(TASKS).replace(
        steps=steps,
        batch=32,
        networks={"widths": (16, 32, 64, 64)},
        precision="bfloat16",
        tasks={"context": {"weight": share}, "motion": {"weight": round(1 - share, 4)}},
    )
    loader = MemoryLoader(data, recipe.sampling, seed=5)
    batches = [augment(batch, recipe.augmentation) for batch in loader.batches(recipe.batch, BATCHES)]
    torch.manual_seed(recipe.seed)
    seen = [{"step": 0, **pulls(train.Pretraining(recipe), batches)}]  # the weights that the run begins with

    def note(step: int, model: torch.nn.Module, _: Views) -> Mapping[str, float]:
        assert isinstance(model, train.Pretraining)
        seen.append({"step": step, **pulls(model, batches)})
        return {}

    run = train.pretrain(recipe, None, data, callbacks=[Callback(min(EVERY, steps), note)])
    if run.interrupted:
        raise KeyboardInterrupt
    network = Pretrained.from_recipe(run.backbone, recipe)
    tables = [network.embed(part) for part in (data, queries)]
    scores = {
        part: {
            label: round(evaluate.retrieval(*tables, label, part=part, ks=(1,))["R@1"], 4)
            for label in ("scene", "action")
        }
        for part in TASKS
    }
    return {"share": share, "seed": recipe.seed, "steps": steps, "pulls": seen, "R@1": scores}


def rows() -> list[dict[str, Any]]:
    """The finished runs, by share."""
    lines = LOG.read_text(encoding="utf-8").splitlines() if LOG.exists() else []
    return sorted(map(json.loads, lines), key=lambda row: row["share"])


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--write", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if arguments.write:
        save(tug_of_war(rows()), arguments.write)
        return
    torch.set_num_threads(1)
    size = train.recipes.laptop().decoded_size
    sets = [MovingScenes(split) for split in ("train", "val")]
    if arguments.fast:
        few = [decode(part.subset(range(40)), size=size) for part in sets]
        print(json.dumps(one(0.33, 2, *few)))
        return
    data, queries = (decode(part, size=size) for part in sets)
    for share in SHARES:
        if share not in [row["share"] for row in rows()]:
            line = json.dumps(one(share, STEPS, data, queries))
            with LOG.open("a", encoding="utf-8") as log:
                print(line, file=log)
            print(line, flush=True)


if __name__ == "__main__":
    main()
