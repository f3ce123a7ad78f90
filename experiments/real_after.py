"""What the networks of real.py are good for afterwards: finetuned on real clips, or asked about drawings.

    python experiments/real_after.py finetune --root UCF11   # from the weights that real.py left; resumable
    python experiments/real_after.py drawings --root UCF11
    python experiments/real_after.py --fast                  # a few steps on drawn clips, nothing written

*Finetuning* trains everything with 10 or all labels a class of g08-g19, from several starts or from scratch,
also with motion prediction as a helper beside the labels; settings are those of `labels.py`, none was chosen
on g22-g25. *Drawings* asks about scenes and actions of the course's test set. Each line of
`experiments/real_after.jsonl` is one run; `report.py` makes the tables.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from parts import untrained
from real import (
    CHOSEN,
    DRAWN,
    LOG,
    MODELS,
    PARTS,
    ROOT,
    Sets,
    add_line,
    folder_of,
    log_of,
    precision,
    read,
    stand_in,
)

import cvrl_lite
from cvrl_lite import evaluate, train
from cvrl_lite.datasets import DecodedSet, MovingScenes, decode
from cvrl_lite.models import TinyR2Plus1D
from cvrl_lite.pretrained import Pretrained

AFTER = LOG.parent / "real_after.jsonl"
SCRATCH, HELPED = "scratch", "scratch, motion as a helper"
STARTS = (SCRATCH, HELPED, "joint, drawings", "joint", CHOSEN)
PER_CLASS = (10, None)  # None: all, 48
STEPS = (200, 600)  # the longer ones from scratch alone
ASKED = (
    "untrained",
    "context, drawings",
    "motion, drawings",
    "joint, drawings",
    "context",
    "motion",
    "joint",
)


def weights(name: str, seed: int, out: Path) -> Pretrained:
    """A network of real.py: a shipped one, or what the script left in its folder."""
    if MODELS[name].data in DRAWN and seed == 0:
        return cvrl_lite.load(name.partition(",")[0])
    return cvrl_lite.load(folder_of(name, seed, out))


def finetuned(start: str, seed: int, per_class: int | None, steps: int, data: Sets, out: Path) -> str:
    """The queries that are named rightly after finetuning, as a string of 0 and 1."""
    recipe = train.recipes.laptop(("motion",), seed=seed).replace(steps=steps)
    how = train.Finetuning(
        steps=steps, seed=seed, precision=precision(), sampling=recipe.sampling, test_clips=5
    )
    colors = {name: getattr(recipe.augmentation, name) for name in ("hue", "saturation")}
    how = replace(how, augmentation=replace(how.augmentation, hflip=0.5, **colors))
    torch.manual_seed(seed)
    helper = train.Pretraining(recipe) if start == HELPED else None
    if helper:
        backbone = helper.backbone
    elif start == SCRATCH:
        backbone = TinyR2Plus1D(recipe.networks.widths)
    else:
        backbone = weights(start, seed, out).backbone
    videos = data["train"]
    if per_class is not None:
        videos = videos.subset(evaluate.sample_per_class(videos.labels("class"), per_class, seed))
    model = train.finetune(backbone.train(), videos, "class", how, helper)
    right = train.predict(model, data["test"], how).argmax(1) == data["test"].labels("class")
    return "".join("01"[int(hit)] for hit in right)


def asked(model: Pretrained, drawings: dict[str, DecodedSet]) -> dict[str, dict[str, float]]:
    """R@1 and linear probe of scenes and actions of drawings, by part."""
    tables = {split: model.embed(data, clips=3) for split, data in drawings.items()}
    found = {}
    for part in PARTS:
        scores = evaluate.scores(tables["train"], tables["test"], part=part)
        found[part or "whole"] = {
            f"{label} {name}": round(scores[label][name], 4)
            for label in ("scene", "action")
            for name in ("R@1", "linear")
        }
    return found


def finetunings(seeds: list[int], data: Sets, out: Path) -> None:
    """Every run that is missing and whose start is there."""
    done = {(r["start"], r["seed"], r["per_class"], r["steps"]) for r in log_of(AFTER) if "hits" in r}
    for seed in seeds:
        for start in STARTS:
            own = start in (SCRATCH, HELPED)
            if (
                not own
                and not (seed == 0 and MODELS[start].data in DRAWN)
                and not folder_of(start, seed, out).exists()
            ):
                continue
            for steps in STEPS if own else STEPS[:1]:
                for per_class in PER_CLASS:
                    if (start, seed, per_class, steps) in done:
                        continue
                    begin = time.perf_counter()
                    hits = finetuned(start, seed, per_class, steps, data, out)
                    row: dict[str, Any] = {
                        "start": start,
                        "seed": seed,
                        "per_class": per_class,
                        "steps": steps,
                    }
                    add_line(AFTER, row | {"seconds": round(time.perf_counter() - begin), "hits": hits})
                    print(time.strftime("%H:%M:%S"), row, hits.count("1") / len(hits), flush=True)


def questions(seeds: list[int], out: Path) -> None:
    """Every network asked about drawings."""
    drawings = {split: decode(MovingScenes(split), size=72) for split in ("train", "test")}
    done = {(row["model"], row["seed"]) for row in log_of(AFTER) if "model" in row}
    for seed in seeds:
        for name in ASKED:
            if (name, seed) in done:
                continue
            model = untrained(seed) if name == "untrained" else weights(name, seed, out)
            row = {"model": name, "seed": seed, "parts": asked(model, drawings)}
            add_line(AFTER, row)
            print(time.strftime("%H:%M:%S"), row, flush=True)


def main() -> int:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("protocols", nargs="*", metavar="PROTOCOL", help="finetune, drawings; both without")
    parser.add_argument("--root", type=Path, default=ROOT, help="the clips that ucf11.py makes")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--out", type=Path, default=Path("runs/real"), help="folder of weights")
    parser.add_argument("--fast", action="store_true", help="two steps on drawn clips, nothing written")
    arguments = parser.parse_args()
    if unknown := set(arguments.protocols) - {"finetune", "drawings"}:
        parser.error(f"protocols are finetune and drawings; got {', '.join(sorted(unknown))}")
    if arguments.fast:
        data = stand_in()
        for start in (SCRATCH, HELPED, "joint, drawings"):
            print(start, finetuned(start, 0, 2, 2, data, arguments.out))
        print(asked(cvrl_lite.load("joint"), {split: _scenes(split) for split in ("train", "test")}))
        return 0
    protocols = arguments.protocols or ["finetune", "drawings"]
    if "drawings" in protocols:
        questions(arguments.seeds, arguments.out)
    if "finetune" in protocols:
        finetunings(arguments.seeds, read(arguments.root), arguments.out)
    return 0


def _scenes(split: str) -> DecodedSet:
    data = decode(MovingScenes(split), size=72)
    return data.subset(range(0, len(data.videos), 8))


if __name__ == "__main__":
    sys.exit(main())
