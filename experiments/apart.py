"""Motion prediction taken apart: which target and which loss teach actions, and why InfoNCE does not win.

    python experiments/apart.py                            # every model, 200 steps, three seeds; resumable
    python experiments/apart.py "random, cosine" --seeds 0 # some
    python experiments/apart.py "learned, InfoNCE" "random, cosine" --steps 600 2000
    python experiments/apart.py --fast                     # two steps of every model, nothing written

Motion prediction alone on the hard set, by the course's recipe: all have the same backbone, predictor, heads,
samples, batches of 40 and number of steps. `objectives.py` says what targets and losses are. A finished run
is one line of `experiments/apart.jsonl`: scores by action on `val` and `test`, and the effective rank of the
target's features and of the backbone's motion part. What is chosen is chosen on `val`. A run that was stopped
goes on from its last checkpoint in the folder `--out`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import differences
import torch
from objectives import LOSSES, TARGETS, MotionObjective, ObjectiveConfig
from peers import fit, labels_by_source
from study import SEEDS, folder_of, in_table, precision, scored
from worlds import load

from cvrl_lite import evaluate, train
from cvrl_lite.datasets import DecodedSet, MemoryLoader
from cvrl_lite.pretext import DenseConfig, PretextTask, RegressionConfig, TaskConfig, effective_rank
from cvrl_lite.train import Pretraining, Recipe
from cvrl_lite.transforms import augment

LOG = Path(__file__).parent / "apart.jsonl"
STEPS, LONGER = 200, (600, 2000)
LABEL = "action"
MEASURES = ("R@1", "linear")
PROJECTION = 256  # of every head: a point's patch of vectors has so many numbers
METHOD = "learned, InfoNCE"


@dataclass(frozen=True)
class Model:
    """What is trained.

    Attributes:
        task: Motion prediction; None for the untrained network.
        changes: Of the recipe.
    """

    task: TaskConfig | None
    changes: dict[str, Any] = field(default_factory=dict)


CELLS = {f"{t}, {loss}": Model(ObjectiveConfig(target=t, loss=loss)) for t in TARGETS for loss in LOSSES}
MODELS = {
    "untrained": Model(None),
    **CELLS,
    "plain vectors": Model(RegressionConfig(target="vectors", loss="smooth_l1")),
    "same action masked": Model(ObjectiveConfig(oracle=True)),
    "160 clips": Model(ObjectiveConfig(queue=120)),
    "640 clips": Model(ObjectiveConfig(queue=600)),
    "640 clips, same action masked": Model(ObjectiveConfig(queue=600, oracle=True)),
    "random, 640 clips": Model(ObjectiveConfig(target="random", queue=600)),
    "places alone": Model(ObjectiveConfig(negatives=("places",))),
    "videos alone": Model(ObjectiveConfig(negatives=("videos",))),
    "a further window": Model(DenseConfig()),
    "three further windows": Model(DenseConfig(), {"sampling": {"num_negative_windows": 3}}),
}
KEYS = {
    METHOD: "InfoNCE: 40 clips, their near futures",
    "same action masked": "... other clips of the same action masked (oracle)",
    "160 clips": "... keys of 160 clips (queue of 120)",
    "640 clips": "... keys of 640 clips (queue of 600)",
    "640 clips, same action masked": "... keys of 640 clips, same action masked (oracle)",
    "places alone": "... other places of the same window alone",
    "videos alone": "... other clips alone",
    "a further window": "... and a further window of every clip (the method)",
    "three further windows": "... and three further windows of every clip",
    "random, InfoNCE": "InfoNCE on random features: 40 clips",
    "random, 640 clips": "... keys of 640 clips (queue of 600)",
    "random, cosine": "regression on random features, cosine",
}
"""The models of the second table, and what it calls them."""


def recipe_of(name: str, seed: int, steps: int) -> Recipe:
    """The course's recipe with a model's task in place of its own."""
    recipe = train.recipes.laptop(("motion",), seed=seed)
    model = MODELS[name]
    tasks = {} if model.task is None else {"motion": model.task}
    return recipe.replace(
        data="hard_scenes",
        steps=steps,
        precision=precision(),
        tasks=tasks,
        networks={"projection": PROJECTION},
        **model.changes,
    )


def trained(name: str, recipe: Recipe, data: DecodedSet, out: Path | None) -> Pretraining:
    """A model after its training; one that was broken off goes on where `out` is given."""
    torch.manual_seed(recipe.seed)
    model = Pretraining(recipe)
    task = model.tasks["motion"]
    if isinstance(task, MotionObjective) and task.config.oracle:
        task.labels = labels_by_source(data, LABEL)
    if MODELS[name].task is not None:
        fit(recipe, data, model, out)
    return model.eval()


@torch.no_grad()
def target_rank(model: Pretraining, data: DecodedSet) -> float | None:
    """Effective rank of the target's features at the points of one batch; None where no task has any."""
    task = model.tasks["motion"]
    assert isinstance(task, PretextTask)
    recipe = model.recipe
    batch = next(iter(MemoryLoader(data, recipe.sampling, 0).batches(recipe.batch, 1)))
    views = augment(batch, recipe.augmentation)
    pairs = task.partners(model.backbone.feature_maps(views.clip), views)
    return None if pairs is None else round(float(effective_rank(pairs[1])), 1)


