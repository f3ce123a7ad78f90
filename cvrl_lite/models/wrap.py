"""Wraps any other 3D network as a backbone.

Axes: B batch, T time, C channel, H W pixels; t, h, w the same of a feature map.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvrl_lite.models.backbone import VideoBackbone


class WrappedBackbone(VideoBackbone):
    """The backbone that `wrap` returns.

    Attributes:
        network: The wrapped module.
    """

    def __init__(self, network: nn.Module, channels: tuple[int, int] | int) -> None:
        super().__init__()
        self.network = network
        if isinstance(channels, int):
            self.width = self.context_channels = self.motion_channels = channels
        else:
            self.context_channels, self.motion_channels = channels
            self.width = sum(channels)
            self.parts = {"context": slice(0, channels[0]), "motion": slice(channels[0], self.width)}

    def forward(self, clip: Tensor) -> Tensor:
        """The map averaged over time and space; two maps are each normalized to length 1 and concatenated.

        Args:
            clip: (B, 3, T, H, W) float, normalized RGB.

        Returns:
            (B, width) float.
        """
        pooled = [part.mean((2, 3, 4)) for part in self.feature_maps(clip)]
        return torch.cat([F.normalize(part, dim=1) for part in pooled], 1) if self.parts else pooled[0]

    def feature_maps(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """The network's two maps, or its only one twice.

        Args:
            clip: (B, 3, T, H, W) float, normalized RGB.

        Raises:
            ValueError: The network's output does not match the `channels` passed to `wrap`.
        """
        call: Any = getattr(self.network, "forward_features", self.network)
        found = call(clip)
        maps = tuple(found) if isinstance(found, tuple | list) else (found,)
        got = [tuple(part.shape) if isinstance(part, Tensor) else type(part).__name__ for part in maps]
        channels = (self.context_channels, self.motion_channels) if self.parts else (self.width,)
        if [shape[1] if len(shape) == 5 else None for shape in got] != list(channels):
            expected = " and ".join(f"(B, {count}, t, h, w)" for count in channels)
            raise ValueError(f"the wrapped network has to return {expected}; it returned {got}")
        return maps[0], maps[-1]

    def map_size(self, frames: int, size: int) -> tuple[int, int, int]:
        """Times, rows and columns of the map that motion prediction reads, found by running it on zeros.

        Args:
            frames: Frames of a clip.
            size: Their side in pixels.
        """
        training, where = self.training, next(self.parameters())
        self.eval()
        with torch.no_grad():
            clip = torch.zeros(1, 3, frames, size, size, device=where.device, dtype=where.dtype)
            times, rows, columns = self.feature_maps(clip)[1].shape[2:]
        self.train(training)
        return times, rows, columns


def wrap(network: nn.Module, *, channels: int | tuple[int, int]) -> VideoBackbone:
    """Makes a backbone of a 3D network that returns feature maps.

    Args:
        network: From clips (B, 3, T, H, W) to one map (B, C, t, h, w), or to two: that of the context part
            and that of the motion part. If it has `forward_features`, as timm's networks do, that is
            called. Leave out the pooling and the classifier of a torchvision network:
            `nn.Sequential(*list(r3d_18().children())[:-2])`.
        channels: C, or the channels of both maps. With one map, both tasks read it, and features have no
            parts.

    Returns:
        A backbone. A recipe stores it by the name of the function that makes it; see `Networks`.

    Example:
        >>> backbone = wrap(nn.Conv3d(3, 8, 3, stride=4, padding=1), channels=8)
        >>> backbone(torch.zeros(2, 3, 8, 32, 32)).shape, backbone.map_size(8, 32)
        (torch.Size([2, 8]), (2, 8, 8))
    """
    return WrappedBackbone(network, channels)
