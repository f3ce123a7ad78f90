"""The interface of video backbones for pretraining and evaluation.

Axes: B batch, T time, C channel, H W pixels; t, h, w the same of a feature map.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class VideoBackbone(nn.Module, ABC):
    """A network from clips to features, and to the feature maps that the pretraining tasks read.

    Attributes:
        width: Length of a feature vector.
        context_channels: Channels of the map that context matching reads.
        motion_channels: Channels of the map that motion prediction reads.
        parts: Which columns of the features are the "context" part (what stays) and the "motion" part (what
            moves); empty if both tasks read one map, so that the features have no parts.

    Example:
        >>> import torch
        >>> from cvrl_lite.models import TinyR2Plus1D
        >>> backbone: VideoBackbone = TinyR2Plus1D()
        >>> context, motion = backbone.feature_maps(torch.zeros(1, 3, 8, 64, 64))
        >>> tuple(motion.shape[2:]) == backbone.map_size(8, 64), backbone.parts["motion"]
        (True, slice(96, 192, None))
    """

    width: int
    context_channels: int
    motion_channels: int
    parts: dict[str, slice]

    def __init__(self) -> None:
        super().__init__()
        self.parts = {}

    @abstractmethod
    def forward(self, clip: Tensor) -> Tensor:
        """The features that retrieval, probes and finetuning use.

        Args:
            clip: (B, 3, T, H, W) float, normalized RGB.

        Returns:
            (B, width) float. Each of the `parts` has the same norm in all rows, which is its weight when
            whole vectors are compared.
        """

    @abstractmethod
    def feature_maps(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """The maps that the pretraining tasks read; both may be the same map.

        Args:
            clip: (B, 3, T, H, W) float, normalized RGB.

        Returns:
            For context matching, (B, context_channels, ...), and for motion prediction,
            (B, motion_channels, t, h, w), with the sizes that `map_size` gives.
        """

    @abstractmethod
    def map_size(self, frames: int, size: int) -> tuple[int, int, int]:
        """Times, rows and columns of the map that motion prediction reads.

        Args:
            frames: Frames of a clip.
            size: Their side in pixels.
        """
