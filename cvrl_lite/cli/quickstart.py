"""The quickstart command: data, three trainings, and one table of scores."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import torch

from cvrl_lite import evaluate, train
from cvrl_lite.course.figures import decoupling, save
from cvrl_lite.datasets import DecodedSet, MemoryLoader, MovingScenes, decode, moving_scenes
from cvrl_lite.files import kept_in_cache, replacing
from cvrl_lite.models import TinyR2Plus1D, VideoBackbone
from cvrl_lite.pretrained import Embeddings, Pretrained
from cvrl_lite.train.checkpoint import Folder
from cvrl_lite.train.precision import seconds_per_step
from cvrl_lite.train.pretrain import faster_precision, trainer_for

MODELS: dict[str, tuple[str, ...]] = {
    "context": ("context",),
    "motion": ("motion",),
    "joint": ("context", "motion"),
}

Table = dict[str, dict[str, dict[str, float]]]


def quickstart(out: Path, *, minutes: float = 10.0, clips: int = 1600, seed: int = 0) -> Table:
    """Trains context matching, motion prediction and both, and scores each on scene and action.

    Args:
        out: Folder for `quickstart.json`, `quickstart.png` and a run each.
        minutes: At most this long a training; the recipe's steps are cut to fit, its schedule with them.
        clips: Clips of the data set; the course's own set where it is 1600.
        seed: Of the trainings.

    Returns:
        `{model: {label: {"R@1": ..., "linear": ...}}}` for untrained, context, motion, joint and chance, and
        for each part of the joint network's features, "joint: context part" and "joint: motion part".

    Raises:
        ValueError: A folder in `out` holds another run, such as one on another number of clips.
    """
    out.mkdir(parents=True, exist_ok=True)
    root = None  # the course's own set
    if clips != 1600:
        root = str(
            kept_in_cache(f"moving_scenes_{clips}", lambda folder: moving_scenes.make(folder, clips, seed=0))
        )
    sample = train.recipes.laptop(seed=seed)
    gallery = decode(MovingScenes("train", root), size=sample.decoded_size)
    test = decode(MovingScenes("test", root), size=sample.decoded_size, vectors=False)

    def embed(backbone: VideoBackbone) -> list[Embeddings]:
        model = Pretrained.from_recipe(backbone, sample)
        return [model.embed(data) for data in (gallery, test)]

    def judge(tables: list[Embeddings], part: str | None = None) -> dict[str, dict[str, float]]:
        found = evaluate.scores(*tables, part=part)
        return {label: {name: row[name] for name in ("R@1", "linear")} for label, row in found.items()}

    torch.manual_seed(seed)
    result: Table = {"untrained": judge(embed(TinyR2Plus1D(sample.networks.widths)))}
    for name, tasks in MODELS.items():
        whole = train.recipes.laptop(tasks, seed=seed).replace(root=root)
        run = train.pretrain(_fitted(whole, gallery, minutes, Folder(out / name)), out / name, gallery)
        if run.interrupted:
            signal.raise_signal(run.ended_by)
        tables = embed(run.backbone)
        result[name] = judge(tables)
        if len(tasks) > 1:
            result |= {f"{name}: {part} part": judge(tables, part) for part in run.backbone.parts}
    result["chance"] = evaluate.chance(gallery)
    with replacing(out / "quickstart.json") as part:
        part.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    save(decoupling(result), out / "quickstart.png", dpi=150)
    return result


def _fitted(recipe: train.Recipe, gallery: DecodedSet, minutes: float, folder: Folder) -> train.Recipe:
    """The recipe with as many steps as the time allows, or as those of the run that is to go on."""
    begun = folder.recipe()
    if begun is not None and not begun.differences(recipe.replace(steps=begun.steps)):
        return begun
    sampler, device = MemoryLoader(gallery, recipe.sampling, recipe.seed), train.device()
    precision, took = faster_precision(recipe, sampler, device)
    recipe = recipe.replace(precision=precision)
    seconds = took.get(precision) or seconds_per_step(trainer_for(recipe, sampler, device))
    fitting = int(minutes * 60 / seconds)
    return recipe.replace(steps=max(1, min(recipe.steps, fitting)))


def table(result: Table) -> str:
    """The result as aligned text, one row per model."""
    labels = list(next(iter(result.values())))
    heads = [f"{label} {measure}" for label in labels for measure in ("R@1", "linear")]
    lines = [f"{'trained with':<20}" + "".join(f"{head:>15}" for head in heads)]
    for model, row in result.items():
        values = [row[label][measure] for label in labels for measure in ("R@1", "linear")]
        lines.append(f"{model:<20}" + "".join(f"{value:>15.2f}" for value in values))
    return "\n".join(lines)