def judged(model: Pretraining, sets: dict[str, DecodedSet]) -> dict[str, Any]:
    """Scores by action on `val` and `test`, with `train` as the gallery, and ranks."""
    recipe, backbone = model.recipe, model.backbone
    rows = {
        split: evaluate.features(backbone, data, recipe.sampling, size=recipe.augmentation.size)
        for split, data in sets.items()
    }
    found: dict[str, Any] = {
        split: scored(rows["train"], rows[split], sets["train"], sets[split], (LABEL,))[LABEL]
        for split in ("val", "test")
    }
    motion = torch.from_numpy(rows["train"][:, backbone.parts["motion"]])
    return found | {
        "target_rank": target_rank(model, sets["train"]),
        "motion_rank": round(float(effective_rank(motion)), 1),
    }


def finished() -> list[dict[str, Any]]:
    """What has been run."""
    return [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()] if LOG.exists() else []


def values(steps: int = STEPS) -> differences.Values:
    """{model: {measure: values on `test`, seeds in order}} of the runs of so many steps, and of none."""
    found: differences.Values = {}
    for row in sorted(finished(), key=lambda row: row["seed"]):
        if row["steps"] in (0, steps):
            place = found.setdefault(row["model"], {})
            for measure in MEASURES:
                place.setdefault(measure, []).append(row["test"][measure])
            for rank in ("target_rank", "motion_rank"):
                if row[rank] is not None:
                    place.setdefault(rank, []).append(row[rank])
    return found


def cells() -> str:
    """Target by loss, with the effective rank of what was to be predicted; nothing where no cell was run."""
    found = values()
    if not set(CELLS) & set(found):
        return ""
    heads = " | ".join(f"{loss}: {measure}" for loss in LOSSES for measure in (*MEASURES, "rank"))
    lines = [f"| target | {heads} |", "|---" * (1 + 3 * len(LOSSES)) + "|"]
    for target in TARGETS:
        row = []
        for loss in LOSSES:
            scores = found.get(f"{target}, {loss}", {})
            row += [in_table(scores[measure]) if scores else "" for measure in MEASURES]
            ranks = scores.get("target_rank", [])
            row.append(f"{sum(ranks) / len(ranks):.0f}" if ranks else "")
        lines.append(f"| {target} | {' | '.join(row)} |")
    for name in ("plain vectors", "untrained"):
        if name in found:
            row = [in_table(found[name][measure]) for measure in MEASURES]
            lines.append(f"| {name} | {' | '.join(row)} |{' |' * (3 * len(LOSSES) - 2)}")
    return "\n".join(lines)


def listed() -> str:
    """The models of the second table; nothing where only those of the first were run."""
    found = values()
    if not set(KEYS) - set(CELLS) & set(found):
        return ""
    lines = ["| trained with | seeds | R@1 | linear |", "|---|---|---|---|"]
    for name, words in KEYS.items():
        if name in found:
            row = [in_table(found[name][measure]) for measure in MEASURES]
            lines.append(f"| {words} | {len(found[name]['R@1'])} | {' | '.join(row)} |")
    return "\n".join(lines)


def longer() -> str:
    """Scores by the number of steps, of the models that were trained for more than 200."""
    by_steps = {steps: values(steps) for steps in (STEPS, *LONGER)}
    names = [name for name in MODELS if MODELS[name].task and any(name in by_steps[n] for n in LONGER)]
    heads = " | ".join(f"{steps} steps: {measure}" for steps in by_steps for measure in MEASURES)
    lines = [f"| trained with | {heads} |", "|---" * (1 + len(MEASURES) * len(by_steps)) + "|"]
    for name in names:
        row = [
            in_table(found[name][measure]) if name in found else ""
            for found in by_steps.values()
            for measure in MEASURES
        ]
        lines.append(f"| {KEYS.get(name, name)} | {' | '.join(row)} |")
    return "\n".join(lines)


def tables() -> dict[str, str]:
    """All of them, by their marks; what was not run is left out."""
    found, named = values(), {name: name for name in MODELS}
    made = {"apart": cells(), "keys": listed(), "steps": longer()}
    for mark, names in (("apart", named), ("keys", named | KEYS)):
        made[f"{mark}, differences"] = differences.table(mark, found, MEASURES, names)
    return made


def main() -> int:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"some of: {'; '.join(MODELS)}")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--steps", type=int, nargs="+", default=[STEPS])
    parser.add_argument("--out", type=Path, default=Path("runs/apart"), help="folder of weights")
    parser.add_argument("--fast", action="store_true")
    arguments = parser.parse_args()
    fast, names = arguments.fast, arguments.models or list(MODELS)
    if unknown := [name for name in names if name not in MODELS]:
        parser.error(f"no model is called {'; '.join(unknown)}; there are {'; '.join(MODELS)}")
    sets = {split: load(split, "tiny" if fast else "hard") for split in ("train", "val", "test")}
    done = {(row["model"], row["seed"], row["steps"]) for row in finished()}
    for seed in [0] if fast else arguments.seeds:
        for steps in [2] if fast else arguments.steps:
            for name in names:
                run = (name, seed, steps if MODELS[name].task else 0)
                if run in done and not fast:
                    continue
                recipe = recipe_of(name, seed, steps)
                begin = time.perf_counter()
                folder = None if fast else folder_of(f"{name} {steps}", seed, arguments.out)
                model = trained(name, recipe, sets["train"], folder)
                seconds = round(time.perf_counter() - begin)
                row = dict(zip(("model", "seed", "steps"), run, strict=True)) | {"seconds": seconds}
                row |= judged(model, sets)
                if not fast:
                    with open(LOG, "a", encoding="utf-8") as file:
                        file.write(json.dumps(row | {"recipe": recipe.to_values()}) + "\n")
                    done.add(run)
                print(time.strftime("%H:%M:%S"), json.dumps(row), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
