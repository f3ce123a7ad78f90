"""Checks of a training while it runs, for the shell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from cvrl_lite import evaluate, train
from cvrl_lite.datasets import VideoFolder, decode
from cvrl_lite.errors import shown
from cvrl_lite.train.distributed import is_first


def knn_check(folder: Path, every: int, recipe: train.Recipe, source: str | None = None) -> train.Callback:
    """A nearest-neighbor check every few steps: does each clip of a labeled folder find one of its class?

    Args:
        folder: Videos in sub-folders, whose names are the classes. They are decoded once, at the start.
        every: Steps from one check to the next; there is one after the last step, too.
        recipe: The training's recipe, which defines how clips are cut and scaled.
        source: As in `VideoFolder`; clips of one source are no neighbors.

    Returns:
        A callback that logs `knn_class`, the share of clips whose nearest neighbor has their label.

    Raises:
        ValueError: The folder has no labels, or all its clips are of one source.
    """
    if not is_first():  # it alone calls the callback
        return train.Callback(every, lambda *_: {})
    videos = VideoFolder(folder, source)
    if not videos.classes:
        raise ValueError(f"{shown(folder)}: a check needs videos in sub-folders, one for each class")
    data = train.long_enough(decode(videos, size=recipe.decoded_size, vectors=False), recipe.sampling)
    names = [video.entry.source for video in data.videos]
    if len(set(names)) < 2:
        raise ValueError(f"{shown(folder)}: a check needs clips of two videos, and all are of one")
    sources = torch.from_numpy(np.unique(names, return_inverse=True)[1])
    same_source = sources[:, None] == sources
    view = recipe.augmentation

    def check(step: int, model: nn.Module, inputs: Any) -> dict[str, float]:
        assert isinstance(model, train.Pretraining)
        features = evaluate.features(
            model.backbone, data, recipe.sampling, size=view.size, mean=view.mean, std=view.std
        )
        unit = F.normalize(torch.from_numpy(features), dim=1)
        nearest = (unit @ unit.T).masked_fill(same_source, -2.0).argmax(1).numpy()
        labels = {name: data.labels(name) for name in data.classes}
        return {
            f"knn_{name}": round(float((rows[nearest] == rows).mean()), 4) for name, rows in labels.items()
        }

    return train.Callback(every, check)
