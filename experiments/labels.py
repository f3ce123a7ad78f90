"""What few labels are worth: probes and finetuning from each start, and motion prediction as a helper.

    python experiments/labels.py --out runs/study    # from the weights that study.py left there; resumable
    python experiments/labels.py --fast              # a few steps, nothing written
    python experiments/labels.py --table

Actions of the hard set, learned from 1, 2, 5, 10 or all clips a class. A *probe* trains a linear layer on
frozen features; *finetuning* trains everything, for the same number of steps from every start; with the
*helper*, motion prediction is trained beside the labels on the same clips. Each finished run is one line of
`experiments/labels.jsonl`: an accuracy on `test`.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path

import numpy as np
import torch
from study import MODELS as RUNS
from study import SEEDS, folder_of, in_table, kept, precision, recipe_of
from worlds import load

from cvrl_lite import evaluate, train
from cvrl_lite.datasets import DecodedSet
from cvrl_lite.models import TinyR2Plus1D

LOG = Path(__file__).parent / "labels.jsonl"
LABEL = "action"
PROBED = ("untrained", "two clips", "context", "motion", "residual", "joint", "three")
FINETUNED = ("scratch", "scratch with helper", "motion, short", "joint, short")
PER_CLASS = {"probe": (1, 2, 5, 10, None), "finetune": (10, None)}  # None: all
STEPS = 200  # of finetuning
DRAWS = 5  # of the labeled clips, for a probe


def probe(
    start: str, seed: int, per_class: int | None, out: Path, gallery: DecodedSet, test: DecodedSet
) -> float:
    """Mean accuracy over draws of the labeled clips, on the features that the study kept."""
    stored = np.load(folder_of(start, seed, out) / "features.npz")
    known, asked = stored["train"], stored["test"]
    given, wanted = gallery.labels(LABEL), test.labels(LABEL)
    if per_class is None:
        return evaluate.linear_probe((known, given), (asked, wanted), penalty=evaluate.PENALTIES)
    how = {"per_class": per_class, "penalty": 0.1}  # too few to choose a penalty by
    draws = [evaluate.few_labels((known, given), (asked, wanted), seed=draw, **how) for draw in range(DRAWS)]
    return float(np.mean(draws))


def finetuned(
    start: str,
    seed: int,
    per_class: int | None,
    out: Path,
    gallery: DecodedSet,
    test: DecodedSet,
    steps: int,
    folder: Path | None = None,
) -> float:
    """Accuracy after finetuning on one draw of the labeled clips; `folder` gets metrics and checkpoints."""
    recipe = recipe_of(RUNS["motion"], seed, steps)
    how = train.Finetuning(steps=steps, seed=seed, precision=precision())
    views = dataclasses.replace(
        how.augmentation, hue=recipe.augmentation.hue, saturation=recipe.augmentation.saturation
    )
    how = dataclasses.replace(how, augmentation=views, sampling=recipe.sampling, test_clips=3)
    torch.manual_seed(seed)
    helper = train.Pretraining(recipe) if start == "scratch with helper" else None
    if helper:
        backbone = helper.backbone
    elif start == "scratch":
        backbone = TinyR2Plus1D(recipe.networks.widths)
    else:
        backbone = kept(start, seed, out)
    rows = range(len(gallery.videos))
    if per_class is not None:
        rows = evaluate.sample_per_class(gallery.labels(LABEL), per_class, seed)
    model = train.finetune(backbone, gallery.subset(rows), LABEL, how, helper, out=folder)
    return train.accuracy(train.predict(model, test, how), test.labels(LABEL))


def finished() -> list[dict[str, object]]:
    """What has been run."""
    return [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()] if LOG.exists() else []


def table() -> str:
    """Accuracies by start and number of labels, as a Markdown table."""
    rows = finished()
    amounts = (1, 2, 5, 10, None)
    lines = [
        "| trained | start | " + " | ".join(f"{n or 'all'} a class" for n in amounts) + " |",
        "|---" * (len(amounts) + 2) + "|",
    ]
    for protocol, starts in (("probe", PROBED), ("finetune", FINETUNED)):
        for start in starts:
            cells = []
            for amount in amounts:
                values = [
                    row["accuracy"]
                    for row in rows
                    if (row["protocol"], row["start"], row["per_class"]) == (protocol, start, amount)
                ]
                cells.append(in_table(values) if values else "")  # type: ignore[arg-type]
            if any(cells):
                lines.append(f"| {protocol} | {start} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Runs what is missing and can be run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--out", type=Path, default=Path("runs/study"), help="what study.py was given")
    parser.add_argument("--protocols", nargs="+", default=["probe", "finetune"])
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    if arguments.table:
        print(table())
        return 0
    world = "tiny" if arguments.fast else "hard"
    gallery, test = load("train", world), load("test", world)
    if arguments.fast:
        for start in FINETUNED[:2]:
            print(start, finetuned(start, 0, 2, arguments.out, gallery, test, 2))
        return 0
    done = {(row["protocol"], row["start"], row["per_class"], row["seed"]) for row in finished()}
    for seed in arguments.seeds:
        for protocol in arguments.protocols:
            for start in PROBED if protocol == "probe" else FINETUNED:
                own = start.startswith("scratch")
                there = own or (folder_of(start, seed, arguments.out) / "backbone.pt").exists()
                for per_class in PER_CLASS[protocol]:
                    if (protocol, start, per_class, seed) in done or not there:
                        continue
                    row = {"protocol": protocol, "start": start, "per_class": per_class, "seed": seed}
                    if protocol == "probe":
                        share = probe(start, seed, per_class, arguments.out, gallery, test)
                    else:
                        share = finetuned(start, seed, per_class, arguments.out, gallery, test, STEPS)
                        row |= {"steps": STEPS, "precision": precision()}
                    with open(LOG, "a", encoding="utf-8") as file:
                        file.write(json.dumps(row | {"accuracy": round(share, 4)}) + "\n")
                    print(time.strftime("%H:%M:%S"), row, round(share, 3), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
