"""Trains both tasks for a while, and records how hard each pulls at the shared blocks.

    python experiments/tug_of_war.py               # a run of 240 steps, into tug_of_war.json
    python experiments/tug_of_war.py --write FILE  # the explorable; FILE: see course/explorables/stored
    python experiments/tug_of_war.py --fast        # two steps on few clips, printed, nothing written

The run is short: narrow networks, a batch of 32 and a quarter of the course's steps, at weights of 1 to 2 as
in the course's own recipe. Every 30 steps both gradients are computed on the same three batches, on the
convolutions of the shared blocks, before any weight. The explorable takes their lengths from there, their
angle from the means over many batches of gradients.json, and shows beside them the scores of whole trainings,
from parts.jsonl.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from cvrl_lite import train
from cvrl_lite.course.explorables import save, tug_of_war
from cvrl_lite.datasets import DecodedSet, MemoryLoader, MovingScenes, decode
from cvrl_lite.train.engine import Callback
from cvrl_lite.transforms import Views, augment

LOG = Path(__file__).with_name("tug_of_war.json")
WEIGHTS = {"context": 0.33, "motion": 0.67}
STEPS, EVERY, BATCHES = 240, 30, 3
TRAINED = {"motion": 0.0, "joint": 1 / 3, "context": 1.0}  # models of parts.jsonl: the share of context


def gradients(model: train.Pretraining, views: Views) -> torch.Tensor:
    """The gradients of both tasks on the shared convolutions: (2, weights)."""
    shared = [weight for weight in model.backbone.shared.parameters() if weight.ndim > 1]
    maps = model.backbone.feature_maps(views.clip)
    rows = []
    for name in WEIGHTS:
        parts = torch.autograd.grad(model.tasks[name](maps, views).loss, shared, retain_graph=True)
        rows.append(torch.cat([part.flatten() for part in parts]))
    return torch.stack(rows)


def pulls(model: train.Pretraining, batches: list[Views]) -> dict[str, float]:
    """The mean length of each task's gradient on the shared convolutions, and their mean cosine."""
    model = copy.deepcopy(model).train()  # measuring must not change the statistics of batch norm
    found = []
    with torch.random.fork_rng():
        torch.manual_seed(0)  # dropout draws from here
        for views in batches:
            rows = gradients(model, views)
            found.append((*rows.norm(dim=1), torch.cosine_similarity(*rows, dim=0)))
    means = torch.tensor(found).mean(0).tolist()
    return dict(zip((*WEIGHTS, "cosine"), (round(value, 4) for value in means), strict=True))


def recipe_of(steps: int) -> train.Recipe:
    """The recipe of the run."""
    return train.recipes.laptop(tuple(WEIGHTS)).replace(
        steps=steps,
        batch=32,
        networks={"widths": (16, 32, 64, 64)},
        precision="bfloat16",
        tasks={name: {"weight": weight} for name, weight in WEIGHTS.items()},
    )


def measured(steps: int, data: DecodedSet) -> dict[str, Any]:
    """Trains, and measures on the way; the log."""
    recipe = recipe_of(steps)
    loader = MemoryLoader(data, recipe.sampling, seed=5)
    batches = [augment(batch, recipe.augmentation) for batch in loader.batches(recipe.batch, BATCHES)]
    torch.manual_seed(recipe.seed)
    seen = [{"step": 0, **pulls(train.Pretraining(recipe), batches)}]  # the weights that the run begins with

    def note(step: int, model: torch.nn.Module, _: Views) -> Mapping[str, float]:
        assert isinstance(model, train.Pretraining)
        seen.append({"step": step, **pulls(model, batches)})
        return {}

    if train.pretrain(recipe, None, data, callbacks=[Callback(min(EVERY, steps), note)]).interrupted:
        raise KeyboardInterrupt
    return {"seed": recipe.seed, "steps": steps, "weights": WEIGHTS, "pulls": seen}


def drawn() -> list[dict[str, float]]:
    """The lengths of LOG, with the cosines of the means over many batches."""
    pulls = json.loads(LOG.read_text(encoding="utf-8"))["pulls"]
    many = json.loads(LOG.with_name("gradients.json").read_text(encoding="utf-8"))["agreement"]
    cosines = {row["step"]: row["both"][-1][0] for row in many}
    return [row | {"cosine": cosines[row["step"]]} for row in pulls]


def scores() -> dict[str, dict[float, list[float]]]:
    """R@1 of all seeds by the share of context; scenes by the context part, actions by the motion part."""
    found: dict[str, dict[float, list[float]]] = {"scene": defaultdict(list), "action": defaultdict(list)}
    for line in LOG.with_name("parts.jsonl").read_text(encoding="utf-8").splitlines():
        run = json.loads(line)
        if run["model"] in TRAINED:
            for label, part in (("scene", "context"), ("action", "motion")):
                found[label][TRAINED[run["model"]]].append(run["scores"][part][label]["R@1"])
    return found


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--write", type=Path, metavar="FILE")
    arguments = parser.parse_args()
    if arguments.write:
        save(tug_of_war(drawn(), scores()), arguments.write)
        return
    torch.set_num_threads(1)
    data, size = MovingScenes("train"), train.recipes.laptop().decoded_size
    if arguments.fast:
        print(json.dumps(measured(2, decode(data.subset(range(40)), size=size))))
    else:
        LOG.write_text(json.dumps(measured(STEPS, decode(data, size=size))) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
