"""The deterministic view of a clip for evaluation."""

from __future__ import annotations

from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

from cvrl_lite.transforms.augmentation import MEAN, STD, Channels
from cvrl_lite.transforms.color import normalize


def eval_transform(clips: Tensor, size: int, mean: Channels = MEAN, std: Channels = STD) -> Tensor:
    """The whole square, resized and normalized.

    Args:
        clips: (B, T, S, S, 3) uint8.
        size: Side in pixels.
        mean: Of the channels of pixels in 0..1, as `Augmentation.mean`.
        std: As `Augmentation.std`.

    Returns:
        (B, 3, T, size, size) float, normalized.

    Example:
        >>> import torch
        >>> eval_transform(torch.zeros(2, 8, 72, 72, 3, dtype=torch.uint8), 64).shape
        torch.Size([2, 3, 8, 64, 64])
    """
    batch, steps = clips.shape[:2]
    images = clips.flatten(0, 1).permute(0, 3, 1, 2).float() / 255
    images = F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False)
    views: Tensor = normalize(images, mean, std, dim=-3).unflatten(0, (batch, steps)).transpose(1, 2)
    return views


@dataclass(frozen=True)
class EvalTransform:
    """`eval_transform` with fixed settings, so that a network always gets the same kind of input.

    Attributes:
        decoded_size: Side in pixels that a video's central square is decoded at.
        size: Side in pixels of what the network reads.
        mean: Of the channels, as `Augmentation.mean`.
        std: As `Augmentation.std`.

    Example:
        >>> import torch
        >>> EvalTransform(72, 64)(torch.zeros(2, 8, 72, 72, 3, dtype=torch.uint8)).shape
        torch.Size([2, 3, 8, 64, 64])
    """

    decoded_size: int
    size: int
    mean: Channels = MEAN
    std: Channels = STD

    def __call__(self, clips: Tensor) -> Tensor:
        """From (B, T, S, S, 3) uint8 to (B, 3, T, size, size) float."""
        return eval_transform(clips, self.size, self.mean, self.std)
