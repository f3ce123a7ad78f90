"""What is learned from real clips, and what drawings teach about them.

    python experiments/real.py --root UCF11                    # every model; resumable, hours; see ucf11.py
    python experiments/real.py joint "joint, drawings" --seeds 0  # some
    python experiments/real.py --fast                          # two steps of every model on drawn clips
    python experiments/real.py --ship                          # the chosen network into data/, as ucf11_joint
    python experiments/real.py --try laptop --tasks context,motion --set steps=300 --note "fewer steps"

Trained without labels on the groups g08-g19; every choice, the probe's penalty and the recipe among them, is
made on g20-g21; reported are queries of g22-g25 that search g08-g19 by cosine, five clips a video averaged.
Each finished run is a line of `experiments/real.jsonl`, with each query's hits, so that intervals can draw
whole groups; `report.py` makes the tables. Weights go to the folder `--out`. `--try` scores a recipe on
g20-g21 alone, and writes a line of `real_search.jsonl`.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from footage import histograms
from joint import keep, with_setting
from objectives import ObjectiveConfig
from peers import instance_discrimination, supervised
from ucf11 import SPLITS, ucf11
from worlds import load as load_world

import cvrl_lite
from cvrl_lite import evaluate, train
from cvrl_lite.datasets import DecodedSet, MovingScenes, decode, evaluation_clips
from cvrl_lite.models import TinyR2Plus1D, VideoBackbone
from cvrl_lite.pretext import RegressionConfig, TaskConfig
from cvrl_lite.pretrained import Embeddings, Pretrained
from cvrl_lite.train import Recipe

HERE = Path(__file__).parent
LOG, SEARCH = HERE / "real.jsonl", HERE / "real_search.jsonl"
ROOT = HERE.parent.parent / "shared" / "ucf11"
STEPS = 600
CLIPS = 5  # a video
PARTS = (None, "context", "motion")
PER_CLASS = (1, 2, 5, 10)
DRAWS = 5  # of few labels
JOINT = ("context", "motion")
TARGETS: dict[str, TaskConfig] = {
    "cosine": RegressionConfig(),
    "vectors": ObjectiveConfig(target="vectors", loss="InfoNCE"),
    "random": RegressionConfig(target="features"),
    "learned": ObjectiveConfig(),
}
"""Motion prediction taken apart, as in apart.py; "learned" is the method without its further windows."""

Sets = dict[str, DecodedSet]  # by split


@dataclass(frozen=True)
class Model:
    """What is trained.

    Attributes:
        tasks: Of the recipe, or motion prediction with another target: see `TARGETS`; none for a model that
            `train` makes.
        data: "real", "both" (as many drawings as real clips), or drawings: see `DRAWN`. The networks of
            "drawings" are the shipped ones and others made like them, with 1000 steps.
        init: The model, of the same seed, whose backbone it starts from.
        steps: Of the training.
        settings: Changes of the recipe, as for `--set`.
        train: Makes the backbone, where no recipe does.
    """

    tasks: tuple[str, ...] = ()
    data: str = "real"
    init: str = ""
    steps: int = STEPS
    settings: tuple[str, ...] = ()
    train: Callable[[Recipe, DecodedSet, Path | None], VideoBackbone] | None = None


def recipe_of(model: Model, seed: int, *, fast: bool = False) -> Recipe:
    """The course's recipe, with a model's tasks, steps and settings."""
    recipe = with_tasks("laptop", model.tasks or ("context",), seed)
    recipe = recipe.replace(steps=2 if fast else model.steps, precision=precision())
    for setting in model.settings:
        recipe = with_setting(recipe, setting)
    return recipe


def with_tasks(name: str, tasks: Sequence[str], seed: int) -> Recipe:
    """A recipe by its name with some of its tasks, or with those of `TARGETS`."""
    own = ["motion" if task in TARGETS else task for task in tasks]
    recipe = train.recipes.NAMED[name](own, seed=seed)
    for task in tasks:
        if task in TARGETS:  # the keys have the length of a point's patch of vectors
            recipe = recipe.replace(tasks={"motion": TARGETS[task]}, networks={"projection": 256})
    return recipe


def precision() -> str:
    """Of all runs on this machine."""
    return "float32" if train.emulates_bfloat16(torch.device("cpu")) else "bfloat16"


def read(root: Path, size: int = 72) -> Sets:
    """The splits of the real clips, decoded once and kept in the cache."""
    return {split: decode(ucf11(root, split), size=size, residuals=True) for split in SPLITS}


def stand_in() -> Sets:
    """Drawn clips in the place of real ones, with their actions for classes: for a trial of the script."""
    found = {split: load_world(split, "tiny") for split in ("train", "val", "test")}
    return {
        split: DecodedSet(
            tuple(
                replace(v, entry=replace(v.entry, labels={"class": v.entry.labels["action"]}))
                for v in part.videos
            ),
            (),
            {"class": part.classes["action"]},
        )
        for split, part in found.items()
    }


def training_set(model: Model, real: DecodedSet, *, fast: bool = False) -> DecodedSet:
    """What a model learns from; in a fast run, drawings are the stand-in of real clips."""
    if model.data == "real":
        return real
    if model.data != "both":
        return real if fast else DRAWN[model.data]()
    drawn = real if fast else shipped_set()
    rows = np.random.default_rng(0).permutation(len(drawn.videos))[: len(real.videos)]
    return DecodedSet(real.videos + drawn.subset(rows).videos, (), {})


def shipped_set() -> DecodedSet:
    """The drawings that the shipped networks learned from: 1152 clips, 16 scenes, 8 actions."""
    return decode(MovingScenes("train"), size=train.recipes.laptop().decoded_size, residuals=True)


def some_of(label: str, classes: int) -> Callable[[], DecodedSet]:
    """Those drawings of the first classes of a label alone."""
    return lambda: (data := shipped_set()).subset(np.flatnonzero(data.labels(label) < classes))


def fewer(clips: int) -> Callable[[], DecodedSet]:
    """So many of these drawings, of all kinds."""
    return lambda: (data := shipped_set()).subset(
        np.random.default_rng(0).permutation(len(data.videos))[:clips]
    )


def all_drawings() -> DecodedSet:
    """The shipped networks' drawings and those of the hard set, with bystanders and changing light."""
    return DecodedSet(shipped_set().videos + load_world("train").videos, (), {})


