"""Dense prediction: from a clip, the features of its near future's vectors or residual, point by point.

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

    Negatives of a point: all other points of its window ("places"), all points of other windows of its own
    video ("windows"), and all points of the other videos' windows ("videos"). Points with too few vectors
    are neither query nor key.

    Args:
        predictor: From the clip's map to (B, P, its `width`).
        encoder: Of windows: (B, channels, T, G, G) to a map (B, its `width`, t, g, g), t g g = P.
        source: What is predicted: "motion" (vectors), or "residual", which vectors cannot tell (ours).
        temperature: Of the InfoNCE.
        hidden: Width inside the projection heads.
        projection: D.
        negatives: Which of the three kinds are compared.

    Raises:
        ValueError: An unknown source, or an unknown kind of negatives.

    Source:
        The paper's motion prediction task. Leaving points without vectors out of the comparison is ours, and
        so is the residual.
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
            maps: Of which the second is read, (B, C, T, H, W).
            views: Of which the windows, (B, 1 + N, channels, T, G, G), and their mask are read; window 0 is
                the near future, the N others are further windows of the same video.

        Raises:
            ValueError: The views have no residuals, and they are to be predicted.
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
        """What is predicted, (B, 1 + N, channels, T, G, G), and its mask (B, 1 + N, T, G, G)."""
        if self.source == "motion":
            return views.motion, views.mask
        if views.residual is None or views.residual_mask is None:
            raise ValueError("residual prediction needs data that were read with their residuals")
        return views.residual, views.residual_mask

    def project(self, clip_map: Tensor, windows: Tensor) -> tuple[Tensor, Tensor]:
        """What is compared: predictions (B P, D), and the windows' points ((1+N) B P, D), futures first.

        Args:
            clip_map: (B, C, T, H, W) the map of the motion part.
            windows: (B, 1 + N, channels, T, G, G).
        """
        predicted = self.predictor(clip_map)  # (B, P, D)
        maps = self.encoder(windows.transpose(0, 1).flatten(0, 1))  # ((1+N) B, C, t, g, g)
        rows = maps.flatten(2).transpose(1, 2).flatten(0, 1)  # ((1+N) B P, C)
        return self.predicted_head(predicted.flatten(0, 1)), self.target_head(rows)

    def partners(self, maps: FeatureMaps, views: Views) -> tuple[Tensor, Tensor] | None:
        """Predictions and the points they are to find, (N, D) each, of points with vectors enough."""
        windows, mask = self.windows(views)
        queries, keys = self.project(maps[1], windows[:, :1])
        valid = valid_points(mask[:, :1], self.predictor.points).flatten()
        return (queries[valid], keys[valid]) if valid.any() else None

    def _allowed(self, valid: Tensor, sources: Tensor) -> _Comparable | None:
        """Which keys may stand beside which query; None if all may."""
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
        negatives: Which kinds are compared.
        query_samples: (B P,) the number of the sample that a query is from.
        query_sources: (B P,) its source.
        key_samples: (M,) the same of keys.
        key_sources: (M,)
        future: (M,) bool; keys of near futures.
        usable: (M,) bool; keys with vectors enough.
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
        # Another clip of the same video is no negative.
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
        temperature: Of the InfoNCE.
        negatives: Which kinds of negatives are compared; see `DensePrediction`.
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
        """Whether the data have to be read with their residuals."""
        return self.source == "residual"

    def build(self, inputs: TaskInputs) -> DensePrediction:
        """A fresh task that fits."""
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
    """(B, 1 + N, P) of this process to the order of the keys of all: ((1 + N) W B P,), futures first."""
    return torch.cat([gather(values[:, 0]).flatten(), gather(values[:, 1:].transpose(0, 1)).flatten()])
