"""Predicts features of the near future's motion from a clip's feature map.

Axes: B batch, T time, C channel, H W rows and columns, N points or tokens, D width.

Source: *Self-supervised Video Representation Learning by Context and Motion Decoupling*
(CVPR 2021) and its released code.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class _EncoderLayer(nn.Module):
    """Self-attention and a feed-forward step, post-norm; positions join queries and keys only."""

    def __init__(self, width: int, nhead: int, dropout: float) -> None:
        super().__init__()
        self.attention = nn.MultiheadAttention(width, nhead, dropout, batch_first=True)
        self.feed = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, width)
        )
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, positions: Tensor) -> Tensor:
        placed = tokens + positions
        update = self.attention(placed, placed, tokens, need_weights=False)[0]
        tokens = self.norms[0](tokens + self.dropout(update))
        points: Tensor = self.norms[1](tokens + self.dropout(self.feed(tokens)))
        return points


class _DecoderLayer(_EncoderLayer):
    """The same, with attention to the memory between the two steps."""

    def __init__(self, width: int, nhead: int, dropout: float) -> None:
        super().__init__(width, nhead, dropout)
        self.cross = nn.MultiheadAttention(width, nhead, dropout, batch_first=True)
        self.cross_norm = nn.LayerNorm(width)

    def forward(  # type: ignore[override]
        self, tokens: Tensor, positions: Tensor, memory: Tensor, memory_positions: Tensor
    ) -> Tensor:
        placed = tokens + positions
        update = self.attention(placed, placed, tokens, need_weights=False)[0]
        tokens = self.norms[0](tokens + self.dropout(update))
        update = self.cross(tokens + positions, memory + memory_positions, memory, need_weights=False)[0]
        tokens = self.cross_norm(tokens + self.dropout(update))
        points: Tensor = self.norms[1](tokens + self.dropout(self.feed(tokens)))
        return points


class MotionPredictor(nn.Module):
    """A Transformer encoder-decoder: from a clip's feature map to one prediction per future point.

    The encoder reads the clip's tokens; the decoder has a query for each place and time of the future
    window, with learned positions, and attends to them.

    Source:
        The released code's form: `query_init` "zero", width 512, 8 heads, 2 encoder and 4 decoder layers,
        dropout .1, and a feed-forward step no wider than the rest. "position" is ours: with
        "zero", training stayed at chance for hundreds of steps (docs/experiments.md).

    Args:
        ins: Channels of the clip's feature map.
        grid: Its times, rows and columns.
        points: Times, rows and columns to predict.
        d_model: Width of the Transformer.
        nhead: Attention heads.
        num_encoder_layers: Encoder layers, over the clip's tokens.
        num_decoder_layers: Decoder layers, over the points.
        dropout: Dropout probability.
        query_init: Initial queries. "position": the clip's features at the query's position, all times
            concatenated, after a batch norm of the map. "zero": zeros, without that norm, and with the
            released initialization; the decoder's first self-attention then has no values to mix.
        transformer: Whether there is a Transformer. Without it (the paper's ablation; the form is ours), the
            features of each position, all times concatenated, go through two linear layers, and positions
            do not interact; `nhead`, the numbers of layers and `dropout` have no effect.

    Raises:
        ValueError: `query_init` has another value.

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
        d_model: int = 96,
        nhead: int = 4,
        num_encoder_layers: int = 1,
        num_decoder_layers: int = 2,
        dropout: float = 0.1,
        query_init: Literal["zero", "position"] = "position",
        transformer: bool = True,
    ) -> None:
        super().__init__()
        if query_init not in ("zero", "position"):
            raise ValueError(f'query_init is "zero" or "position"; got {query_init!r}')
        self.d_model, self.points = d_model, points
        self.query_init, self.transformer = query_init, transformer
        self.norm = nn.BatchNorm3d(ins) if query_init == "position" else nn.Identity()
        if transformer:
            self.entry = nn.Linear(ins, d_model, bias=False)
            if query_init == "position":
                self.start = nn.Linear(ins * grid[0], d_model)
            self.key_positions = nn.Parameter(torch.rand(math.prod(grid), d_model))
            self.query_positions = nn.Parameter(torch.rand(math.prod(points), d_model))
            self.encoder = nn.ModuleList(
                _EncoderLayer(d_model, nhead, dropout) for _ in range(num_encoder_layers)
            )
            self.decoder = nn.ModuleList(
                _DecoderLayer(d_model, nhead, dropout) for _ in range(num_decoder_layers)
            )
        else:
            self.by_place = nn.Sequential(
                nn.Linear(ins * grid[0], d_model), nn.ReLU(), nn.Linear(d_model, d_model * points[0])
            )
        if query_init == "zero":
            _initialize_as_released(self)

    def forward(self, clip_map: Tensor) -> Tensor:
        """A map (B, C, T, H, W) to predictions (B, points, width), times first, then rows."""
        clip_map = self.norm(clip_map)
        times = self.points[0]
        if not self.transformer:
            predicted = self.by_place(self._at_points(clip_map))  # (B, rows columns, times D)
            points: Tensor = predicted.unflatten(2, (times, self.d_model)).transpose(1, 2).flatten(1, 2)
            return points
        memory = self.entry(clip_map.flatten(2).transpose(1, 2))  # (B, T H W, D)
        for layer in self.encoder:
            memory = layer(memory, self.key_positions)
        if self.query_init == "position":
            points = self.start(self._at_points(clip_map)).repeat(1, times, 1)
        else:
            points = memory.new_zeros(len(memory), *self.query_positions.shape)
        for layer in self.decoder:
            points = layer(points, self.query_positions, memory, self.key_positions)
        return points

    def _at_points(self, clip_map: Tensor) -> Tensor:
        """The map pooled to the points' rows and columns, times side by side: (B, rows columns, C T)."""
        here = F.adaptive_avg_pool2d(clip_map.flatten(1, 2), self.points[1:])
        return here.flatten(2).transpose(1, 2)


def _initialize_as_released(predictor: nn.Module) -> None:
    """Xavier for the attention's matrices, then deviation 0.01 and no bias for each `nn.Linear`.

    The attention's last layer and the feed-forward step are `nn.Linear` and end up with the latter, as
    they do in the released code. Positions are drawn from U(0, 1) where they are made.
    """
    for module in predictor.modules():
        if isinstance(module, nn.MultiheadAttention):
            nn.init.xavier_uniform_(module.in_proj_weight)
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
