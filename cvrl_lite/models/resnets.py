"""The paper's residual networks: video backbones of 26 layers and the two encoders of 10.

Axes: B batch, T time, C channel, H W pixels, G side of a vector map.

Feature sizes of the backbones for 16 x 112 x 112 pixels (times, rows, columns): stem 16 x 56 x 56, pool and
layer1 16 x 28 x 28, layer2 8 x 14 x 14, layer3 4 x 7 x 7, layer4 2 x 4 x 4.

Source: the released code of *Self-supervised Video Representation Learning by Context and Motion
Decoupling* (CVPR 2021). Ours: Kaiming's initialization throughout, and the zero-initialized last norm of
each block in the two encoders also, which the backbones are known to have.
"""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvrl_lite.models.backbone import VideoBackbone
from cvrl_lite.models.layers import conv_block, halved, initialize_convolutions

Kind = Literal["2d", "3d", "2+1d"]
"""Of the convolutions wider than a pixel: one frame, three frames, or one frame and then three."""

_EXPANSION = 4  # a bottleneck writes so many times its inner width


def middle_width(ins: int, outs: int, side: int) -> int:
    """Channels between a 1 x side x side and a 3 x 1 x 1 convolution.

    Chosen so that the two together have as many weights as one of 3 x side x side, or slightly fewer.

    Args:
        ins: Channels read.
        outs: Channels written.
        side: Height and width of the kernel.

    Source:
        Tran et al. 2018 (arXiv 1711.11248), section 3.5.

    Example:
        >>> middle_width(3, 64, side=7), middle_width(64, 64, side=3)
        (83, 144)
    """
    return ins * outs * 3 * side**2 // (ins * side**2 + outs * 3)


def _wide(
    kind: Kind, ins: int, outs: int, *, side: int, stride: tuple[int, int] = (1, 1), relu: bool = True
) -> nn.Sequential:
    """The convolution that looks around, with norm and ReLU; stride in time, then in space."""
    time, space = stride
    if kind == "2+1d":
        middle = middle_width(ins, outs, side)
        return nn.Sequential(
            conv_block(ins, middle, (1, side, side), (1, space, space)),
            conv_block(middle, outs, (3, 1, 1), (time, 1, 1), relu=relu),
        )
    frames = 1 if kind == "2d" else 3
    return conv_block(ins, outs, (frames, side, side), (time, space, space), relu=relu)


