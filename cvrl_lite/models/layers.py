"""Layers shared by several networks.

Axes: B batch, T time, C channel, H W pixels.
"""

from __future__ import annotations

from typing import Literal

from torch import nn


def conv_block(
    ins: int,
    outs: int,
    kernel: tuple[int, int, int],
    stride: tuple[int, int, int] = (1, 1, 1),
    *,
    bias: bool = False,
    relu: bool = True,
    padding_mode: Literal["zeros", "replicate"] = "zeros",
) -> nn.Sequential:
    """Convolution, batch norm and ReLU; without strides the map keeps its size.

    Args:
        ins: Input channels.
        outs: Output channels.
        kernel: Odd lengths in time, height and width.
        stride: Steps in time, height and width; a step of 2 halves the length, rounded up.
        bias: Whether the convolution has one.
        relu: Whether the ReLU follows.
        padding_mode: Padding mode of the convolution.

    Returns:
        (B, ins, T, H, W) to (B, outs, T', H', W').

    Example:
        >>> import torch
        >>> conv_block(3, 8, (1, 3, 3), (1, 2, 2))(torch.zeros(1, 3, 4, 9, 9)).shape
        torch.Size([1, 8, 4, 5, 5])
    """
    padding = (kernel[0] // 2, kernel[1] // 2, kernel[2] // 2)
    layers: list[nn.Module] = [
        nn.Conv3d(ins, outs, kernel, stride, padding, bias=bias, padding_mode=padding_mode),
        nn.BatchNorm3d(outs),
    ]
    return nn.Sequential(*layers, *([nn.ReLU()] if relu else []))


def halved(length: int, times: int) -> int:
    """A length after several padded convolutions of stride 2, each of which rounds up.

    Example:
        >>> halved(112, 4), halved(112, 5)
        (7, 4)
    """
    return -(-length // (1 << times))


def initialize_convolutions(network: nn.Module) -> None:
    """Kaiming normal initialization, by fan-out, of each 3D convolution; biases start at 0.

    Source:
        Ours: the initialization of the released networks is unknown. This one is usual for ResNets.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv3d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
