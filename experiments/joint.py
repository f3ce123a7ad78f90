"""Trains a recipe and scores it on scene and action: the search on `val`, the committed table on `test`.

    python experiments/joint.py --tasks context,motion --set tasks.context.weight=0.3 --note "lower weight"
    python experiments/joint.py --final            # every model, three seeds, on test; resumable
    python experiments/joint.py --ship runs/joint-0  # that run's backbone into data/, for the notebooks
    python experiments/joint.py --table            # the table of docs/experiments.md, from what --final wrote
    python experiments/joint.py --final --fast     # two steps of every model on few clips, nothing written

Each finished run is one line of `experiments/search.jsonl`, or of `experiments/joint.jsonl` with `--final`.
"""

from __future__ import annotations

import argparse
import ast
import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from cvrl_lite import evaluate, train
from cvrl_lite.datasets import DecodedSet, MovingScenes, decode
from cvrl_lite.datasets.moving_scenes import hard_set
from cvrl_lite.files import sha256
from cvrl_lite.models import TinyR2Plus1D, VideoBackbone
from cvrl_lite.pretrained import Pretrained, load
from cvrl_lite.train import Recipe

HERE = Path(__file__).parent
MODELS = {"untrained": (), "context": ("context",), "motion": ("motion",), "joint": ("context", "motion")}
THREE = {"three": train.TASKS}  # trained by study.py


def with_setting(recipe: Any, setting: str) -> Any:
    """`name=value`, or `part.name=value` for a record inside the recipe."""
    name, _, text = setting.partition("=")
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    first, *inner = name.split(".")
    for part in reversed(inner):
        value = {part: value}
    return recipe.replace(**{first: value})


def one(
    tasks: tuple[str, ...],
    settings: list[str],
    seed: int,
    gallery: DecodedSet,
    queries: DecodedSet,
    out: Path | None,
) -> dict[str, Any]:
    """Trains and scores one model."""
    recipe = train.recipes.laptop(tasks or ("context",), seed=seed)
    for setting in settings:
        recipe = with_setting(recipe, setting)
    result: dict[str, Any] = {"seed": seed, "settings": settings}
    if tasks:
        run = train.pretrain(recipe, out, gallery)
        if run.interrupted:
            raise KeyboardInterrupt
        backbone = run.backbone
        result |= {
            "steps": run.steps,
            "seconds": round(run.seconds, 1),
            "precision": run.recipe.precision,
            "recipe": json.loads(run.recipe.to_json()),
        }
    else:
        torch.manual_seed(seed)
        backbone = TinyR2Plus1D(recipe.networks.widths)
    scores = evaluate.scores(gallery, queries, model=Pretrained.from_recipe(backbone, recipe))
    return result | {"scores": {k: {m: round(v, 4) for m, v in row.items()} for k, row in scores.items()}}