class _Residual(nn.Module):
    """What comes in plus what the body makes of it; at the start the body adds nothing."""

    def __init__(self, body: nn.Sequential, ins: int, outs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.body = body
        time, space = stride
        self.shortcut: nn.Module = nn.Identity()
        if ins != outs or stride != (1, 1):
            self.shortcut = conv_block(ins, outs, (1, 1, 1), (time, space, space), relu=False)
        norms = [module for module in body.modules() if isinstance(module, nn.BatchNorm3d)]
        nn.init.zeros_(norms[-1].weight)

    def forward(self, maps: Tensor) -> Tensor:
        return F.relu(self.shortcut(maps) + self.body(maps))


def _basic(kind: Kind, ins: int, width: int, stride: tuple[int, int]) -> _Residual:
    body = nn.Sequential(
        _wide(kind, ins, width, side=3, stride=stride), _wide(kind, width, width, side=3, relu=False)
    )
    return _Residual(body, ins, width, stride)


def _bottleneck(kind: Kind, ins: int, width: int, stride: tuple[int, int]) -> _Residual:
    outs = width * _EXPANSION
    body = nn.Sequential(
        conv_block(ins, width, (1, 1, 1)),
        _wide(kind, width, width, side=3, stride=stride),
        conv_block(width, outs, (1, 1, 1), relu=False),
    )
    return _Residual(body, ins, outs, stride)


class ResNet(nn.Module):
    """Stem, max pool and four layers of residual blocks, in space or in space and time.

    Layers 2, 3 and 4 halve height and width, and time unless the network is 2D.

    Args:
        kind: Of its convolutions.
        blocks: Blocks of each layer.
        bottleneck: Whether a block is a bottleneck of three convolutions, four times as wide at its end,
            or two convolutions.
        ins: Channels read.
        stem_stride: Step of the stem in space.

    Attributes:
        width: Channels of the last layer.

    Example:
        >>> net = ResNet("3d", (1, 1, 1, 1), bottleneck=False).eval()
        >>> [tuple(level.shape[1:]) for level in net.levels(torch.zeros(1, 3, 8, 32, 32))]
        [(64, 8, 8, 8), (128, 4, 4, 4), (256, 2, 2, 2), (512, 1, 1, 1)]
    """

    width: int

    def __init__(
        self,
        kind: Kind,
        blocks: tuple[int, int, int, int],
        *,
        bottleneck: bool,
        ins: int = 3,
        stem_stride: int = 2,
    ) -> None:
        super().__init__()
        build = _bottleneck if bottleneck else _basic
        expansion = _EXPANSION if bottleneck else 1
        self.stem = _wide(kind, ins, 64, side=7, stride=(1, stem_stride))
        self.pool = nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1))
        self.width = 64
        layers = []
        for level, count in enumerate(blocks):
            stride = (1, 1) if level == 0 else (1, 2) if kind == "2d" else (2, 2)
            layer = nn.Sequential()
            for place in range(count):
                layer.append(build(kind, self.width, 64 * 2**level, stride if place == 0 else (1, 1)))
                self.width = 64 * 2**level * expansion
            layers.append(layer)
        self.layer1, self.layer2, self.layer3, self.layer4 = layers
        initialize_convolutions(self)

    def levels(self, maps: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """What each of the four layers makes of an input (B, ins, T, H, W), first layer first."""
        first = self.layer1(self.pool(self.stem(maps)))
        second = self.layer2(first)
        third = self.layer3(second)
        return first, second, third, self.layer4(third)


def fuse(third: Tensor, fourth: Tensor) -> Tensor:
    """One map of two levels: as fine as the third, with the fourth's wider view added.

    The third is folded in time, every other frame's channels beside those of the frame before; the
    fourth is enlarged by repeating its nearest places.

    Args:
        third: (B, C, T, H, W) float. Of an odd number of frames the last is repeated (ours: the released
            clips always give an even number).
        fourth: (B, 2 C, ceil(T/2), h, w) float.

    Returns:
        (B, 2 C, ceil(T/2), H, W) float.

    Source:
        The released pretraining code.

    Example:
        >>> fuse(torch.zeros(1, 4, 4, 7, 7), torch.zeros(1, 8, 2, 4, 4)).shape
        torch.Size([1, 8, 2, 7, 7])
    """
    if third.shape[2] % 2:
        third = torch.cat([third, third[:, :, -1:]], dim=2)
    folded = torch.cat([third[:, :, ::2], third[:, :, 1::2]], dim=1)
    return folded + F.interpolate(fourth, size=folded.shape[2:], mode="nearest")


class _VideoResNet(ResNet, VideoBackbone):
    """A ResNet of 26 layers as a backbone: bottlenecks, two per layer."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(kind, (2, 2, 2, 2), bottleneck=True)
        self.context_channels = self.motion_channels = self.width

    def forward(self, clip: Tensor) -> Tensor:
        """Clips (B, 3, T, H, W) to features (B, 2048): layer 4 averaged over time and space."""
        return self.levels(clip)[-1].mean((2, 3, 4))

    def feature_maps(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """The fused map of layers 3 and 4, which pretraining alone uses.

        Args:
            clip: (B, 3, T, H, W) float, normalized RGB.

        Returns:
            Twice the same map, (B, 2048, T/8, H/16, W/16), sizes rounded up.
        """
        _, _, third, fourth = self.levels(clip)
        fused = fuse(third, fourth)
        return fused, fused

    def map_size(self, frames: int, size: int) -> tuple[int, int, int]:
        """Times, rows and columns of the fused map.

        Args:
            frames: Frames of a clip.
            size: Their side in pixels.

        Example:
            >>> R3D26().map_size(16, 112)
            (2, 7, 7)
        """
        return halved(frames, 3), halved(size, 4), halved(size, 4)


class R3D26(_VideoResNet):
    """The paper's R3D-26: bottlenecks around 3 x 3 x 3 convolutions.

    Example:
        >>> R3D26().eval()(torch.zeros(1, 3, 8, 32, 32)).shape
        torch.Size([1, 2048])
    """

    def __init__(self) -> None:
        super().__init__("3d")


class R2Plus1D26(_VideoResNet):
    """The paper's R(2+1)D-26: each wide convolution is split into one in space and one in time.

    Example:
        >>> context, motion = R2Plus1D26().feature_maps(torch.zeros(1, 3, 16, 32, 32))
        >>> context is motion, motion.shape
        (True, torch.Size([1, 2048, 2, 2, 2]))
    """

    def __init__(self) -> None:
        super().__init__("2+1d")


class R2D10(ResNet):
    """The paper's encoder of key frames, R2D-10: one basic block per layer, no look at time.

    Example:
        >>> R2D10()(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2, 512])
    """

    def __init__(self) -> None:
        super().__init__("2d", (1, 1, 1, 1), bottleneck=False)

    def forward(self, frame: Tensor) -> Tensor:
        """Key frames (B, 3, H, W) to vectors (B, 512)."""
        return self.levels(frame[:, :, None])[-1].mean((2, 3, 4))


class R3D10(ResNet):
    """The paper's encoder of motion vectors, R3D-10: one basic block per layer; it keeps a map of points.

    Args:
        ins: Channels read: 2, x and y, as released; 3 with a mask beside them.

    Example:
        >>> R3D10(ins=3)(torch.zeros(1, 3, 8, 32, 32)).shape
        torch.Size([1, 512, 1, 2, 2])
    """

    def __init__(self, ins: int = 2) -> None:
        super().__init__("3d", (1, 1, 1, 1), bottleneck=False, ins=ins, stem_stride=1)

    def forward(self, motion: Tensor) -> Tensor:
        """Windows (B, ins, T, G, G) to maps (B, 512, T/8, G/16, G/16), sizes rounded up."""
        return self.levels(motion)[-1]

    def map_size(self, window: int, cells: int) -> tuple[int, int, int]:
        """Times, rows and columns of the map.

        Args:
            window: Vector maps of a window.
            cells: Their side; the released windows are painted at 112.

        Example:
            >>> R3D10().map_size(8, 112)
            (1, 7, 7)
        """
        return halved(window, 3), halved(cells, 4), halved(cells, 4)
