"""Computes what the explorable "What comes next?" shows, from a finished run of motion prediction.

    python experiments/joint.py --final --again --out runs   # trains, among others, runs/motion-1
    python experiments/what_next.py runs/motion-1 FILE       # FILE: see cvrl_lite/course/explorables/stored

The clips are from `val`, which no run has trained on, and are neither cropped nor recolored. Attention is
that of the last decoder layer, averaged over its heads.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from cvrl_lite.course.explorables import Windows, save, what_next
from cvrl_lite.datasets import VECTOR_STEPS, Batch, MovingScenes, Timeline, decode
from cvrl_lite.datasets.moving_scenes import ACTIONS
from cvrl_lite.train import Pretraining, Recipe
from cvrl_lite.train.checkpoint import fill
from cvrl_lite.transforms import augment

A_KIND = 4  # clips of each action
START = (2, 6)  # the clip and the point shown first
EVERY = 2  # frames from one frame of a window that is shown to the next


def one_of_each(recipe: Recipe) -> tuple[Batch, np.ndarray, np.ndarray]:
    """A sample of each clip, all augmentation off, and the frames of its two windows.

    Returns:
        The batch, frames (B, 2, F, S, S, 3) uint8 and the action of each clip.
    """
    chosen = MovingScenes("val")
    action = chosen.labels("action")
    rows = [row for kind in range(len(ACTIONS)) for row in np.flatnonzero(action == kind)[:A_KIND]]
    videos = decode(chosen.subset(rows), size=recipe.decoded_size).videos
    cuts = [
        Timeline(video.times, video.keys, recipe.sampling).cut((0, number))
        for number, video in enumerate(videos)
    ]
    spans = [np.array(cut.windows)[:, None] + np.arange(recipe.sampling.window) for cut in cuts]
    pairs = list(zip(videos, cuts, spans, strict=True))
    batch = Batch(
        torch.from_numpy(np.stack([video.frames[cut.clip] for video, cut, _ in pairs])),
        torch.from_numpy(np.stack([video.frames[cut.key] for video, cut, _ in pairs])),
        torch.from_numpy(np.stack([video.vectors[span] for video, _, span in pairs])),
        torch.from_numpy(np.stack([video.mask[span] for video, _, span in pairs])),
        torch.arange(len(videos)),
        torch.zeros(len(videos), dtype=torch.int64),
    )
    frames = np.stack([video.frames[span[:, ::EVERY]] for video, _, span in pairs])
    return batch, frames, np.repeat(np.arange(len(ACTIONS)), A_KIND)


@torch.no_grad()
def asked(model: Pretraining, batch: Batch, recipe: Recipe) -> tuple[np.ndarray, np.ndarray]:
    """Cosines (B, P, 2 B, P) of predictions and windows' points, and attention (B, P, T, R, C)."""
    off = {"min_scale": 1.0, "hflip": 0.0, "color_jitter_prob": 0.0, "grayscale_prob": 0.0}
    views = augment(batch, replace(recipe.augmentation, **off))
    task = model.tasks["motion"]
    looks: list[torch.Tensor] = []

    def note(cross: torch.nn.MultiheadAttention, inputs: tuple[torch.Tensor, ...], _: object) -> None:
        looks.append(cross.forward(*inputs, need_weights=True)[1])  # (B, P, T R C), mean over heads

    task.predictor.decoder[-1].cross.register_forward_hook(note)
    clip_map = model.backbone.feature_maps(views.clip)[1]
    predictions, keys = (F.normalize(rows, dim=1) for rows in task.project(clip_map, views.motion))
    points = len(predictions) // len(clip_map)
    cosines = (predictions @ keys.T).view(len(clip_map), points, -1, points)
    return cosines.numpy(), looks[0].view(*looks[0].shape[:2], *clip_map.shape[2:]).numpy()


def main(run: Path, file: Path) -> None:
    """Writes the explorable."""
    recipe = Recipe.from_json((run / "recipe.json").read_text(encoding="utf-8"))
    model = Pretraining(recipe).eval()
    fill(model, run / "model.safetensors")
    batch, frames, action = one_of_each(recipe)
    cosines, attention = asked(model, batch, recipe)
    count, (side, cells) = len(action), (batch.clip.shape[2], batch.motion.shape[-1])
    # Windows in the order of the cosines: all near futures, then the other window of each clip.
    flow = -batch.motion.numpy()[:, :, ::EVERY] / VECTOR_STEPS / (side / cells)
    windows = Windows(
        frames.swapaxes(0, 1).reshape(-1, *frames.shape[2:]),
        flow.swapaxes(0, 1).reshape(-1, *flow.shape[2:]),
        batch.motion_mask.numpy()[:, :, ::EVERY].swapaxes(0, 1).reshape(-1, *flow.shape[2:3], cells, cells),
        [ACTIONS[kind] + ", other time" * late for late in (0, 1) for kind in action],
    )
    offered = np.arange(0, count, A_KIND)  # one clip of each action
    explorable = what_next(
        batch.clip.numpy()[offered],
        windows,
        names=ACTIONS,
        own=offered.tolist(),
        cosines=cosines[offered],
        attention=attention[offered],
        start=START,
    )
    save(explorable, file)
    found = np.mean(np.array(explorable.state["rank_of_all"]) == 1)
    print(f"{file.stat().st_size} bytes; of the points on offer {found:.0%} find their own among all")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
