"""Images with one cue changed, to find out what a network goes by.

Axes: B images, N clips of T frames, S pixels a side.
"""

from __future__ import annotations

import numpy as np
from torch import Tensor


def dressed(images: Tensor, colors: Tensor) -> Tensor:
    """Images (B, 3, H, W) in 0..1 in the colors of others: each channel takes on their mean and deviation.

    Example:
        >>> import torch
        >>> dark, light = (torch.tensor(pair).expand(1, 3, 1, 2) for pair in ([0.1, 0.3], [0.6, 0.8]))
        >>> [round(value, 2) for value in dressed(dark, light)[0, 0, 0].tolist()]
        [0.6, 0.8]
    """
    axes = (2, 3)
    mean, deviation = images.mean(axes, keepdim=True), images.std(axes, keepdim=True)
    new_mean, new_deviation = colors.mean(axes, keepdim=True), colors.std(axes, keepdim=True)
    return ((images - mean) / deviation * new_deviation + new_mean).clamp(0, 1)


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