DRAWN: dict[str, Callable[[], DecodedSet]] = {
    "drawings": shipped_set,
    "288 drawings of 4 scenes": some_of("scene", 4),
    "288 drawings of 2 actions": some_of("action", 2),
    "288 drawings": fewer(288),
    "1152 drawings": shipped_set,
    "2304 drawings, half of them hard": all_drawings,
}


def _after(*tasks: str) -> Model:
    """What was chosen on g20-g21: from drawings on, with drawings and real clips, gently and not for long."""
    start = ("joint" if len(tasks) > 1 else tasks[0]) + ", drawings"
    return Model(tasks, "both", start, steps=300, settings=("optimization.learning_rate=5e-4",))


MODELS = {
    "color histograms": Model(),
    "untrained": Model(train=lambda recipe, data, out: TinyR2Plus1D(recipe.networks.widths)),
    "context, drawings": Model(("context",), "drawings"),
    "motion, drawings": Model(("motion",), "drawings"),
    "joint, drawings": Model(JOINT, "drawings"),
    "context": Model(("context",)),
    "motion": Model(("motion",)),
    "joint": Model(JOINT),
    "joint, drawings then real": Model(JOINT, init="joint, drawings"),
    "joint, both": Model(JOINT, "both"),
    "context, drawings then both": _after("context"),
    "motion, drawings then both": _after("motion"),
    "joint, drawings then both": _after(*JOINT),
    "joint by cosine, drawings": Model(("context", "cosine"), "1152 drawings", steps=1000),
    "joint by cosine": Model(("context", "cosine")),
    "joint and residual": Model((*JOINT, "residual")),
    "two clips": Model(train=instance_discrimination),
    "labels": Model(train=supervised("class")),
}
CHOSEN = "joint, drawings then both"
VARIETY = [name for name in DRAWN if name != "drawings"]
APART = {
    "motion by cosine": Model(("cosine",)),
    "motion by InfoNCE on vectors": Model(("vectors",)),
    "motion by random features": Model(("random",)),
    "motion by learned features": Model(("learned",)),
}
MODELS |= APART
MODELS |= {f"joint, {name}": Model(JOINT, name) for name in VARIETY}


