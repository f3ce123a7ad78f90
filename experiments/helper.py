"""Is motion prediction a helper that makes supervised training faster, or one that lets it end higher?

    python experiments/helper.py          # with and without, three lengths, three seeds; resumable
    python experiments/helper.py --fast   # two steps of each, nothing written

Actions of the hard set are learned from scratch with ten labels a class and with all, alone or with motion
prediction beside the labels on the same clips, for 200, 600 and 2000 steps, each with a whole schedule of its
own (see `labels.py`, whose 200 steps these repeat). Each finished run is one line of
`experiments/helper.jsonl`: the accuracy on `test`, and on the batches of the last 20 steps, which tells
whether the training has come to its end. A run that was stopped goes on from its last checkpoint in the
folder `--out`.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import differences
from labels import FINETUNED, PER_CLASS, finetuned
from study import SEEDS, folder_of, in_table, precision
from worlds import load

from cvrl_lite import train

LOG = Path(__file__).parent / "helper.jsonl"
STEPS = (200, 600, 2000)
STARTS = tuple(start for start in FINETUNED if start.startswith("scratch"))
AMOUNTS = PER_CLASS["finetune"]
_LAST = 20  # steps


def in_training(folder: Path) -> float:
    """Mean accuracy on the batches of a run's last steps."""
    lines = (folder / train.METRICS).read_text(encoding="utf-8").splitlines()[-_LAST:]
    return statistics.mean(json.loads(line)["label_accuracy"] for line in lines)


def finished() -> list[dict[str, Any]]:
    """What has been run."""
    return [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()] if LOG.exists() else []


def column(amount: int | None, steps: int) -> str:
    """What a table calls a number of labels and of steps."""
    return f"{amount or 'all'} a class, {steps} steps"


def columns() -> tuple[str, ...]:
    """Those of the lengths that were run."""
    run = {row["steps"] for row in finished()}
    return tuple(column(amount, steps) for amount in AMOUNTS for steps in STEPS if steps in run)


def values(measure: str) -> differences.Values:
    """{start: {column: values, seeds in order}}."""
    found: differences.Values = {}
    for row in sorted(finished(), key=lambda row: row["seed"]):
        place = found.setdefault(row["start"], {})
        place.setdefault(column(row["per_class"], row["steps"]), []).append(row[measure])
    return found


def table() -> str:
    """Accuracies on `test`, and while training, by start."""
    heads = columns()
    lines = [f"| trained | accuracy | {' | '.join(heads)} |", "|---" * (2 + len(heads)) + "|"]
    for measure, words in (("accuracy", "on `test`"), ("in_training", "while training")):
        for start, scores in values(measure).items():
            row = [in_table(scores[name]) if name in scores else "" for name in heads]
            lines.append(f"| {start} | {words} | {' | '.join(row)} |")
    return "\n".join(lines)


def tables() -> dict[str, str]:
    """Both, by their marks."""
    names = {start: start for start in STARTS}
    made = {"helper": table()}
    made["helper, differences"] = differences.table("helper", values("accuracy"), columns(), names)
    return made


def main() -> int:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--steps", type=int, nargs="+", default=list(STEPS))
    parser.add_argument("--out", type=Path, default=Path("runs/helper"), help="folder of weights")
    parser.add_argument("--fast", action="store_true")
    arguments = parser.parse_args()
    fast = arguments.fast
    gallery, test = (load(split, "tiny" if fast else "hard") for split in ("train", "test"))
    done = {(row["start"], row["per_class"], row["seed"], row["steps"]) for row in finished()}
    for seed in [0] if fast else arguments.seeds:
        for steps in [2] if fast else arguments.steps:
            for amount in [2] if fast else AMOUNTS:
                for start in STARTS:
                    if (start, amount, seed, steps) in done and not fast:
                        continue
                    folder = folder_of(f"{start} {amount or 'all'} {steps}", seed, arguments.out)
                    begin = time.perf_counter()
                    share = finetuned(
                        start, seed, amount, arguments.out, gallery, test, steps, None if fast else folder
                    )
                    row = {"start": start, "per_class": amount, "seed": seed, "steps": steps}
                    row |= {"seconds": round(time.perf_counter() - begin), "precision": precision()}
                    row |= {"accuracy": round(share, 4)}
                    if not fast:
                        row |= {"in_training": round(in_training(folder), 4)}
                        with open(LOG, "a", encoding="utf-8") as file:
                            file.write(json.dumps(row) + "\n")
                    print(time.strftime("%H:%M:%S"), json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
