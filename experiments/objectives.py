"""Motion prediction with its target, its loss and its keys exchanged one at a time, for `apart.py`.

Everything else is the package's: backbone, predictor, encoder of windows, heads. For one process.

Axes: B batch, P points of a window, M keys, D projection width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvrl_lite.models import MotionPredictor, ProjectionHead
from cvrl_lite.pretext import FeatureMaps, PretextTask, TaskConfig, TaskInputs, TaskOutput, info_nce
from cvrl_lite.pretext.dense import predictor_and_encoder
from cvrl_lite.transforms import Views, valid_points

TARGETS = ("vectors", "random", "stopped", "learned")
LOSSES = ("smooth L1", "cosine", "InfoNCE")
NEGATIVES = ("places", "videos")
_NOBODY = -1  # the sample of a key from an earlier batch


@dataclass(frozen=True)
class ObjectiveConfig(TaskConfig):
    """Builds `MotionObjective`.

    Attributes:
        weight: As in `TaskConfig`.
        start: As in `TaskConfig`.
        target: What is predicted at each point. "vectors": its patch of the near future's vectors, x and y, 0
            where there is none, each number standardized over the batch. "random": features of an encoder
            and a head that keep their initial weights. "stopped": features of an encoder and a head that
            learn from the other direction alone: two small networks predict the target from the clip's
            projection, and the clip's projection from the target, each without a gradient into what it
            predicts (SimSiam's form, across the two signals). "learned": features that get the loss's
            gradient, as in the paper.
        loss: How prediction and target are compared. "smooth L1": number by number; "cosine": the squared
            distance of unit vectors; "InfoNCE": temperature .1, with the near futures of the batch as keys
            and no further windows.
        negatives: For InfoNCE: which of those keys are compared with, "places" of the same clip and "videos",
            the other clips.
        queue: For InfoNCE: near futures of earlier batches whose keys are compared with, too, in clips.
        oracle: For InfoNCE: whether keys of other clips with the query's label are left out. It is told the
            labels (`MotionObjective.labels`), so it serves an analysis and is no method.
    """

    target: str = "learned"
    loss: str = "InfoNCE"
    negatives: tuple[str, ...] = NEGATIVES
    queue: int = 0
    oracle: bool = False

    reads: ClassVar[tuple[str, ...]] = ("motion",)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "negatives", tuple(self.negatives))  # JSON has lists only
        if self.target not in TARGETS or self.loss not in LOSSES:
            raise ValueError(f"there is no {self.loss} on {self.target}")
        if (self.queue or self.oracle or self.negatives != NEGATIVES) and self.loss != "InfoNCE":
            raise ValueError(f"{self.loss} compares with no keys")

    @property
    def partly_trained(self) -> bool:
        """Whether some of the task's parameters get no gradient."""
        return self.target == "random"

    def build(self, inputs: TaskInputs) -> MotionObjective:
        """Builds the task for these inputs."""
        networks = inputs.networks
        predictor, encoder = predictor_and_encoder(inputs, inputs.vector_channels)
        return MotionObjective(
            self, predictor, encoder, hidden=networks.hidden, projection=networks.projection
        )


class MotionObjective(PretextTask):
    """Motion prediction from a clip, as an `ObjectiveConfig` says.

    The prediction goes through the same head to the same D numbers whatever the target is; for vectors, D
    has to be the length of a point's patch. Every target leaves a batch norm, so all start at one scale.

    Args:
        config: Target, loss and keys.
        predictor: From the clip's map to (B, P, width).
        encoder: Of windows.
        hidden: Width of the hidden layer of the heads.
        projection: D.

    Attributes:
        labels: (sources,) int64, the label of each video by its number; the oracle needs it before training.
    """

    def __init__(
        self,
        config: ObjectiveConfig,
        predictor: MotionPredictor,
        encoder: nn.Module,
        *,
        hidden: int,
        projection: int,
    ) -> None:
        super().__init__()
        self.config, self.predictor = config, predictor
        self.labels: Tensor | None = None
        self.predicted_head = ProjectionHead(predictor.d_model, hidden, projection)
        if config.target == "vectors":
            self.standardize = nn.BatchNorm1d(projection, affine=False)
        else:
            self.encoder = encoder
            self.target_head = ProjectionHead(encoder.width, hidden, projection)
        if config.target == "stopped":
            self.from_clip, self.from_motion = _small(projection), _small(projection)
        points = predictor.points[0] * predictor.points[1] * predictor.points[2]
        kept, stored = config.queue * points, bool(config.queue)  # a run that goes on has the keys it had
        self.register_buffer("keys", torch.zeros(kept, projection), persistent=stored)
        self.register_buffer("key_sources", torch.zeros(kept, dtype=torch.long), persistent=stored)
        self.register_buffer("key_usable", torch.zeros(kept, dtype=torch.bool), persistent=stored)

    def forward(self, maps: FeatureMaps, views: Views) -> TaskOutput:
        """The loss, and for InfoNCE the share of points that find their own key.

        Args:
            maps: The feature maps; the second is read, (B, C, T, H, W).
            views: The augmented batch; the near future of its windows is read.
        """
        predicted, target = self.project(maps, views)
        if self.config.target != "stopped":
            return self._compared(predicted, target, views)
        ahead = self._compared(self.from_clip(predicted).float(), target.detach(), views)
        back = self._compared(self.from_motion(target).float(), predicted.detach(), views)
        return TaskOutput((ahead.loss + back.loss) / 2, ahead.metrics)

    def project(self, maps: FeatureMaps, views: Views) -> tuple[Tensor, Tensor]:
        """Predictions and targets, (B P, D) float32 each."""
        predicted = self.predicted_head(self.predictor(maps[1]).flatten(0, 1))
        if self.config.target == "vectors":
            target = self.standardize(self._patches(views.motion[:, 0, :2]).float())
        else:
            with torch.set_grad_enabled(torch.is_grad_enabled() and self.config.target != "random"):
                rows = self.encoder(views.motion[:, 0]).flatten(2).transpose(1, 2).flatten(0, 1)
                target = self.target_head(rows)
        return predicted.float(), target.float()

    def partners(self, maps: FeatureMaps, views: Views) -> tuple[Tensor, Tensor]:
        """Predictions and targets at points with enough vectors."""
        predicted, target = self.project(maps, views)
        valid = self._valid(views)
        return predicted[valid], target[valid]

    def _compared(self, predicted: Tensor, target: Tensor, views: Views) -> TaskOutput:
        valid = self._valid(views)
        if self.config.loss == "InfoNCE":
            return self._contrasted(predicted, target, valid, views.sources)
        if self.config.loss == "cosine":
            unit, others = F.normalize(predicted, dim=1), F.normalize(target, dim=1)
            losses = (unit - others).square().sum(1)
        else:
            losses = F.smooth_l1_loss(predicted, target, reduction="none").mean(1)
        return TaskOutput(losses[valid].sum() / valid.sum().clamp(min=1), {})

    def _contrasted(self, predicted: Tensor, target: Tensor, valid: Tensor, sources: Tensor) -> TaskOutput:
        points = len(valid) // len(sources)
        samples = torch.arange(len(sources), device=valid.device).repeat_interleave(points)
        query_sources = sources.repeat_interleave(points)
        key_samples = torch.cat([samples, torch.full_like(self.key_sources, _NOBODY)])
        key_sources = torch.cat([query_sources, self.key_sources])
        allowed = query_sources[:, None] != key_sources
        if self.config.oracle:
            assert self.labels is not None, "the oracle was told no labels"
            labels = self.labels.to(valid.device)
            allowed &= labels[query_sources][:, None] != labels[key_sources]
        allowed &= "videos" in self.config.negatives
        if "places" in self.config.negatives:
            allowed |= samples[:, None] == key_samples
        allowed &= torch.cat([valid, self.key_usable])
        keys = torch.cat([target, self.keys])
        loss, accuracy = info_nce(predicted, keys, 0.1, valid=valid, allowed=allowed)
        if self.training and self.config.queue:
            length = len(self.keys)
            self.keys = keys.detach()[:length]
            self.key_sources = key_sources[:length]
            self.key_usable = torch.cat([valid, self.key_usable])[:length]
        return TaskOutput(loss, {"accuracy": accuracy})

    def _valid(self, views: Views) -> Tensor:
        """(B P,) bool; points with enough vectors."""
        return valid_points(views.mask[:, :1], self.predictor.points).flatten()

    def _patches(self, maps: Tensor) -> Tensor:
        """(B, 2, T, G, G) to (B P, numbers of a point's patch)."""
        for axis, parts in zip((2, 4, 6), self.predictor.points, strict=True):
            maps = maps.unflatten(axis, (parts, -1))
        return maps.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(0, 3).flatten(1)


def _small(width: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width), nn.BatchNorm1d(width), nn.ReLU(), nn.Linear(width, width))