def trained(name: str, seed: int, data: Sets, out: Path | None) -> Pretrained:
    """A model after its training; one that was broken off goes on where `out` is given."""
    model = MODELS[name]
    if model.data == "drawings":
        if seed == 0 or out is None:  # what comes with the package is seed 0 of this very recipe
            return cvrl_lite.load(name.partition(",")[0])
        recipe = train.recipes.laptop(model.tasks, seed=seed)
    else:
        recipe = recipe_of(model, seed, fast=not out)
    folder = folder_of(name, seed, out) if out else None
    if model.train:
        torch.manual_seed(seed)
        return Pretrained.from_recipe(model.train(recipe, data["train"], folder), recipe)
    if model.init:
        shipped = MODELS[model.init].data == "drawings" and (not seed or not out)
        start = model.init.partition(",")[0] if shipped or not out else folder_of(model.init, seed, out)
        recipe = recipe.replace(init=os.fspath(start))
    run = train.pretrain(recipe, folder, training_set(model, data["train"], fast=not out))
    if run.interrupted:
        raise KeyboardInterrupt
    return Pretrained.from_recipe(run.backbone, run.recipe)


def folder_of(name: str, seed: int, out: Path) -> Path:
    """Where a run keeps its weights."""
    return out / f"{name.replace(',', '').replace(' ', '-')}-{seed}"


def histogram_table(data: DecodedSet) -> Embeddings:
    """Colors of the frames that networks see, for comparison."""
    how = train.recipes.laptop().sampling
    rows = [histograms(evaluation_clips(video, how, CLIPS)).mean(0) for video in data.videos]
    return Embeddings.from_arrays(np.stack(rows), {"class": data.labels("class")})


def judged(tables: dict[str, Embeddings], part: str | None, split: str = "test") -> dict[str, Any]:
    """R@1, R@5 and linear probe of a split's queries by one part, hit by hit; few labels by their share."""
    x, held, queries = (tables[name].part(part) for name in ("train", "val", split))
    found = evaluate.hits(x, queries, ks=(1, 5))
    penalty = max(evaluate.PENALTIES, key=lambda c: (evaluate.linear_probe(x, held, penalty=c), -c))
    linear = evaluate.probe_hits(x, queries, penalty=penalty)
    few = {str(count): round(few_labels(x, queries, count), 4) for count in PER_CLASS if split == "test"}
    hits = {"R@1": found[:, 0], "R@5": found[:, 1], "linear": linear}
    neighbors = x.labels["class"][evaluate.nearest(queries.features, x.features, 1)[:, 0]]
    return {
        "scores": {name: round(float(column.mean()), 4) for name, column in hits.items()},
        "mAP": round(mean_average_precision(x, queries), 4),
        "C": penalty,
        "few labels": few,
        "hits": {name: "".join("01"[int(hit)] for hit in column) for name, column in hits.items()},
        "neighbors": "".join(f"{number:x}" for number in neighbors),  # the class of the nearest, of 11
    }


def few_labels(x: Embeddings, queries: Embeddings, count: int) -> float:
    """A probe with so many labels a class: the mean over several draws of them."""
    shares = [evaluate.few_labels(x, queries, per_class=count, seed=seed) for seed in range(DRAWS)]
    return float(np.mean(shares))


def mean_average_precision(gallery: Embeddings, queries: Embeddings) -> float:
    """Of the whole ranking of the gallery: it hangs less on single neighbors than R@1 does."""
    order = evaluate.nearest(queries.features, gallery.features, len(gallery))
    same = gallery.labels["class"][order] == queries.labels["class"][:, None]
    ranks = np.arange(1, len(gallery) + 1)
    return float((np.where(same, same.cumsum(1) / ranks, 0).sum(1) / same.sum(1)).mean())


def tables_of(model: Pretrained, data: Sets) -> dict[str, Embeddings]:
    """Features of every split, a row a video."""
    return {split: model.embed(part, clips=CLIPS) for split, part in data.items()}


