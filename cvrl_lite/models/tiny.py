"""The course's networks: small enough to train in minutes on two cores.

Axes: B batch, T time, C channel, H W pixels, G vector cells per side.

Source: *Self-supervised Video Representation Learning by Context and Motion Decoupling*
(CVPR 2021) and its released code for the roles; the forms and sizes are ours.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvrl_lite.models.backbone import VideoBackbone
from cvrl_lite.models.layers import conv_block, halved


def _block(ins: int, outs: int, time_stride: int) -> nn.Sequential:
    """A spatial, then a temporal convolution; height and width are halved."""
    return nn.Sequential(
        conv_block(ins, outs, (1, 3, 3), (1, 2, 2)), conv_block(outs, outs, (3, 1, 1), (time_stride, 1, 1))
    )


class TinyR2Plus1D(VideoBackbone):
    """A small (2+1)D video backbone with two branches: one for what stays, one for what moves.

    Two blocks of a spatial (1x3x3) and a temporal (3x1x1) convolution are shared. Then the *still* branch
    averages over time and goes on with spatial convolutions; the *moving* branch goes on with two more
    blocks. The two branches are ours; docs/experiments.md compares them with a single branch.

    Args:
        widths: Channels of the two shared blocks, of the third and of the fourth. The first two keep the
            time axis; each halves height and width. The still branch has the third's width throughout.

    Example:
        >>> net, clip = TinyR2Plus1D(), torch.zeros(1, 3, 8, 64, 64)
        >>> [tuple(map.shape) for map in net.feature_maps(clip)]
        [(1, 96, 1, 4, 4), (1, 96, 2, 4, 4)]
        >>> net(clip).shape, net.parts
        (torch.Size([1, 192]), {'context': slice(0, 96, None), 'motion': slice(96, 192, None)})
    """

    MOTION_SHARE = 1.5
    """Length of the motion part of the features; the context part has length 1."""

    def __init__(self, widths: tuple[int, int, int, int] = (24, 48, 96, 96)) -> None:
        super().__init__()
        self.widths = widths
        first, second, third, fourth = widths
        self.width, self.context_channels, self.motion_channels = third + fourth, third, fourth
        self.parts = {"context": slice(0, third), "motion": slice(third, third + fourth)}
        self.shared = nn.Sequential(_block(3, first, 1), _block(first, second, 1))
        self.moving = nn.Sequential(_block(second, third, 2), _block(third, fourth, 2))
        self.still = nn.Sequential(
            conv_block(second, third, (1, 3, 3), (1, 2, 2)), conv_block(third, third, (1, 3, 3), (1, 2, 2))
        )

    def forward(self, clip: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) to features (B, width): `pool` of both maps."""
        return self.pool(self.feature_maps(clip))

    def feature_maps(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """The feature maps of the two branches.

        Args:
            clip: (B, 3, T, H, W) float, normalized RGB.

        Returns:
            Still, (B, C3, 1, H/16, W/16), and moving, (B, C4, T/4, H/16, W/16).
        """
        clip = self.shared(clip)
        return self.still(clip.mean(2, keepdim=True)), self.moving(clip)

    def map_size(self, frames: int, size: int) -> tuple[int, int, int]:
        """Times, rows and columns of the moving map.

        Args:
            frames: Frames of a clip.
            size: Their side in pixels.

        Example:
            >>> TinyR2Plus1D().map_size(8, 64)
            (2, 4, 4)
        """
        return halved(frames, 2), halved(size, 4), halved(size, 4)

    @classmethod
    def pool(cls, maps: tuple[Tensor, Tensor]) -> Tensor:
        """One vector per clip: each map averaged over time and space and normalized, side by side.

        Motion parts lie closer together than context parts; their larger length makes up for that where
        cosines of the whole are compared.

        Args:
            maps: What `feature_maps` returned.

        Returns:
            (B, C3 + C4) float.
        """
        still, moving = (F.normalize(part.mean((2, 3, 4)), dim=1) for part in maps)
        return torch.cat([still, cls.MOTION_SHARE * moving], dim=1)


class ContextEncoder(nn.Module):
    """A small 2D network for one key frame.

    Args:
        widths: Channels of the blocks, each halving height and width.

    Example:
        >>> ContextEncoder()(torch.zeros(2, 3, 64, 64)).shape
        torch.Size([2, 96])
    """

    def __init__(self, widths: tuple[int, ...] = (24, 48, 96, 96)) -> None:
        super().__init__()
        ins = (3, *widths[:-1])
        self.blocks = nn.Sequential(
            *(conv_block(i, o, (1, 3, 3), (1, 2, 2)) for i, o in zip(ins, widths, strict=True))
        )
        self.width = widths[-1]

    def forward(self, frame: Tensor) -> Tensor:
        """Key frames (B, 3, H, W) to vectors (B, width)."""
        features: Tensor = self.blocks(frame[:, :, None]).mean((2, 3, 4))
        return features


class MotionEncoder(nn.Module):
    """A small 3D network over a window of motion vectors; it keeps a map of points.

    Args:
        widths: Channels of the three blocks. Time is halved three times, space twice.
        ins: Channels of the vector maps: x, y and mask, or x and y alone.

    Example:
        >>> MotionEncoder()(torch.zeros(2, 3, 8, 16, 16)).shape
        torch.Size([2, 96, 1, 4, 4])
    """

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 96), ins: int = 3) -> None:
        super().__init__()
        strides = ((2, 1, 1), (2, 2, 2), (2, 2, 2))
        channels = (ins, *widths[:-1])
        self.blocks = nn.Sequential(
            *(
                conv_block(i, o, (3, 3, 3), s, padding_mode="replicate")
                for i, o, s in zip(channels, widths, strides, strict=True)
            )
        )
        self.width = widths[-1]

    def forward(self, motion: Tensor) -> Tensor:
        """Windows (B, 3, T, G, G), x, y and mask as channels, to maps (B, width, T/8, G/4, G/4)."""
        features: Tensor = self.blocks(motion)
        return features

    def map_size(self, window: int, cells: int) -> tuple[int, int, int]:
        """Times, rows and columns of the map.

        Args:
            window: Vector maps of a window.
            cells: Their side in cells.

        Example:
            >>> MotionEncoder().map_size(8, 16)
            (1, 4, 4)
        """
        return halved(window, 3), halved(cells, 2), halved(cells, 2)
