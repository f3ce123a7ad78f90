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
LOSSES = ("cosine", "smooth_l1")


class MotionRegression(PretextTask):
    """Motion prediction by regression instead of a contrastive loss.

    Args:
        predictor: From the clip's map to (B, P, its `width`).
        target: "vectors": each point's patch of the future window, x and y. "features": the motion encoder's
            projection of that point. No gradient flows into the target, because a constant target would
            solve the task; encoder and target head therefore keep their random initial weights, and the
            target is a fixed random summary of the vectors.
        loss: "cosine": the squared distance of unit vectors, so that a patch is compared by its pattern
            and not by its speed; each number of a patch is standardized over the batch first. "smooth_l1":
            number by number. Cells without a vector are left out of either.
        encoder: Encoder of windows, for "features".
        window: (T, G): vector maps of a window and cells per side, for "vectors".
        hidden: Width of the hidden layer of the projection heads.
        projection: Width of the projected features.

    Source:
        Ours: the paper reports this ablation, its release does not contain it. The cosine of vectors is not
        in the paper; docs/study.md compares targets and losses.
    """

    def __init__(
        self,
        predictor: MotionPredictor,
        target: Literal["vectors", "features"] = "vectors",
        loss: Literal["cosine", "smooth_l1"] = "cosine",
        encoder: nn.Module | None = None,
        *,
        window: tuple[int, int] = (8, 16),
        hidden: int = 256,
        projection: int = 128,
    ) -> None:
        super().__init__()
        self.predictor, self.target, self.loss = predictor, target, loss
        times, rows, columns = predictor.points
        self._patch = (window[0] // times, window[1] // rows, window[1] // columns)
        if target == "features":
            self.encoder = MotionEncoder() if encoder is None else encoder
        else:
            projection = 2 * self._patch[0] * self._patch[1] * self._patch[2]
            if loss == "cosine":
                self.standardize = nn.BatchNorm1d(projection, affine=False)
        scaled = target == "vectors" and loss == "smooth_l1"  # unlike a head, which ends in a norm
        self.predicted_head: nn.Module = (
            nn.Linear(predictor.d_model, projection)
            if scaled
            else ProjectionHead(predictor.d_model, hidden, projection)
        )
        if target == "features":
            width = self.encoder.width
            assert isinstance(width, int)
            self.target_head = ProjectionHead(width, hidden, projection)

    def forward(self, maps: FeatureMaps, views: Views) -> TaskOutput:
        """The loss, and the share of the target's variance that is explained (below 0: worse than its mean).

        Args:
            maps: The feature maps; the second is read, (B, C, T, H, W).
            views: The augmented batch; the near future of its windows, (B, 1 + N, channels, T, G, G), is
                read.
        """
        predicted = self.predicted_head(self.predictor(maps[1]).flatten(0, 1)).float()
        target, weight = self._targets(views)
        if self.loss == "cosine":
            predicted, target = F.normalize(predicted * weight, dim=1), F.normalize(target * weight, dim=1)
            losses, count = (predicted - target).square() * weight, weight.any(1)
        else:
            losses, count = F.smooth_l1_loss(predicted, target, reduction="none") * weight, weight
        return TaskOutput(
            shared_mean(losses.sum(), count.sum()), {"explained": _explained(predicted, target, weight)}
        )

    def _targets(self, views: Views) -> tuple[Tensor, Tensor]:
        """What is predicted at each point, (B P, D) float32, and which of its numbers count, bool."""
        motion, mask = views.motion[:, 0], views.mask
        counted = valid_points(mask[:, :1], self.predictor.points).flatten()[:, None]  # (B P, 1)
        if self.target == "vectors":
            target = self._patches(motion[:, :2]).float()
            weight = self._patches(mask[:, 0, None].expand(-1, 2, -1, -1, -1)) & counted
            return self.standardize(target) if self.loss == "cosine" else target, weight
        with torch.no_grad():
            target = self.encoder(motion).flatten(2).transpose(1, 2).flatten(0, 1)
            target = self.target_head(target).float()
        return target, counted.expand_as(target)

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
        loss: "cosine" or "smooth_l1".
    """

    target: Literal["vectors", "features"] = "vectors"
    loss: Literal["cosine", "smooth_l1"] = "cosine"

    reads: ClassVar[tuple[str, ...]] = ("motion",)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.target not in TARGETS:
            raise ValueError(f"target is one of {', '.join(TARGETS)}; got {self.target}")
        if self.loss not in LOSSES:
            raise ValueError(f"loss is one of {', '.join(LOSSES)}; got {self.loss}")

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
            self.loss,
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
