"""A backbone with a third branch, which residual prediction reads alone, for `study.py`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from cvrl_lite.models import TinyR2Plus1D
from cvrl_lite.pretext import DenseConfig, DensePrediction, FeatureMaps, TaskInputs, TaskOutput
from cvrl_lite.transforms import Views


class ThreeBranches(TinyR2Plus1D):
    """The tiny backbone whose moving branch is there twice, each time with weights of its own.

    Its motion map holds the channels of both, those for motion first, and a clip's features have a third
    part of length 1, "residual".
    """

    def __init__(self, widths: tuple[int, int, int, int] = (24, 48, 128, 128)) -> None:
        super().__init__(widths)
        context, each = self.context_channels, self.motion_channels
        self.residual = TinyR2Plus1D(widths).moving
        self.motion_channels, self.width = 2 * each, context + 2 * each
        self.parts = self.parts | {"residual": slice(context + each, context + 2 * each)}

    def feature_maps(self, clip: Tensor) -> tuple[Tensor, Tensor]:
        """Still, (B, C3, 1, H/16, W/16), and both moving ones, (B, 2 C4, T/4, H/16, W/16)."""
        clip = self.shared(clip)
        moving = torch.cat([self.moving(clip), self.residual(clip)], dim=1)
        return self.still(clip.mean(2, keepdim=True)), moving

    @classmethod
    def pool(cls, maps: tuple[Tensor, Tensor]) -> Tensor:
        """(B, C3 + 2 C4) float; the parts of context and residual have length 1."""
        motion, residual = maps[1].chunk(2, dim=1)
        return torch.cat([super().pool((maps[0], motion)), F.normalize(residual.mean((2, 3, 4)), dim=1)], 1)


class HalfPrediction(DensePrediction):
    """Dense prediction from one half of the motion map's channels: the second for residuals."""

    def forward(self, maps: FeatureMaps, views: Views) -> TaskOutput:
        """As `DensePrediction`."""
        return super().forward(self._half(maps), views)

    def partners(self, maps: FeatureMaps, views: Views) -> tuple[Tensor, Tensor] | None:
        """As `DensePrediction`."""
        return super().partners(self._half(maps), views)

    def _half(self, maps: FeatureMaps) -> FeatureMaps:
        return maps[0], maps[1].chunk(2, dim=1)[self.source == "residual"]


@dataclass(frozen=True)
class HalfConfig(DenseConfig):
    """Builds `HalfPrediction`; attributes as in `DenseConfig`."""

    def build(self, inputs: TaskInputs) -> HalfPrediction:
        """Builds the task for these inputs."""
        built = super().build(replace(inputs, motion_channels=inputs.motion_channels // 2))
        return HalfPrediction(
            built.predictor,
            built.encoder,
            source=self.source,
            temperature=self.temperature,
            hidden=inputs.networks.hidden,
            projection=inputs.networks.projection,
            negatives=self.negatives,
        )
