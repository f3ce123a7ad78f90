"""From features to the space a loss compares in.

Axes: N rows.
"""

from __future__ import annotations

from torch import nn


class ProjectionHead(nn.Sequential):
    """Linear, batch norm, ReLU, linear, batch norm: (N, ins) to (N, outs).

    Args:
        ins: Width of the features.
        hidden: Width between the two layers; released: 2048.
        outs: Width of the projection; released: 512.

    Source:
        The released code's form: only the first layer has a bias. The narrow defaults are ours.

    Example:
        >>> import torch
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
