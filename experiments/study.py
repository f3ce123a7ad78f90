"""The experiments on the hard set of MovingScenes: what matters in the design, and what each signal brings.

    python experiments/study.py                          # every model, three seeds; resumable, some hours
    python experiments/study.py motion current --seeds 0 # some
    python experiments/study.py --fast                   # a few steps of every model, nothing written

All have the same backbone and batches; they differ by what a model's line in `MODELS` says, and all but those
named after an encoding or a number of clips train on the same 1152 clips. Those made by `_short` take a third
of the steps and compare with each other.
Each finished run is one line of `experiments/study.jsonl`: its scores on `test` and its recipe; the
precision is bfloat16 where the processor has instructions for it. Weights and features go to the folder
`--out`, so that other questions need no second training.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from branches import HalfConfig
from peers import instance_discrimination, supervised
from signals import with_differences, with_flow
from worlds import AMOUNTS, CONDITIONS, gallery, load

from cvrl_lite import evaluate, train
from cvrl_lite.datasets import DecodedSet
from cvrl_lite.models import TinyR2Plus1D, VideoBackbone
from cvrl_lite.pretext import RegressionConfig
from cvrl_lite.train import Recipe

HERE = Path(__file__).parent
LOG = HERE / "study.jsonl"
STEPS = 600
SEEDS = (0, 1, 2)


@dataclasses.dataclass(frozen=True)
class Model:
    """What is trained.

    Attributes:
        tasks: Of the recipe; none for a model that `train` makes.
        changes: Of the recipe.
        signal: Other maps in place of vectors or residuals.
        train: Makes the backbone, where no recipe does.
        world: The set it is trained and judged on; see `worlds`.
        steps: Batches.
    """

    tasks: tuple[str, ...] = ()
    changes: dict[str, Any] = dataclasses.field(default_factory=dict)
    signal: Callable[[DecodedSet], DecodedSet] | None = None
    train: Callable[[Recipe, DecodedSet, Path | None], VideoBackbone] | None = None
    world: str = "hard"
    steps: int = STEPS


def _motion(**changes: Any) -> Model:
    return Model(("motion",), changes)


def _three(**changes: Any) -> Model:
    return Model(("context", "motion", "residual"), changes)


def _short(*tasks: str, world: str = "hard", **changes: Any) -> Model:
    """A shorter training, to be compared with others of its length alone."""
    return Model(tasks or ("motion",), changes, world=world, steps=STEPS // 3)


MODELS = {
    "untrained": Model(train=lambda recipe, data, out: TinyR2Plus1D(recipe.networks.widths)),
    "context": Model(("context",)),
    "motion": _motion(),
    "current": _motion(sampling={"gap": -0.56}),  # the window lies inside the clip
    "features": _motion(tasks={"motion": RegressionConfig(target="features")}),
    "vectors": _motion(tasks={"motion": RegressionConfig(target="vectors", loss="smooth_l1")}),
    "no transformer": _motion(networks={"transformer": False}),
    "joint": Model(("context", "motion")),
    "residual": Model(("residual",)),
    "three": _three(),
    "three, half": _three(tasks={"residual": {"weight": 0.5}}),
    "three, a quarter": _three(tasks={"residual": {"weight": 0.25}}),
    "three, own branch": _three(
        networks={"backbone": "branches:ThreeBranches"},
        tasks={"motion": HalfConfig(), "residual": HalfConfig(source="residual")},
    ),
    "motion and residual": Model(("motion", "residual")),
    "differences": Model(("residual",), signal=with_differences),
    "flow": Model(("motion",), signal=with_flow),
    "two clips": Model(train=instance_discrimination),
    "scene labels": Model(train=supervised("scene")),
    "action labels": Model(train=supervised("action")),
    "appearance labels": Model(train=supervised("appearance")),
    "motion, short": _short(),
    "no windows": _short(tasks={"motion": {"negatives": ("places", "videos")}}),
    "at once": _short(sampling={"gap": 0.04}),
    "later": _short(sampling={"gap": 0.32}),
    "short window": _short(sampling={"window": 4}),
    "long window": _short(sampling={"window": 12}),
    "as released": _short(augmentation={"faithful": True}),  # flips leave the sign, crops the length
    "context, short": _short("context"),
    "joint, short": _short("context", "motion"),
    **{f"joint, {world}": _short("context", "motion", world=world) for world in (*CONDITIONS, *AMOUNTS)},
}


@functools.cache
def precision() -> str:
    """Of all runs on this machine."""
    return "float32" if train.emulates_bfloat16(torch.device("cpu")) else "bfloat16"


def recipe_of(model: Model, seed: int, steps: int) -> Recipe:
    """The course's recipe with the model's changes; none of its numbers was chosen on this set."""
    recipe = train.recipes.laptop(model.tasks or ("context",), seed=seed)
    return recipe.replace(data="hard_scenes", steps=steps, precision=precision(), **model.changes)


def trained(name: str, seed: int, steps: int, data: DecodedSet, out: Path | None) -> VideoBackbone:
    """A model's backbone after its training; one that was broken off goes on where `out` is given."""
    model = MODELS[name]
    recipe = recipe_of(model, seed, steps)
    if model.signal:
        data = model.signal(data)
    if model.train:
        torch.manual_seed(seed)
        return model.train(recipe, data, out)
    run = train.pretrain(recipe, out, data)
    if run.interrupted:
        raise KeyboardInterrupt
    return run.backbone


