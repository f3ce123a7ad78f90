"""Dense prediction: from a clip, predict features of its near future's vectors or residuals per point.

Axes: B batch, C channel, T time, G cells per side, N further windows, P points, W processes,
D projection width.

Source: *Self-supervised Video Representation Learning by Context and Motion Decoupling* (CVPR 2021).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from cvrl_lite.models import MotionEncoder, MotionPredictor, ProjectionHead
from cvrl_lite.pretext.gather import gather, processes
from cvrl_lite.pretext.loss import BLOCK, info_nce
from cvrl_lite.pretext.task import FeatureMaps, PretextTask, TaskConfig, TaskInputs, TaskOutput
from cvrl_lite.transforms import Views, valid_points

NEGATIVES = ("places", "windows", "videos")
SOURCES = ("motion", "residual")


class DensePrediction(PretextTask):
    """From a clip, predict the features of the motion vectors of its near future, point by point.

    The negatives of a point are all other points of its window ("places"), all points of other windows of
    its video ("windows"), and all points of windows of other videos ("videos"). Points with too few vectors
    are neither queries nor keys.

    Args:
        predictor: From the clip's map to (B, P, its `width`).
        encoder: Encoder of windows: (B, channels, T, G, G) to a map (B, its `width`, t, g, g), t g g = P.
        source: What is predicted: "motion" (vectors), or "residual" (ours), which vectors do not contain.
        temperature: Temperature of InfoNCE.
        hidden: Width of the hidden layer of the projection heads.
        projection: D, the width of the projections.
        negatives: The kinds of negatives to use.

    Raises:
        ValueError: An unknown source, or an unknown kind of negatives.

    Source:
        The paper's motion prediction task. Ours: points without vectors are left out, and residuals can be
        predicted.

    Example:
        >>> from cvrl_lite.models import TinyR2Plus1D
        >>> backbone, encoder = TinyR2Plus1D(), MotionEncoder()
        >>> grid, points = backbone.map_size(8, 64), encoder.map_size(8, 16)
        >>> predictor = MotionPredictor(backbone.motion_channels, grid=grid, points=points)
        >>> clip, keyframe = torch.rand(2, 3, 8, 64, 64), torch.rand(2, 3, 64, 64)
        >>> motion = torch.ones(2, 2, 3, 8, 16, 16)  # of each clip the near future and another window
        >>> views = Views(clip, keyframe, motion, sources=torch.arange(2), mask=motion[:, :, 2] > 0)
        >>> loss, metrics = DensePrediction(predictor, encoder)(backbone.feature_maps(views.clip), views)
        >>> loss.shape, list(metrics)
        (torch.Size([]), ['accuracy'])
    """

    def __init__(
        self,
        predictor: MotionPredictor,
        encoder: nn.Module | None = None,
        *,
        source: Literal["motion", "residual"] = "motion",
        temperature: float = 0.1,
        hidden: int = 256,
        projection: int = 128,
        negatives: Iterable[str] = NEGATIVES,
    ) -> None:
        super().__init__()
        self.encoder = MotionEncoder() if encoder is None else encoder
        self.predictor = predictor
        self.predicted_head = ProjectionHead(predictor.d_model, hidden, projection)
        width = self.encoder.width
        assert isinstance(width, int)
        self.target_head = ProjectionHead(width, hidden, projection)
        self.source, self.temperature, self.negatives = source, temperature, frozenset(negatives)
        _check(source, self.negatives)

    def forward(self, maps: FeatureMaps, views: Views) -> TaskOutput:
        """The loss and the top-1 accuracy, over points.

        Args:
            maps: The feature maps; the second is read, (B, C, T, H, W).
            views: The augmented batch; the windows, (B, 1 + N, channels, T, G, G), and their mask are read.
                Window 0 is the near future, the N others are further windows of the same video.

        Raises:
            ValueError: Residuals are to be predicted, but the views have none.
        """
        windows, mask = self.windows(views)
        valid = valid_points(mask, self.predictor.points)  # (B, 1 + N, P)
        queries, keys = self.project(maps[1], windows)
        near = len(queries)
        if self.negatives == {"videos"}:
            self.warn_of_one_source(gather(views.sources))
        loss, accuracy = info_nce(
            queries,
            torch.cat([gather(keys[:near]), gather(keys[near:])]),
            self.temperature,
            valid=valid[:, 0].flatten(),
            allowed=self._allowed(valid, views.sources),
            block=BLOCK,
        )
        return TaskOutput(loss, {"accuracy": accuracy})

    def windows(self, views: Views) -> tuple[Tensor, Tensor]:
        """The windows to predict, (B, 1 + N, channels, T, G, G), and their mask (B, 1 + N, T, G, G)."""
        if self.source == "motion":
            return views.motion, views.mask
        if views.residual is None or views.residual_mask is None:
            raise ValueError("residual prediction needs data that were read with their residuals")
        return views.residual, views.residual_mask

    def project(self, clip_map: Tensor, windows: Tensor) -> tuple[Tensor, Tensor]:
        """The projections to compare: predictions (B P, D) and window points ((1+N) B P, D), futures first.

        Args:
            clip_map: (B, C, T, H, W) the map of the motion part.
            windows: (B, 1 + N, channels, T, G, G).
        """
        predicted = self.predictor(clip_map)  # (B, P, D)
        maps = self.encoder(windows.transpose(0, 1).flatten(0, 1))  # ((1+N) B, C, t, g, g)
        rows = maps.flatten(2).transpose(1, 2).flatten(0, 1)  # ((1+N) B P, C)
        return self.predicted_head(predicted.flatten(0, 1)), self.target_head(rows)

    def partners(self, maps: FeatureMaps, views: Views) -> tuple[Tensor, Tensor] | None:
        """Predictions and their targets, (N, D) each, at points with enough vectors."""
        windows, mask = self.windows(views)
        queries, keys = self.project(maps[1], windows[:, :1])
        valid = valid_points(mask[:, :1], self.predictor.points).flatten()
        return (queries[valid], keys[valid]) if valid.any() else None

    def _allowed(self, valid: Tensor, sources: Tensor) -> _Comparable | None:
        """Which keys each query is compared with; None for all."""
        batch, points, (rank, world) = len(valid), valid.shape[2], processes()
        usable, everyone = _keys_first(valid), gather(sources)
        if self.negatives == set(NEGATIVES) and usable.all() and len(everyone.unique()) == len(everyone):
            return None
        number = torch.arange(batch, device=valid.device) + rank * batch
        return _Comparable(
            self.negatives,
            query_samples=number.repeat_interleave(points),
            query_sources=sources.repeat_interleave(points),
            key_samples=_keys_first(number[:, None, None].expand_as(valid)),
            key_sources=_keys_first(sources[:, None, None].expand_as(valid)),
            future=torch.arange(len(usable), device=valid.device) < batch * world * points,
            usable=usable,
        )


@dataclass(frozen=True, eq=False)
class _Comparable:
    """For `info_nce`: which of M keys each of B P queries is compared with.

    Attributes:
        negatives: The kinds of negatives to use.
        query_samples: (B P,) number of each query's sample.
        query_sources: (B P,) source of each query.
        key_samples: (M,) number of each key's sample.
        key_sources: (M,) source of each key.
        future: (M,) bool; keys of near futures.
        usable: (M,) bool; keys with enough vectors.
    """

    negatives: frozenset[str]
    query_samples: Tensor
    query_sources: Tensor
    key_samples: Tensor
    key_sources: Tensor
    future: Tensor
    usable: Tensor

    def __getitem__(self, rows: Tensor) -> Tensor:
        own = self.query_samples[rows, None] == self.key_samples
        # Other clips of the same video are not negatives.
        kept = own | (self.query_sources[rows, None] != self.key_sources)
        if "places" not in self.negatives:
            kept &= ~(own & self.future)
        if "windows" not in self.negatives:
            kept &= ~own | self.future
        if "videos" not in self.negatives:
            kept &= own
        return kept & self.usable


@dataclass(frozen=True)
class DenseConfig(TaskConfig):
    """Builds `DensePrediction`.

    Attributes:
        weight: As in `TaskConfig`.
        start: As in `TaskConfig`.
        source: What is predicted: "motion" or "residual".
        temperature: Temperature of InfoNCE.
        negatives: The kinds of negatives to use; see `DensePrediction`.

    Example:
        >>> DenseConfig(source="residual").needs_residuals, DenseConfig(negatives=("videos",)).negatives
        (True, ('videos',))
    """

    source: Literal["motion", "residual"] = "motion"
    temperature: float = 0.1
    negatives: tuple[str, ...] = NEGATIVES

    reads: ClassVar[tuple[str, ...]] = ("motion",)

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "negatives", tuple(self.negatives))  # JSON has lists only
        _check(self.source, frozenset(self.negatives))

    @property
    def needs_residuals(self) -> bool:
        """Whether the task needs residuals."""
        return self.source == "residual"

    def build(self, inputs: TaskInputs) -> DensePrediction:
        """Builds the task for these inputs."""
        networks = inputs.networks
        predictor, encoder = predictor_and_encoder(
            inputs, inputs.vector_channels if self.source == "motion" else 3
        )
        return DensePrediction(
            predictor,
            encoder,
            source=self.source,
            temperature=self.temperature,
            hidden=networks.hidden,
            projection=networks.projection,
            negatives=self.negatives,
        )


def predictor_and_encoder(inputs: TaskInputs, channels: int) -> tuple[MotionPredictor, nn.Module]:
    """A predictor of the near future's points, and an encoder of windows with so many channels."""
    encoder = inputs.networks.build_window_encoder(channels)
    predictor = inputs.networks.build_predictor(
        inputs.motion_channels, grid=inputs.grid, points=encoder.map_size(inputs.window, inputs.cells)
    )
    return predictor, encoder


def _check(source: str, negatives: frozenset[str]) -> None:
    if source not in SOURCES:
        raise ValueError(f"source is one of {', '.join(SOURCES)}; got {source}")
    if negatives - set(NEGATIVES):
        raise ValueError(f"negatives are some of {', '.join(NEGATIVES)}; got {sorted(negatives)}")


def _keys_first(values: Tensor) -> Tensor:
    """Gathers (B, 1 + N, P) in the order of all processes' keys: ((1 + N) W B P,), futures first."""
    return torch.cat([gather(values[:, 0]).flatten(), gather(values[:, 1:].transpose(0, 1)).flatten()])
