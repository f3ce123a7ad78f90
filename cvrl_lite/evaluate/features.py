"""From videos to vectors.

Axes: N videos, D features.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from cvrl_lite.augment import plain
from cvrl_lite.datasets import DecodedSet, Sampling, evaluation_clips
from cvrl_lite.models import VideoBackbone

_VIDEOS = 32  # at a time


@torch.no_grad()
def features(
    backbone: VideoBackbone,
    data: DecodedSet,
    sampling: Sampling,
    *,
    size: int = 64,
    clips: int = 3,
    normalise: Literal["plain", "imagenet"] = "plain",
) -> NDArray[np.float32]:
    """One vector a video: the mean over `clips` clips spread evenly over it.

    Args:
        backbone: It is put into evaluation mode.
        data: A decoded set of N videos.
        sampling: Frames and step of a clip.
        size: Side of the pictures in pixels.
        clips: Clips a video.
        normalise: Which mean and deviation pixels get, as in the training's augmentation.

    Returns:
        (N, D) float32.
    """
    backbone.eval()
    device = next(backbone.parameters()).device
    rows: list[Tensor] = []
    for start in range(0, len(data.videos), _VIDEOS):
        videos = data.videos[start : start + _VIDEOS]
        stacked = np.concatenate([evaluation_clips(video, sampling, clips) for video in videos])
        pooled = backbone.features(plain(torch.from_numpy(stacked).to(device), size, normalise))
        rows.append(pooled.float().unflatten(0, (-1, clips)).mean(1).cpu())
    return torch.cat(rows).numpy()
