"""A backbone and a task as a user would write them in a file of their own."""

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvrl_lite.models import VideoBackbone, wrap
from cvrl_lite.pretext import FeatureMaps, PretextTask, TaskConfig, TaskInputs, TaskOutput
from cvrl_lite.transforms import Views


def _conv(ins: int, outs: int, stride: int = 1) -> list[nn.Module]:
    return [nn.Conv3d(ins, outs, 3, stride, 1, bias=False), nn.BatchNorm3d(outs)]


class _Block(nn.Module):
    def __init__(self, ins: int, outs: int, stride: int) -> None:
        super().__init__()
        self.convolutions = nn.Sequential(*_conv(ins, outs, stride), nn.ReLU(), *_conv(outs, outs))
        self.shortcut = nn.Sequential()
        if (ins, stride) != (outs, 1):
            self.shortcut = nn.Sequential(nn.Conv3d(ins, outs, 1, stride, bias=False), nn.BatchNorm3d(outs))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.convolutions(x) + self.shortcut(x))


class R3D18(nn.Sequential):
    """torchvision's layout: stem, four layers of two blocks, average and classifier."""

    def __init__(self, width: int) -> None:
        stem = nn.Sequential(nn.Conv3d(3, width, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False), nn.ReLU())
        layers = [
            nn.Sequential(
                _Block(width * 2 ** max(0, level - 1), width * 2**level, 1 if level == 0 else 2),
                _Block(width * 2**level, width * 2**level, 1),
            )
            for level in range(4)
        ]
        super().__init__(stem, *layers, nn.AdaptiveAvgPool3d(1), nn.Linear(8 * width, 400))


def r3d18(width: int = 64) -> VideoBackbone:
    """The network without its average and classifier: one map for both tasks."""
    return wrap(nn.Sequential(*list(R3D18(width).children())[:-2]), channels=8 * width)


def two_maps() -> VideoBackbone:
    """A map of what stays and one of what moves, as `forward_features` of a module returns them."""

    class Pair(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.still, self.moving = nn.Conv3d(3, 6, 3, 8, 1), nn.Conv3d(3, 10, 3, (4, 8, 8), 1)

        def forward_features(self, clip: Tensor) -> tuple[Tensor, Tensor]:
            return self.still(clip.mean(2, keepdim=True)), self.moving(clip)

    return wrap(Pair(), channels=(6, 10))


def unannotated(width: int = 64):  # type: ignore[no-untyped-def]
    """It makes a backbone, but does not say so."""
    return r3d18(width)


class SpeedGuess(PretextTask):
    """Tell the mean length of the near future's vectors from the map of the motion part."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.line = nn.Linear(channels, 1)

    def forward(self, maps: FeatureMaps, views: Views) -> TaskOutput:
        speed = views.motion[:, 0, :2].norm(dim=1).mean((1, 2, 3))
        error = (self.line(maps[1].mean((2, 3, 4)))[:, 0] - speed).abs()
        return TaskOutput(error.mean(), {"within_one": (error.detach() < 1).float().mean()})


@dataclass(frozen=True)
class SpeedConfig(TaskConfig):
    """Builds `SpeedGuess`; `bias` is what it begins with."""

    bias: float = 0.0

    reads: ClassVar[tuple[str, ...]] = ("motion",)

    def build(self, inputs: TaskInputs) -> SpeedGuess:
        task = SpeedGuess(inputs.motion_channels)
        torch.nn.init.constant_(task.line.bias, self.bias)
        return task
