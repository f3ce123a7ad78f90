"""Measures how well two tasks agree on their shared weights, over one batch and over many.

    python experiments/gradients.py           # the run of tug_of_war.py, into gradients.json
    python experiments/gradients.py --fast    # two steps on few clips, printed, nothing written

The gradient of one batch is mostly about the clips of this batch. What all batches share shows only in a mean
over many. So the clips of `train` are split at random into halves. Every 30 steps of the training of
tug_of_war.py, both gradients are computed for 40 batches of either half, and then means over 1 to 40 batches
of one half are compared with means over as many batches of the other: context with itself, motion with
itself, and context with motion. For fewer than 40 batches, 100 draws each.
"""

from __future__ import annotations

import argparse
import copy
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from tug_of_war import EVERY, STEPS, gradients, recipe_of

from cvrl_lite import train
from cvrl_lite.datasets import DecodedSet, MemoryLoader, MovingScenes, decode
from cvrl_lite.train.engine import Callback
from cvrl_lite.transforms import Views, augment

LOG = Path(__file__).with_name("gradients.json")
SIZES, DRAWS = (1, 2, 5, 10, 20, 40), 100
PAIRS = {"context": (0, 0), "motion": (1, 1), "both": (0, 1)}  # rows of `gradients` that are compared


def halves(data: DecodedSet, recipe: train.Recipe, batches: int) -> Iterator[Iterator[Views]]:
    """As many batches of either half of the clips, always the same ones."""
    order = torch.randperm(len(data.videos), generator=torch.Generator().manual_seed(0)).tolist()
    for half in (order[::2], order[1::2]):
        loader = MemoryLoader(data.subset(sorted(half)), recipe.sampling, seed=5)
        yield (augment(batch, recipe.augmentation) for batch in loader.batches(recipe.batch, batches))


def agreement(found: torch.Tensor, sizes: tuple[int, ...]) -> dict[str, list[list[float]]]:
    """Cosines of mean gradients of two halves.

    Args:
        found: Gradients (2 halves, batches, 2 tasks, weights).
        sizes: Over how many batches to average, one after the other.

    Returns:
        For each of `PAIRS`, the mean, the 5th and the 95th percentile over draws, by size.
    """
    generator = torch.Generator().manual_seed(0)
    result: dict[str, list[list[float]]] = {name: [] for name in PAIRS}
    for size in sizes:
        drawn = []
        for _ in range(DRAWS if size < found.shape[1] else 1):
            picked = [half[torch.randperm(len(half), generator=generator)[:size]].mean(0) for half in found]
            one, other = (F.normalize(mean, dim=1) for mean in picked)
            drawn.append(one @ other.T)  # (2, 2): each task of one half with each of the other
        cosines = torch.stack(drawn)
        cosines = (cosines + cosines.mT) / 2  # "both" either way
        for name, (row, column) in PAIRS.items():
            values = cosines[:, row, column]
            summary = (values.mean(), *values.quantile(torch.tensor([0.05, 0.95])))
            result[name].append([round(value.item(), 3) for value in summary])
    return result


def measured(at: tuple[int, ...], sizes: tuple[int, ...], steps: int, data: DecodedSet) -> dict[str, Any]:
    """Trains, and measures on the way; the log."""
    recipe = recipe_of(steps)
    seen: list[dict[str, Any]] = []

    def note(step: int, model: torch.nn.Module, _: Views | None = None) -> Mapping[str, float]:
        if step in at:
            assert isinstance(model, train.Pretraining)
            model = copy.deepcopy(model).train()  # measuring must not change the statistics of batch norm
            with torch.random.fork_rng():
                torch.manual_seed(0)  # dropout draws from here
                found = torch.stack(
                    [
                        torch.stack([gradients(model, views) for views in half])
                        for half in halves(data, recipe, sizes[-1])
                    ]
                )
            seen.append({"step": step, **agreement(found, sizes)})
            print("step", step, {name: values[-1] for name, values in seen[-1].items() if name in PAIRS})
        return {}

    torch.manual_seed(recipe.seed)
    note(0, train.Pretraining(recipe))  # the weights that the run begins with
    every = min(step for step in at if step)
    if train.pretrain(recipe, None, data, callbacks=[Callback(every, note)]).interrupted:
        raise KeyboardInterrupt
    return {"seed": recipe.seed, "steps": steps, "batches": sizes, "agreement": seen}


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--fast", action="store_true")
    fast = parser.parse_args().fast
    torch.set_num_threads(1)
    data, size = MovingScenes("train"), train.recipes.laptop().decoded_size
    if fast:
        print(json.dumps(measured((0, 2), (1, 2), 2, decode(data.subset(range(80)), size=size))))
    else:
        found = measured(tuple(range(0, STEPS + 1, EVERY)), SIZES, STEPS, decode(data, size=size))
        LOG.write_text(json.dumps(found) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