def log_of(file: Path) -> list[dict[str, Any]]:
    """The lines of a log; none where it is not there."""
    return (
        [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    )


def add_line(file: Path, row: dict[str, Any]) -> None:
    """Another line of a log."""
    with open(file, "a", encoding="utf-8") as log:
        log.write(json.dumps(row) + "\n")


def add(file: Path | None, row: dict[str, Any]) -> None:
    """A line of the log, and a short one on the screen."""
    if file:
        add_line(file, row)
    shown = {part: [*of["scores"].values(), of["mAP"]] for part, of in row["parts"].items()}
    print(time.strftime("%H:%M:%S"), row["model"], row["seed"], row["seconds"], shown, flush=True)


def run(name: str, seed: int, data: Sets, out: Path | None) -> dict[str, Any]:
    """Trains and judges one model: a line of the log."""
    begin = time.perf_counter()
    if name == "color histograms":
        tables, seconds, recipe = {s: histogram_table(d) for s, d in data.items()}, 0.0, None
    else:
        model = trained(name, seed, data, out)
        seconds, tables, recipe = time.perf_counter() - begin, tables_of(model, data), model.recipe
    return {
        "model": name,
        "seed": seed,
        "seconds": round(seconds),
        "parts": {part or "whole": judged(tables, part) for part in _parts(tables)},
        "val": {part or "whole": _brief(judged(tables, part, "val")) for part in _parts(tables)},
        "recipe": recipe.to_values() if recipe else None,
    }


def _brief(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in ("scores", "mAP", "C")}


def _parts(tables: dict[str, Embeddings]) -> tuple[str | None, ...]:
    return PARTS if len(tables["train"].parts) > 1 else (None,)


def attempt(arguments: argparse.Namespace, seed: int) -> dict[str, Any]:
    """Trains a recipe with changed settings, and judges it on g20-g21 alone."""
    recipe = with_tasks(arguments.attempt, arguments.tasks.split(","), seed)
    recipe = recipe.replace(steps=STEPS, precision=precision())
    for setting in arguments.set:
        recipe = with_setting(recipe, setting)
    data = read(arguments.root, recipe.decoded_size)
    begin = time.perf_counter()
    videos = training_set(Model(data=arguments.data), data["train"])
    done = train.pretrain(recipe, None, videos)
    if done.interrupted:
        raise KeyboardInterrupt
    seconds = round(time.perf_counter() - begin)
    tables = tables_of(Pretrained.from_recipe(done.backbone, recipe), {k: data[k] for k in ("train", "val")})
    parts = {part or "whole": _brief(judged(tables, part, "val")) for part in _parts(tables)}
    settings = {"tasks": arguments.tasks, "data": arguments.data, "set": arguments.set}
    return {"model": arguments.note, "seed": seed, "seconds": seconds} | settings | {"parts": parts}


def ship(out: Path) -> None:
    """Puts the first seed of the chosen model into `data/checkpoints/`; its recipe names the real data."""
    model = cvrl_lite.load(folder_of(CHOSEN, 0, out))
    assert model.recipe is not None  # a run has one
    keep(model.backbone, model.recipe.replace(data="ucf101"), "ucf11_joint")


def main() -> int:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"some of: {'; '.join(MODELS)}")
    parser.add_argument("--root", type=Path, default=ROOT, help="the clips that ucf11.py makes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/real"), help="folder of weights")
    parser.add_argument("--fast", action="store_true", help="two steps on drawn clips, nothing written")
    parser.add_argument("--try", dest="attempt", metavar="RECIPE", choices=sorted(train.recipes.NAMED))
    parser.add_argument("--tasks", default=",".join(JOINT))
    parser.add_argument("--data", default="real", choices=("real", "drawings", "both"))
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change the recipe")
    parser.add_argument("--note", default="", help="what the log calls the attempt")
    parser.add_argument("--ship", action="store_true", help="write the chosen network into data/")
    arguments = parser.parse_args()
    if arguments.ship:
        ship(arguments.out)
        return 0
    if unknown := [name for name in arguments.models if name not in MODELS]:
        parser.error(f"no model is called {'; '.join(unknown)}; there are {'; '.join(MODELS)}")
    if arguments.attempt:
        for seed in arguments.seeds:
            add(SEARCH, attempt(arguments, seed))
        return 0
    fast = arguments.fast
    names = arguments.models or list(MODELS)
    data = stand_in() if fast else read(arguments.root)
    done = {(row["model"], row["seed"]) for row in log_of(LOG)}
    for seed in [0] if fast else arguments.seeds:
        for name in names:
            if fast or (name, seed) not in done:
                result = run(name, seed, data, None if fast else arguments.out)
                add(None if fast else LOG, result)
    return 0


if __name__ == "__main__":
    sys.exit(main())
