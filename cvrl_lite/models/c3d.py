"""C3D, the paper's backbone without shortcuts.

Axes: B batch, T time, H W pixels.
"""

from __future__ import annotations

from torch import Tensor, nn

from cvrl_lite.models.backbone import VideoBackbone
from cvrl_lite.models.layers import conv_block, initialize_convolutions

_WIDTHS = ((64,), (128,), (256, 256), (512, 512), (512, 512))  # of the convolutions between two pools


class C3D(VideoBackbone):
    """Eight 3 x 3 x 3 convolutions with batch norm and four max pools; both tasks read the last map.

    The first pool halves height and width, the others time as well. They do not pad: an odd length is
    rounded down, and clips need at least 8 frames of 16 pixels per side.

    Source:
        The released code's variant of C3D (Tran et al. 2015, arXiv 1412.0767): batch norm after each
        convolution, and an average over time and space in the fifth pool's place.

    Example:
        >>> import torch
        >>> C3D().eval()(torch.zeros(1, 3, 8, 16, 16)).shape
        torch.Size([1, 512])
    """

    def __init__(self) -> None:
        super().__init__()
        self.width = self.context_channels = self.motion_channels = _WIDTHS[-1][-1]
        self.blocks = nn.Sequential()
        ins = 3
        for level, widths in enumerate(_WIDTHS):
            if level:
                step = (1 if level == 1 else 2, 2, 2)
                self.blocks.append(nn.MaxPool3d(step, step))
            for outs in widths:
                self.blocks.append(conv_block(ins, outs, (3, 3, 3), bias=True))
                ins = outs
        initialize_convolutions(self)

    def forward(self, clip: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) to features (B, 512): the last map averaged over time and space."""
        features: Tensor = self.blocks(clip).mean((2, 3, 4))
        return features

    def feature_maps(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """The last map, for both tasks.

        Args:
            clip: (B, 3, T, H, W) float, normalized RGB.

        Returns:
            Twice the same map, (B, 512, T/8, H/16, W/16), sizes rounded down.
        """
        last = self.blocks(clip)
        return last, last

    def map_size(self, frames: int, size: int) -> tuple[int, int, int]:
        """Times, rows and columns of the last map.

        Args:
            frames: Frames of a clip.
            size: Their side in pixels.

        Example:
            >>> C3D().map_size(16, 112)
            (2, 7, 7)
        """
        return frames // 8, size // 16, size // 16
