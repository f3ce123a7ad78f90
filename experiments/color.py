"""Trains context matching with weak and with strong changes of color, and tests what the networks go by.

    python experiments/color.py --out runs         # both trainings, three seeds each; resumable
    python experiments/color.py --fast             # two steps each on few clips, printed, nothing written

The trainings are those of notebook 07, only longer: 600 steps of 32 clips, four frames of 40 pixels, the
same 400 clips to learn from. Each line of `color.jsonl` is a run: how the game went (means of 20 steps), how
many of the `val` clips go by color where colors and wall conflict, and how `val` clips find and tell scenes
and actions, with `train` as gallery: as they are, in gray, and with the color channels of the clips that are
asked exchanged. An untrained network is asked the same.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch

from cvrl_lite import evaluate, train
from cvrl_lite.course.cues import as_images, conflicts, nearness
from cvrl_lite.datasets import ClipSampling, DecodedSet, MovingScenes, decode, evaluation_clips
from cvrl_lite.models import TinyR2Plus1D, VideoBackbone
from cvrl_lite.pretext import ContextMatching
from cvrl_lite.train import Recipe

LOG = Path(__file__).with_name("color.jsonl")
STRENGTHS: dict[str, dict[str, float]] = {
    "strong": {},  # as in the course's recipe
    "weak": {"brightness": 0.1, "hue": 0.02, "saturation": 0.1, "grayscale_prob": 0.0},
}
STEPS, SIZE, MEANS = 600, 40, 20


def recipe(colors: str, seed: int) -> Recipe:
    """The training of notebook 07, but longer."""
    plain = train.recipes.laptop(("context",), seed=seed)
    return plain.replace(
        steps=STEPS,
        batch=32,
        precision="float32",
        optimization={"learning_rate": 4e-3},
        networks={"widths": (16, 32, 64, 64), "hidden": 128, "projection": 64},
        sampling=ClipSampling(
            frames=4, stride=0.16, window=1, num_negative_windows=0, max_keyframe_distance=0.2
        ),
        augmentation=replace(plain.augmentation, size=SIZE, cells=1, **STRENGTHS[colors]),
    )


def without_colors(data: DecodedSet, order: tuple[int, int, int] | None) -> DecodedSet:
    """The same videos with their channels in another order, or gray where it is None."""

    def changed(frames: np.ndarray) -> np.ndarray:
        if order is not None:
            return frames[..., order]
        return np.repeat(frames.mean(-1, keepdims=True), 3, axis=-1).astype(np.uint8)

    return replace(data, videos=tuple(replace(v, frames=changed(np.asarray(v.frames))) for v in data.videos))


def scores(backbone: VideoBackbone, how: Recipe, gallery: DecodedSet, queries: DecodedSet) -> dict[str, Any]:
    """`{query: {label: {measure: share}}}` by the context part."""
    width = backbone.context_channels

    def vectors(data: DecodedSet) -> np.ndarray:
        return evaluate.features(backbone, data, how.sampling, size=SIZE, clips=2)[:, :width]

    searched, found = vectors(gallery), {}
    asked = {
        "as they are": queries,
        "gray": without_colors(queries, None),
        "channels exchanged": without_colors(queries, (1, 2, 0)),
    }
    for name, data in asked.items():
        rows, found[name] = vectors(data), {}
        for label in ("scene", "action"):
            pair = (searched, gallery.labels(label)), (rows, queries.labels(label))
            shares = {**evaluate.retrieval(*pair, ks=(1,)), "linear": evaluate.linear_probe(*pair)}
            found[name][label] = {measure: round(share, 4) for measure, share in shares.items()}
    return found


def by_color(run: train.Run, queries: DecodedSet) -> float:
    """The share of clips that prefer a foreign wall in their colors to their wall in foreign colors."""
    keyframes = as_images([video.frames[video.keys[2]] for video in queries.videos], SIZE)
    clips = np.concatenate([evaluation_clips(video, run.recipe.sampling, 1) for video in queries.videos])
    task = cast(ContextMatching, run.model.tasks["context"])
    wall, colors = (
        nearness(run.backbone, task, clips, images).diagonal()
        for images in conflicts(keyframes, queries.labels("scene"))
    )
    return round((colors > wall).float().mean().item(), 4)


def one(how: Recipe, out: Path, data: DecodedSet, queries: DecodedSet) -> dict[str, Any]:
    """Trains and tests one network."""
    run = train.pretrain(how, out, data)
    if run.interrupted:
        raise KeyboardInterrupt
    lines = [json.loads(line) for line in (out / train.METRICS).read_text(encoding="utf-8").splitlines()]
    every = min(MEANS, how.steps)
    table = np.array([[line["context_loss"], line["context_accuracy"]] for line in lines])
    means = table.reshape(-1, every, 2).mean(1).round(4).tolist()
    return {
        "game": [{"step": every * n, "loss": a, "accuracy": b} for n, (a, b) in enumerate(means, 1)],
        "by color": by_color(run, queries),
        "scores": scores(run.backbone, how, data, queries),
    }


def untrained(how: Recipe, data: DecodedSet, queries: DecodedSet) -> dict[str, Any]:
    """What a network of the same form finds before any training."""
    torch.manual_seed(how.seed)
    return {"scores": scores(TinyR2Plus1D(how.networks.widths), how, data, queries)}


def main() -> None:
    """Runs what the command line asks for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path("runs"), help="a folder for the trainings")
    parser.add_argument("--fast", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = decode(MovingScenes("train").subset(range(40 if arguments.fast else 400)), size=72)
    queries = decode(MovingScenes("val").subset(range(40 if arguments.fast else 192)), size=72, vectors=False)
    done = [json.loads(line) for line in LOG.read_text("utf-8").splitlines()] if LOG.exists() else []
    for seed in range(1 if arguments.fast else arguments.seeds):
        for colors in ("strong", "weak", "untrained"):
            if not arguments.fast and (colors, seed) in {(row["colors"], row["seed"]) for row in done}:
                continue
            how = recipe("strong" if colors == "untrained" else colors, seed)
            if arguments.fast:
                how = how.replace(steps=2)
            if colors == "untrained":
                found = untrained(how, data, queries)
            else:
                with tempfile.TemporaryDirectory() as folder:
                    out = Path(folder) if arguments.fast else arguments.out / f"{colors}-{seed}"
                    found = one(how, out, data, queries)
            row = json.dumps({"colors": colors, "seed": seed, **found})
            print(row, flush=True)
            if not arguments.fast:
                with LOG.open("a", encoding="utf-8") as file:
                    file.write(row + "\n")


if __name__ == "__main__":
    main()