def scored(
    known: np.ndarray,
    asked: np.ndarray,
    train: DecodedSet,
    test: DecodedSet,
    factors: Iterable[str] | None = None,
) -> dict[str, dict[str, float]]:
    """Retrieval and linear probe for some factors, or for all."""
    scores = {}
    for factor in factors or train.classes:
        given, wanted = train.labels(factor), test.labels(factor)
        found = evaluate.retrieval((known, given), (asked, wanted), ks=(1, 5))
        found["linear"] = evaluate.linear_probe((known, given), (asked, wanted), penalty=evaluate.PENALTIES)
        scores[factor] = {measure: round(value, 4) for measure, value in found.items()}
    return scores


def kept(name: str, seed: int, out: Path) -> VideoBackbone:
    """The backbone of a finished run.

    Raises:
        FileNotFoundError: It was not run, or its folder is gone.
    """
    backbone = TinyR2Plus1D(train.recipes.laptop().networks.widths)
    backbone.load_state_dict(torch.load(folder_of(name, seed, out) / "backbone.pt", weights_only=True))
    return backbone.eval()


def folder_of(name: str, seed: int, out: Path) -> Path:
    """Where a run keeps its weights and features."""
    return out / f"{name.replace(' ', '-')}-{seed}"


def finished() -> list[dict[str, Any]]:
    """What has been run."""
    return [json.loads(line) for line in LOG.read_text(encoding="utf-8").splitlines()] if LOG.exists() else []


def in_table(values: list[float]) -> str:
    """Mean and standard deviation over seeds."""
    spread = f" ± {statistics.stdev(values):.2f}" if len(values) > 1 else ""
    return f"{statistics.mean(values):.2f}{spread}"


def main() -> int:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("models", nargs="*", metavar="MODEL", help=f"some of: {', '.join(MODELS)}")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--out", type=Path, default=Path("runs/study"), help="folder of weights and features")
    parser.add_argument(
        "--again", action="store_true", help="train what the log holds, too, for its weights; the log stays"
    )
    parser.add_argument("--fast", action="store_true")
    arguments = parser.parse_args()
    unknown = [name for name in arguments.models if name not in MODELS]
    if unknown:
        parser.error(f"no model is called {', '.join(unknown)}; there are {', '.join(MODELS)}")
    names, fast = arguments.models or list(MODELS), arguments.fast
    if find_spec("cv2") is None and "flow" in names:
        print("flow is left out: it needs OpenCV (pip install opencv-python-headless)", file=sys.stderr)
        names.remove("flow")
    done = {(row["model"], row["seed"]) for row in finished()}
    for seed in [0] if fast else arguments.seeds:
        for name in names:
            if not fast and not arguments.again and (name, seed) in done:
                continue
            world = "tiny" if fast else MODELS[name].world
            train, known_clips, test = load("train", world), gallery(world), load("test", world)
            folder = None if fast else folder_of(name, seed, arguments.out)
            begin = time.perf_counter()
            steps = 2 if fast else MODELS[name].steps
            backbone = trained(name, seed, steps, train, folder)
            seconds = time.perf_counter() - begin
            recipe = recipe_of(MODELS[name], seed, steps)
            known, asked = (
                evaluate.features(backbone, data, recipe.sampling, size=recipe.augmentation.size)
                for data in (known_clips, test)
            )
            result = {"model": name, "seed": seed, "steps": steps, "seconds": round(seconds)}
            result["scores"] = scored(known, asked, known_clips, test)
            result["recipe"] = recipe.to_values()
            if folder:
                folder.mkdir(parents=True, exist_ok=True)
                np.savez(folder / "features.npz", train=known, test=asked)
                torch.save(backbone.state_dict(), folder / "backbone.pt")
                if (name, seed) not in done:
                    with open(LOG, "a", encoding="utf-8") as file:
                        file.write(json.dumps(result) + "\n")
            del result["recipe"]
            print(time.strftime("%H:%M:%S"), json.dumps(result), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
