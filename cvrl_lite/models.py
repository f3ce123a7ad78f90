"""The networks: video backbone, context encoder, motion encoder, predictor, projection heads.

Axes: B batch, T time, C channel, H W pixels, G vector cells a side, N points or tokens, D width.

Source: *Self-supervised Video Representation Learning by Context and Motion Decoupling*
(CVPR 2021) and its released code for the roles and the predictor's form; the tiny sizes are ours.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _conv(
    ins: int,
    outs: int,
    kernel: tuple[int, int, int],
    stride: tuple[int, int, int],
    padding_mode: Literal["zeros", "replicate"] = "zeros",
) -> nn.Sequential:
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    return nn.Sequential(
        nn.Conv3d(ins, outs, kernel, stride, padding, bias=False, padding_mode=padding_mode),
        nn.BatchNorm3d(outs),
        nn.ReLU(),
    )


def _block(ins: int, outs: int, time_stride: int) -> nn.Sequential:
    """Look at space, then at time; height and width are halved."""
    return nn.Sequential(
        _conv(ins, outs, (1, 3, 3), (1, 2, 2)), _conv(outs, outs, (3, 1, 1), (time_stride, 1, 1))
    )


class TinyR2Plus1D(nn.Module):
    """A small (2+1)D video backbone with two branches: one for what stays, one for what moves.

    Two blocks of a spatial (1x3x3) and a temporal (3x1x1) convolution are shared. Then the *still* branch
    averages over time and goes on with spatial convolutions; the *moving* branch goes on with two more
    blocks. The two branches are ours: docs/experiments.md tells what one branch for both lost.

    Args:
        widths: Channels of the two shared blocks, of the third and of the fourth. The first two keep the
            time axis; each halves height and width. The still branch has the third's width throughout.

    Example:
        >>> net = TinyR2Plus1D()
        >>> [tuple(part.shape) for part in net(torch.zeros(1, 3, 8, 64, 64))]
        [(1, 96, 1, 4, 4), (1, 96, 2, 4, 4)]
    """

    MOTION_SHARE = 1.5
    """Length of the moving branch's part of the pooled vector; the still branch's has length 1."""

    def __init__(self, widths: tuple[int, int, int, int] = (24, 48, 96, 96)) -> None:
        super().__init__()
        self.widths = widths
        first, second, third, fourth = widths
        self.shared = nn.Sequential(_block(3, first, 1), _block(first, second, 1))
        self.moving = nn.Sequential(_block(second, third, 2), _block(third, fourth, 2))
        self.still = nn.Sequential(
            _conv(second, third, (1, 3, 3), (1, 2, 2)), _conv(third, third, (1, 3, 3), (1, 2, 2))
        )

    def forward(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """The feature maps of the two branches.

        Args:
            clip: (B, 3, T, H, W) float, normalised RGB.

        Returns:
            Still, (B, C3, 1, H/16, W/16), and moving, (B, C4, T/4, H/16, W/16).
        """
        clip = self.shared(clip)
        return self.still(clip.mean(2, keepdim=True)), self.moving(clip)

    @property
    def width(self) -> int:
        """Length of the vector that `pool` makes."""
        return self.widths[2] + self.widths[3]

    @classmethod
    def pool(cls, maps: tuple[Tensor, Tensor]) -> Tensor:
        """One vector a clip: each map averaged over time and space, scaled to its length, side by side.

        Vectors of what moves lie closer together than vectors of what stays; a larger share makes up
        for that where cosines are compared.

        Args:
            maps: What `forward` returned.

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
            *(_conv(i, o, (1, 3, 3), (1, 2, 2)) for i, o in zip(ins, widths, strict=True))
        )
        self.width = widths[-1]

    def forward(self, frame: Tensor) -> Tensor:
        """Key frames (B, 3, H, W) to vectors (B, width)."""
        return self.blocks(frame[:, :, None]).mean((2, 3, 4))


class MotionEncoder(nn.Module):
    """A small 3D network over a window of motion vectors; it keeps a map of points.

    Args:
        widths: Channels of the three blocks. Time is halved three times, space twice.

    Example:
        >>> MotionEncoder()(torch.zeros(2, 3, 8, 16, 16)).shape
        torch.Size([2, 96, 1, 4, 4])
    """

    def __init__(self, widths: tuple[int, int, int] = (32, 64, 96)) -> None:
        super().__init__()
        strides = ((2, 1, 1), (2, 2, 2), (2, 2, 2))
        ins = (3, *widths[:-1])
        self.blocks = nn.Sequential(
            *(_conv(i, o, (3, 3, 3), s, "replicate") for i, o, s in zip(ins, widths, strides, strict=True))
        )
        self.width = widths[-1]

    def forward(self, motion: Tensor) -> Tensor:
        """Windows (B, 3, T, G, G), x, y and mask as channels, to maps (B, width, T/8, G/4, G/4)."""
        return self.blocks(motion)


