"""Motion prediction by regression, for the ablation of InfoNCE.

Axes: B batch, C channel, T time, G cells per side, N further windows, P points.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvrl_lite.models import MotionEncoder, MotionPredictor, ProjectionHead
from cvrl_lite.pretext.dense import predictor_and_encoder
from cvrl_lite.pretext.gather import shared_mean
from cvrl_lite.pretext.task import FeatureMaps, PretextTask, TaskConfig, TaskInputs, TaskOutput
from cvrl_lite.transforms import Views, valid_points

TARGETS = ("vectors", "features")


class MotionRegression(PretextTask):
    """Motion prediction by regression instead of a contrastive loss.

    Args:
        predictor: From the clip's map to (B, P, its `width`).
        target: "vectors": each point's patch of the future window, x and y, by the smooth L1 distance over
            cells that hold a vector. "features": the motion encoder's projection of that point, by the
            squared distance of unit vectors. No gradient flows into the target, because a constant target
            would solve the task; encoder and target head therefore keep their random initial weights, and
            the target is a fixed random summary of the vectors.
            encoder: Encoder of windows, for "features".
            window: (T, G): vector maps of a window and cells per side, for "vectors".
            hidden: Width of the hidden layer of the projection heads.
            projection: Width of the projected features.

    Source:
        Ours: the paper reports this ablation, its release does not contain it.
    """

    def __init__(
        self,
        predictor: MotionPredictor,
        target: Literal["vectors", "features"],
        encoder: nn.Module | None = None,
        *,
        window: tuple[int, int] = (8, 16),
        hidden: int = 256,
        projection: int = 128,
    ) -> None:
        super().__init__()
        self.predictor, self.target = predictor, target
        times, rows, columns = predictor.points
        self._patch = (window[0] // times, window[1] // rows, window[1] // columns)
        if target == "features":
            self.encoder = MotionEncoder() if encoder is None else encoder
            self.predicted_head: nn.Module = ProjectionHead(predictor.d_model, hidden, projection)
            width = self.encoder.width
            assert isinstance(width, int)
            self.target_head = ProjectionHead(width, hidden, projection)
        else:
            length = 2 * self._patch[0] * self._patch[1] * self._patch[2]
            self.predicted_head = nn.Linear(predictor.d_model, length)

    def forward(self, maps: FeatureMaps, views: Views) -> TaskOutput:
        """The loss, and the share of the target's variance that is explained (below 0: worse than its mean).

        Args:
            maps: The feature maps; the second is read, (B, C, T, H, W).
            views: The augmented batch; the near future of its windows, (B, 1 + N, channels, T, G, G), is
                read.
        """
        motion, mask = views.motion, views.mask
        predicted = self.predicted_head(self.predictor(maps[1]).flatten(0, 1)).float()
        counted = valid_points(mask[:, :1], self.predictor.points).flatten()[:, None]  # (B P, 1)
        if self.target == "vectors":
            target = self._patches(motion[:, 0, :2])
            weight = self._patches(mask[:, 0, None].expand(-1, 2, -1, -1, -1)) & counted
            target = target.float()
            losses = F.smooth_l1_loss(predicted, target, reduction="none") * weight
            loss = shared_mean(losses.sum(), weight.sum())
        else:
            with torch.no_grad():
                target = self.encoder(motion[:, 0]).flatten(2).transpose(1, 2).flatten(0, 1)
                target = F.normalize(self.target_head(target).float(), dim=1)
            predicted, weight = F.normalize(predicted, dim=1), counted.expand_as(target)
            loss = shared_mean(((predicted - target) ** 2 * weight).sum(), counted.sum())
        return TaskOutput(loss, {"explained": _explained(predicted, target, weight)})

    def _patches(self, maps: Tensor) -> Tensor:
        """(B, 2, T, G, G) to (B P, values of a point's patch)."""
        times, rows, columns = self._patch
        split = maps.unflatten(2, (-1, times)).unflatten(4, (-1, rows)).unflatten(6, (-1, columns))
        patches: Tensor = split.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(0, 3).flatten(1)
        return patches


@dataclass(frozen=True)
class RegressionConfig(TaskConfig):
    """Builds `MotionRegression`.

    Attributes:
        weight: As in `TaskConfig`.
        start: As in `TaskConfig`.
        target: "vectors" or "features".
    """

    target: Literal["vectors", "features"] = "vectors"

    reads: ClassVar[tuple[str, ...]] = ("motion",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.target not in TARGETS:
            raise ValueError(f"target is one of {', '.join(TARGETS)}; got {self.target}")

    @property
    def partly_trained(self) -> bool:
        """Whether some of the task's parameters get no gradient: those of a fixed target."""
        return self.target == "features"

    def build(self, inputs: TaskInputs) -> MotionRegression:
        """Builds the task for these inputs."""
        networks = inputs.networks
        predictor, encoder = predictor_and_encoder(inputs, inputs.vector_channels)
        return MotionRegression(
            predictor,
            self.target,
            encoder,
            window=(inputs.window, inputs.cells),
            hidden=networks.hidden,
            projection=networks.projection,
        )


def _explained(predicted: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """The explained share of the variance over this process's points; logs average it over processes."""
    chosen, guess = target[weight], predicted.detach()[weight]
    if not len(chosen):
        return predicted.new_zeros(())
    return 1 - (guess - chosen).square().mean() / chosen.var(unbiased=False).clamp(min=1e-8)
