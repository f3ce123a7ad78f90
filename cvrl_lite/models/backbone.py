"""What pretraining and evaluation ask of a video backbone, whichever it is.

Axes: B batch, T time, C channel, H W pixels; t, h, w the same of a feature map.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class VideoBackbone(nn.Module, ABC):
    """A network from clips to feature maps for the two tasks, and to one vector for use afterwards.

    Attributes:
        width: Length of the vector that `features` returns.
        context_channels: Channels of the map that context matching reads.
        motion_channels: Channels of the map that motion prediction reads.
    """

    width: int
    context_channels: int
    motion_channels: int

    @abstractmethod
    def forward(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """The maps that pretraining reads; they may be one and the same.

        Args:
            clip: (B, 3, T, H, W) float, normalized RGB.

        Returns:
            For context matching, (B, context_channels, ...), and for motion prediction,
            (B, motion_channels, t, h, w), with the sizes that `map_size` gives.
        """

    @abstractmethod
    def features(self, clip: Tensor) -> Tensor:
        """The vectors that retrieval, probes and finetuning use.

        Args:
            clip: (B, 3, T, H, W) float, normalized RGB.

        Returns:
            (B, width) float.
        """

    @abstractmethod
    def map_size(self, frames: int, size: int) -> tuple[int, int, int]:
        """Times, rows and columns of the map that motion prediction reads.

        Args:
            frames: Pictures of a clip.
            size: Their side in pixels.
        """