def table() -> str:
    """Mean and standard deviation over seeds of the finished runs, as a Markdown table."""
    rows = [json.loads(line) for line in (HERE / "joint.jsonl").read_text(encoding="utf-8").splitlines()]
    lines = [
        "| trained with | seeds | scene R@1 | scene linear | action R@1 | action linear |",
        "|---|---|---|---|---|---|",
    ]
    for model in MODELS:
        mine = [row["scores"] for row in rows if row["model"] == model]
        cells = []
        for label in ("scene", "action"):
            for measure in ("R@1", "linear"):
                values = [scores[label][measure] for scores in mine]
                spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
                cells.append(f"{statistics.mean(values):.2f}{spread}")
        lines.append(f"| {model} | {len(mine)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> int:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--tasks", default="context,motion")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change the recipe")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--note", default="")
    parser.add_argument("--final", action="store_true", help="all models, seeds 0-2, on the test split")
    parser.add_argument(
        "--again", action="store_true", help="--final trains what its log holds, for its weights"
    )
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--out", type=Path, help="folder for checkpoints")
    parser.add_argument("--table", action="store_true", help="print the table of the finished runs")
    parser.add_argument("--curves", type=Path, metavar="RUNS", help="condense the metrics of finished runs")
    parser.add_argument("--ship", type=Path, metavar="RUN", help="write a run's backbone to data/")
    arguments = parser.parse_args()
    if arguments.ship:
        ship(arguments.ship)
        return 0
    if arguments.curves:
        curves(arguments.curves)
        return 0
    if arguments.table:
        print(table())
        return 0
    decoded = train.recipes.laptop().decoded_size
    for setting in arguments.set:
        if setting.startswith("decoded_size="):
            decoded = int(setting.removeprefix("decoded_size="))
    fast, settings = arguments.fast, arguments.set + (["steps=2", "batch=8"] if arguments.fast else [])
    root = hard_set(100) if fast else None
    gallery = decode(MovingScenes("train", root), size=decoded)
    if not arguments.final:
        queries = decode(MovingScenes("val", root), size=decoded, vectors=False)
        tasks = tuple(t for t in arguments.tasks.split(",") if t)
        result = one(tasks, settings, arguments.seed, gallery, queries, arguments.out)
        append(
            None if fast else HERE / "search.jsonl", {"tasks": list(tasks), "note": arguments.note} | result
        )
        return 0
    log = HERE / "joint.jsonl"
    done = (
        {(r["model"], r["seed"]) for r in map(json.loads, log.read_text(encoding="utf-8").splitlines())}
        if log.exists()
        else set()
    )
    queries = decode(MovingScenes("test", root), size=decoded, vectors=False)
    for seed in range(1 if fast else 3):
        for model, tasks in MODELS.items():
            if (model, seed) not in done or arguments.again or fast:
                out = arguments.out / f"{model}-{seed}" if arguments.out and tasks else None
                result = {"model": model} | one(tasks, settings if fast else [], seed, gallery, queries, out)
                append(None if fast or (model, seed) in done else log, result)
    return 0


def curves(runs: Path, steps: int = 20) -> None:
    """Means of seed 0's losses and accuracies over every few steps, for the notebooks."""
    found: dict[str, list[dict[str, float]]] = {}
    for model, tasks in MODELS.items():
        if not tasks:
            continue
        lines = [
            json.loads(line)
            for line in (runs / f"{model}-0" / train.METRICS).read_text(encoding="utf-8").splitlines()
        ]
        names = [f"{task}_{part}" for task in tasks for part in ("loss", "accuracy")]
        found[model] = [
            {"step": part[-1]["step"]} | {n: round(statistics.mean(m[n] for m in part), 4) for n in names}
            for part in (lines[start : start + steps] for start in range(0, len(lines), steps))
        ]
    (HERE / "joint_curves.json").write_text(json.dumps(found) + "\n", encoding="utf-8")


def ship(run: Path) -> None:
    """Puts a run's backbone into `data/checkpoints/`, under the name of its tasks."""
    model = load(run)
    assert model.recipe is not None  # a run has one
    tasks = tuple(model.recipe.tasks)
    keep(model.backbone, model.recipe, next(name for name, own in (MODELS | THREE).items() if own == tasks))


def keep(backbone: VideoBackbone, recipe: Recipe, name: str) -> None:
    """Writes a network into `data/checkpoints/`: float16, its recipe beside it."""
    weights = {
        f"backbone.{key}": value.half() if value.is_floating_point() else value
        for key, value in backbone.state_dict().items()
    }
    target = HERE.parent / "data" / "checkpoints" / f"{name}.safetensors"
    target.parent.mkdir(exist_ok=True)
    save_file(weights, target)
    target.with_suffix(".json").write_text(recipe.to_json() + "\n", encoding="utf-8")
    for file in (target, target.with_suffix(".json")):
        print(file.name, file.stat().st_size, sha256(file))


def append(log: Path | None, result: dict[str, Any]) -> None:
    """One line in the log, if there is one, and one short line on the screen."""
    if log:
        with open(log, "a", encoding="utf-8") as file:
            file.write(json.dumps(result) + "\n")
    shown = {k: (row["R@1"], row["linear"]) for k, row in result["scores"].items()}
    print(
        time.strftime("%H:%M:%S"),
        result.get("model", result.get("tasks")),
        result["settings"],
        result.get("seconds"),
        "R@1, linear:",
        shown,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
