"""Context matching: each clip has to be matched to the key frame of its own video.

Axes: B batch, C channel, T time, H W pixels, D projection width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from cvrl_lite.models import ContextEncoder, ProjectionHead
from cvrl_lite.pretext.gather import gather
from cvrl_lite.pretext.loss import BLOCK, info_nce
from cvrl_lite.pretext.task import FeatureMaps, PretextTask, TaskConfig, TaskInputs, TaskOutput
from cvrl_lite.transforms import Views


class ContextMatching(PretextTask):
    """A clip has to find the key frame of its own video among those of the batch.

    Args:
        channels: Channels of the context part's feature map.
        encoder: Encoder of key frames: (B, 3, H, W) to (B, its `width`).
        temperature: Temperature of InfoNCE.
        hidden: Width of the hidden layer of the projection heads.
        projection: D, the width of the projections.
        symmetric: Whether key frames are also matched to clips (ours); the loss is the mean of both.

    Source:
        The paper's context matching task; one direction (clip to key frame), as released.

    Example:
        >>> import torch
        >>> from cvrl_lite.models import TinyR2Plus1D
        >>> backbone, motion = TinyR2Plus1D(), torch.zeros(4, 1, 3, 8, 16, 16)
        >>> clip, keyframe = torch.rand(4, 3, 8, 32, 32), torch.rand(4, 3, 32, 32)
        >>> views = Views(clip, keyframe, motion, sources=torch.arange(4), mask=motion[:, :, 2] > 0)
        >>> task = ContextMatching(backbone.context_channels)
        >>> loss, metrics = task(backbone.feature_maps(views.clip), views)
        >>> loss.shape, list(metrics)
        (torch.Size([]), ['accuracy'])
    """

    def __init__(
        self,
        channels: int,
        encoder: nn.Module | None = None,
        *,
        temperature: float = 0.1,
        hidden: int = 256,
        projection: int = 128,
        symmetric: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = ContextEncoder() if encoder is None else encoder
        self.clip_head = ProjectionHead(channels, hidden, projection)
        width = self.encoder.width
        assert isinstance(width, int)
        self.frame_head = ProjectionHead(width, hidden, projection)
        self.temperature, self.symmetric = temperature, symmetric

    def forward(self, maps: FeatureMaps, views: Views) -> TaskOutput:
        """The loss and the top-1 accuracy (from clip to key frame).

        Args:
            maps: The feature maps; the first is read, (B, C, T, H, W).
            views: The augmented batch; `keyframe` and `sources` are read.
        """
        clips, frames = self.partners(maps, views)
        allowed = _OtherSources(views.sources, gather(views.sources))
        self.warn_of_one_source(allowed.keys)
        loss, accuracy = info_nce(clips, gather(frames), self.temperature, allowed=allowed, block=BLOCK)
        if self.symmetric:
            back, _ = info_nce(frames, gather(clips), self.temperature, allowed=allowed, block=BLOCK)
            loss = (loss + back) / 2
        return TaskOutput(loss, {"accuracy": accuracy})

    def partners(self, maps: FeatureMaps, views: Views) -> tuple[Tensor, Tensor]:
        """The projections to compare: clips (B, D) and their key frames (B, D)."""
        return self.clip_head(maps[0].mean((2, 3, 4))), self.frame_head(self.encoder(views.keyframe))


@dataclass(frozen=True, eq=False)
class _OtherSources:
    """For `info_nce`: clips (N,) are compared with those of all processes (M,) that are of another source."""

    queries: Tensor
    keys: Tensor

    def __getitem__(self, rows: Tensor) -> Tensor:
        return self.queries[rows, None] != self.keys


@dataclass(frozen=True)
class ContextConfig(TaskConfig):
    """Builds `ContextMatching`.

    Attributes:
        weight: As in `TaskConfig`.
        start: As in `TaskConfig`.
        temperature: Temperature of InfoNCE.
        symmetric: Whether key frames are also matched to clips.

    Example:
        >>> from cvrl_lite.train import recipes
        >>> recipe = recipes.laptop().replace(tasks={"context": ContextConfig(weight=1.0, symmetric=True)})
        >>> recipe.tasks["context"].temperature
        0.1
    """

    temperature: float = 0.1
    symmetric: bool = False

    reads: ClassVar[tuple[str, ...]] = ("context",)
    min_sources: ClassVar[int] = 2

    def build(self, inputs: TaskInputs) -> ContextMatching:
        """Builds the task for these inputs."""
        networks = inputs.networks
        return ContextMatching(
            inputs.context_channels,
            networks.build_frame_encoder(),
            temperature=self.temperature,
            hidden=networks.hidden,
            projection=networks.projection,
            symmetric=self.symmetric,
        )
