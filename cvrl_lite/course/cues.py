"""Images with one cue changed, to find out what a network goes by.

Axes: B images, N clips of T frames, S pixels a side.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from cvrl_lite.models import VideoBackbone
from cvrl_lite.pretext import ContextMatching
from cvrl_lite.transforms import MEAN, STD, eval_transform, normalize


def dressed(images: Tensor, colors: Tensor) -> Tensor:
    """Images (B, 3, H, W) in 0..1 in the colors of others: each channel takes on their mean and deviation.

    Example:
        >>> dark, light = (torch.tensor(pair).expand(1, 3, 1, 2) for pair in ([0.1, 0.3], [0.6, 0.8]))
        >>> [round(value, 2) for value in dressed(dark, light)[0, 0, 0].tolist()]
        [0.6, 0.8]
    """
    axes = (2, 3)
    mean, deviation = images.mean(axes, keepdim=True), images.std(axes, keepdim=True)
    new_mean, new_deviation = colors.mean(axes, keepdim=True), colors.std(axes, keepdim=True)
    return ((images - mean) / deviation * new_deviation + new_mean).clamp(0, 1)


def conflicts(images: Tensor, scenes: np.ndarray) -> tuple[Tensor, Tensor]:
    """For each image its own wall in foreign colors, and a foreign wall in its own colors.

    The foreign image shows another scene. Which one is drawn at random, and is always the same.

    Args:
        images: (B, 3, H, W) in 0..1.
        scenes: (B,) the label of each; there are at least two.

    Returns:
        Two tensors (B, 3, H, W).

    Example:
        >>> draws = torch.Generator().manual_seed(0)
        >>> wall, colors = conflicts(torch.rand(2, 3, 8, 8, generator=draws), np.array([0, 1]))
        >>> wall.shape == colors.shape == (2, 3, 8, 8)
        True
    """
    draws = np.random.default_rng(0)
    foreign = images[[int(draws.choice(np.flatnonzero(scenes != scene))) for scene in scenes]]
    return dressed(images, foreign), dressed(foreign, images)


def shuffled_blocks(clips: np.ndarray, side: int) -> np.ndarray:
    """Clips (N, T, S, S, 3) cut into blocks of side x side pixels, put together in another order.

    The order is the same for all frames of all clips.

    Example:
        >>> clip = np.arange(4).repeat(3).reshape(1, 1, 2, 2, 3)
        >>> sorted(shuffled_blocks(clip, 1)[0, 0, :, :, 0].ravel().tolist())
        [0, 1, 2, 3]
    """
    count, steps, size = clips.shape[:3]
    many = size // side
    blocks = clips.reshape(count, steps, many, side, many, side, 3).swapaxes(3, 4)
    order = np.random.default_rng(0).permutation(many * many)
    shuffled = blocks.reshape(count, steps, -1, side, side, 3)[:, :, order].reshape(blocks.shape)
    return np.asarray(shuffled.swapaxes(3, 4).reshape(clips.shape))


def as_images(frames: list[np.ndarray], size: int) -> Tensor:
    """Frames (S, S, 3) uint8 as images (B, 3, size, size) in 0..1.

    Example:
        >>> as_images([np.full((8, 8, 3), 255, np.uint8)], 4).mean().item()
        1.0
    """
    images = torch.from_numpy(np.stack(frames)).permute(0, 3, 1, 2) / 255
    return F.interpolate(images, size=(size, size), mode="bilinear")


@torch.no_grad()
def nearness(backbone: VideoBackbone, task: ContextMatching, clips: np.ndarray, images: Tensor) -> Tensor:
    """Cosines (N, B) of clips and key frames, as the game of context matching compares them.

    Args:
        backbone: Trained by the task; put into evaluation mode, as the task is.
        task: Context matching.
        clips: (N, T, S, S, 3) uint8.
        images: (B, 3, H, H) in 0..1; the clips are scaled to H, too.
    """
    backbone.eval()
    task.eval()
    size = images.shape[-1]
    maps = backbone.feature_maps(eval_transform(torch.from_numpy(np.ascontiguousarray(clips)), size))
    clip_vectors = task.clip_head(maps[0].mean((2, 3, 4)))
    frame_vectors = task.frame_head(task.encoder(normalize(images, MEAN, STD, dim=-3)))
    return F.normalize(clip_vectors, dim=1) @ F.normalize(frame_vectors, dim=1).T