class _EncoderLayer(nn.Module):
    """Self-attention and a feed-forward step, post-norm; positions join queries and keys only."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.feed = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, positions: Tensor) -> Tensor:
        placed = tokens + positions
        update = self.attention(placed, placed, tokens, need_weights=False)[0]
        tokens = self.norms[0](tokens + self.dropout(update))
        return self.norms[1](tokens + self.dropout(self.feed(tokens)))


class _DecoderLayer(_EncoderLayer):
    """The same, with attention to the memory between the two steps."""

    def __init__(self, width: int, heads: int, dropout: float) -> None:
        super().__init__(width, heads, dropout)
        self.cross = nn.MultiheadAttention(width, heads, dropout, batch_first=True)
        self.cross_norm = nn.LayerNorm(width)

    def forward(  # type: ignore[override]
        self, tokens: Tensor, positions: Tensor, memory: Tensor, memory_positions: Tensor
    ) -> Tensor:
        placed = tokens + positions
        update = self.attention(placed, placed, tokens, need_weights=False)[0]
        tokens = self.norms[0](tokens + self.dropout(update))
        update = self.cross(tokens + positions, memory + memory_positions, memory, need_weights=False)[0]
        tokens = self.cross_norm(tokens + self.dropout(update))
        return self.norms[1](tokens + self.dropout(self.feed(tokens)))


class MotionPredictor(nn.Module):
    """A Transformer encoder-decoder: from a clip's feature map to one prediction a future point.

    The encoder reads the clip's tokens; the decoder has a query for each place and time of the future
    window, with learned positions, and attends to them.

    Source:
        The released code's form. There a query's content starts at zero; here it starts as what the
        clip shows at the query's place, all times side by side, and the map is batch-normed first (both
        ours): starting at zero, training stayed at chance for hundreds of steps (docs/experiments.md).

    Args:
        ins: Channels of the clip's feature map.
        grid: Its times, rows and columns.
        points: Times, rows and columns to predict.
        width: Width of the Transformer.
        heads: Attention heads.
        encoder_layers: Layers that mix the clip's tokens.
        decoder_layers: Layers that read them for each point.
        dropout: Probability.

    Example:
        >>> MotionPredictor(96, grid=(2, 4, 4), points=(1, 4, 4))(torch.zeros(2, 96, 2, 4, 4)).shape
        torch.Size([2, 16, 96])
    """

    def __init__(
        self,
        ins: int,
        *,
        grid: tuple[int, int, int],
        points: tuple[int, int, int],
        width: int = 96,
        heads: int = 4,
        encoder_layers: int = 1,
        decoder_layers: int = 2,
        dropout: float = 0.1,
    ) -> None:
        super().__init__()
        self.width, self.points = width, points
        self.norm = nn.BatchNorm3d(ins)
        self.entry = nn.Linear(ins, width, bias=False)
        self.start = nn.Linear(ins * grid[0], width)
        self.key_positions = nn.Parameter(torch.rand(math.prod(grid), width))
        self.query_positions = nn.Parameter(torch.rand(math.prod(points), width))
        self.encoder = nn.ModuleList(_EncoderLayer(width, heads, dropout) for _ in range(encoder_layers))
        self.decoder = nn.ModuleList(_DecoderLayer(width, heads, dropout) for _ in range(decoder_layers))

    def forward(self, clip_map: Tensor) -> Tensor:
        """A map (B, C, T, H, W) to predictions (B, points, width), times first, then rows."""
        clip_map = self.norm(clip_map)
        memory = self.entry(clip_map.flatten(2).transpose(1, 2))  # (B, T H W, D)
        for layer in self.encoder:
            memory = layer(memory, self.key_positions)
        times, rows, columns = self.points
        here = F.adaptive_avg_pool2d(clip_map.flatten(1, 2), (rows, columns))  # (B, C T, rows, columns)
        points = self.start(here.flatten(2).transpose(1, 2)).repeat(1, times, 1)
        for layer in self.decoder:
            points = layer(points, self.query_positions, memory, self.key_positions)
        return points


class ProjectionHead(nn.Sequential):
    """Linear, batch norm, ReLU, linear, batch norm: from features to the space the loss compares in.

    Args:
        ins: Width of the features.
        hidden: Width between the two layers.
        outs: Width of the projection.

    Example:
        >>> ProjectionHead(96)(torch.zeros(4, 96)).shape
        torch.Size([4, 128])
    """

    def __init__(self, ins: int, hidden: int = 256, outs: int = 128) -> None:
        super().__init__(
            nn.Linear(ins, hidden),
            nn.BatchNorm1d(hidden),
            nn.ReLU(),
            nn.Linear(hidden, outs, bias=False),
            nn.BatchNorm1d(outs),
        )
