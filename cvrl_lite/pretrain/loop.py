"""The training loop: batches, one forward pass, the tasks' losses, metrics and checkpoints."""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from cvrl_lite.augment import Views, augment
from cvrl_lite.datasets import DecodedSet, MovingScenes, Sampler, Skipped, VideoFolder, decode
from cvrl_lite.files import replacing
from cvrl_lite.models import TinyR2Plus1D
from cvrl_lite.pretext import ContextMatching, MotionPrediction
from cvrl_lite.pretrain.recipe import Recipe
from cvrl_lite.progress import track

WEIGHTS, RECIPE, METRICS = "model.safetensors", "recipe.json", "metrics.jsonl"


class Pretraining(nn.Module):
    """The backbone with the tasks of a recipe.

    Args:
        recipe: Gives tasks, widths, and the sizes from which those of the feature maps follow.
    """

    def __init__(self, recipe: Recipe) -> None:
        super().__init__()
        self.recipe = recipe
        self.backbone = TinyR2Plus1D(recipe.widths)
        side, times = -(-recipe.augmentation.size // 16), -(-recipe.sampling.frames // 4)
        cells = -(-recipe.augmentation.cells // 4)
        if "context" in recipe.tasks:
            self.context = ContextMatching(recipe.widths[2], recipe.context_temperature)
        if "motion" in recipe.tasks:
            self.motion = MotionPrediction(
                recipe.widths[3],
                grid=(times, side, side),
                points=(-(-recipe.sampling.window // 8), cells, cells),
                temperature=recipe.motion_temperature,
            )

    def forward(self, views: Views, progress: float) -> tuple[Tensor, dict[str, Tensor]]:
        """The weighted loss, and each task's loss and accuracy by name.

        Args:
            views: An augmented batch.
            progress: Share of the training that is done, 0..1.
        """
        recipe = self.recipe
        still, moving = self.backbone(views.clip)
        parts: dict[str, Tensor] = {}
        total = views.clip.new_zeros(())
        alone = recipe.tasks == ("context",)
        if "context" in recipe.tasks and (alone or progress >= recipe.context_from):
            loss, accuracy = self.context(still, views.keyframe, views.sources)
            parts |= {"context_loss": loss, "context_accuracy": accuracy}
            total = total + recipe.context_weight * loss
        if "motion" in recipe.tasks:
            loss, accuracy = self.motion(moving, views.motion, views.valid, views.sources)
            parts |= {"motion_loss": loss, "motion_accuracy": accuracy}
            total = total + recipe.motion_weight * loss
        return total, parts


@dataclass(frozen=True)
class Run:
    """The outcome of a training.

    Attributes:
        recipe: With the values really used.
        model: Backbone and tasks.
        steps: Steps done; fewer than the recipe's after an interruption.
        seconds: Time spent on them.
        skipped: Files that could not be used, with the reason.
        interrupted: Whether Ctrl-C ended it.
        folder: Where checkpoint and metrics are; None where none were asked for.
    """

    recipe: Recipe
    model: Pretraining
    steps: int
    seconds: float
    skipped: tuple[Skipped, ...]
    interrupted: bool
    folder: Path | None

    @property
    def backbone(self) -> TinyR2Plus1D:
        """What pretraining is for."""
        return self.model.backbone


def load_data(recipe: Recipe) -> DecodedSet:
    """Reads the recipe's training data into memory."""
    if recipe.data == "moving_scenes":
        return decode(MovingScenes("train"), size=recipe.decoded)
    return decode(VideoFolder(recipe.data, recipe.source), size=recipe.decoded)


def run(recipe: Recipe, out: str | os.PathLike[str] | None = None, data: DecodedSet | None = None) -> Run:
    """Trains.

    Args:
        recipe: What to train.
        out: Folder for the checkpoint (`model.safetensors`, `recipe.json`) and `metrics.jsonl`.
        data: The decoded training data, where they are at hand already; else the recipe's are read.

    Returns:
        The run, also after Ctrl-C, with the checkpoint written.

    Raises:
        ValueError: No video of the data is usable.
    """
    data = load_data(recipe) if data is None else data
    sampler = Sampler(data, recipe.sampling, recipe.seed)
    if recipe.precision == "auto":
        recipe = recipe.replace(precision=faster_precision(recipe, sampler))
    torch.manual_seed(recipe.seed)
    model, device = _placed(recipe)
    folder = Path(out) if out is not None else None
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / METRICS).write_text("", encoding="utf-8")
    start, done, interrupted = time.perf_counter(), 0, False
    try:
        for metrics in track(_steps(model, sampler, recipe, device), "training", recipe.steps):
            done += 1
            metrics |= {"step": done, "seconds": round(time.perf_counter() - start, 3)}
            if folder:
                with open(folder / METRICS, "a", encoding="utf-8") as file:
                    file.write(json.dumps(metrics) + "\n")
                if done % recipe.save_every == 0:
                    save(model, recipe, folder)
    except KeyboardInterrupt:
        interrupted = True
    seconds = time.perf_counter() - start
    if folder:
        save(model, recipe, folder)
    return Run(recipe, model, done, seconds, sampler.skipped, interrupted, folder)


def _placed(recipe: Recipe) -> tuple[Pretraining, torch.device]:
    """A fresh model on the device that trains it, laid out as 3D convolutions like it best."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = Pretraining(recipe).to(device)
    return model.to(memory_format=torch.channels_last_3d), device  # type: ignore[call-overload]


def _steps(
    model: Pretraining, sampler: Sampler, recipe: Recipe, device: torch.device
) -> Iterator[dict[str, float]]:
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay
    )
    model.train()
    for step, batch in enumerate(sampler.batches(recipe.batch, recipe.steps)):
        began = time.perf_counter()
        rate = recipe.learning_rate * _schedule(step, recipe)
        for group in optimiser.param_groups:
            group["lr"] = rate
        views = augment(batch.to(device), recipe.augmentation)
        with torch.autocast(device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
            loss, parts = model(views, step / recipe.steps)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        metrics = {name: round(float(value.detach()), 5) for name, value in parts.items()}
        took = time.perf_counter() - began
        yield metrics | {"learning_rate": rate, "clips_per_second": round(recipe.batch / took, 1)}


def _schedule(step: int, recipe: Recipe) -> float:
    """Linear warm-up, then a cosine to 0."""
    warm = max(1, round(recipe.warmup * recipe.steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm) / max(1, recipe.steps - warm)))


def seconds_per_step(recipe: Recipe, sampler: Sampler, steps: int = 3) -> float:
    """Time of a step: the shortest of a few real ones of a fresh model, after one to warm up."""
    state = torch.get_rng_state()
    model, device = _placed(recipe)
    times = []
    clock = time.perf_counter()
    for _ in _steps(model, sampler, recipe.replace(steps=steps + 1, context_from=0.0), device):
        times.append(time.perf_counter() - clock)
        clock = time.perf_counter()
    torch.set_rng_state(state)
    return min(times[1:])  # whatever else the machine does makes steps longer, never shorter


def faster_precision(recipe: Recipe, sampler: Sampler) -> str:
    """`"bfloat16"` where a few steps in it take less than .9 of the time of float32."""
    took = {p: seconds_per_step(recipe.replace(precision=p), sampler) for p in ("float32", "bfloat16")}
    return "bfloat16" if took["bfloat16"] < 0.9 * took["float32"] else "float32"


def save(model: Pretraining, recipe: Recipe, folder: str | os.PathLike[str]) -> None:
    """Writes weights and recipe; either file is there whole or as it was."""
    weights = {name: value.contiguous() for name, value in model.state_dict().items()}
    with replacing(Path(folder) / WEIGHTS) as part:
        save_file(weights, part)
    with replacing(Path(folder) / RECIPE) as part:
        part.write_text(recipe.to_json() + "\n", encoding="utf-8")


def load(folder: str | os.PathLike[str]) -> tuple[TinyR2Plus1D, Recipe]:
    """The backbone and the recipe of a checkpoint.

    Args:
        folder: What `run` was given as `out`, or a `.safetensors` file with its recipe beside it
            under the same name as `.json`.

    Returns:
        The backbone in float32 and evaluation mode, and the recipe.

    Raises:
        FileNotFoundError: A file of the checkpoint is missing.
    """
    path = Path(folder)
    if path.is_dir():
        weights, recipe_file = path / WEIGHTS, path / RECIPE
    else:
        weights, recipe_file = path, path.with_suffix(".json")
    for file in (weights, recipe_file):
        if not file.exists():
            raise FileNotFoundError(f"{file}: a checkpoint needs this file")
    recipe = Recipe.from_json(recipe_file.read_text(encoding="utf-8"))
    backbone = TinyR2Plus1D(recipe.widths)
    prefix = "backbone."
    values = {
        name.removeprefix(prefix): value.float() if value.is_floating_point() else value
        for name, value in load_file(weights).items()
        if name.startswith(prefix)
    }
    backbone.load_state_dict(values)
    return backbone.eval(), recipe
