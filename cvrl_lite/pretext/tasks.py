"""The pretext tasks: networks and losses side by side.

Axes: B batch, C channel, T time, H W pixels, G vector cells a side, N further windows, P points,
D projection width.

Source: *Self-supervised Video Representation Learning by Context and Motion Decoupling* (CVPR 2021).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvrl_lite.models import ContextEncoder, MotionEncoder, MotionPredictor, ProjectionHead
from cvrl_lite.pretext.gather import gather, processes, shared_mean
from cvrl_lite.pretext.loss import Allowed, info_nce_in_blocks

NEGATIVES = ("places", "windows", "videos")


class ContextMatching(nn.Module):
    """A clip has to find the key frame of its own video among those of the batch.

    Args:
        ins: Channels of the clip's feature map.
        encoder: Of key frames: (B, 3, H, W) to (B, its `width`).
        temperature: Of the InfoNCE.
        hidden: Width inside the projection heads.
        outs: D.
        symmetric: Whether key frames have to find their clips, too (ours); the loss is the mean of both.

    Source:
        The paper's context matching task; one direction (clip to key frame), as released.
    """

    def __init__(
        self,
        ins: int,
        encoder: nn.Module | None = None,
        *,
        temperature: float = 0.1,
        hidden: int = 256,
        outs: int = 128,
        symmetric: bool = False,
    ) -> None:
        super().__init__()
        self.encoder = ContextEncoder() if encoder is None else encoder
        self.clip_head = ProjectionHead(ins, hidden, outs)
        self.frame_head = ProjectionHead(_width(self.encoder), hidden, outs)
        self.temperature, self.symmetric = temperature, symmetric

    def forward(self, clip_map: Tensor, keyframe: Tensor, sources: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and the top-1 accuracy (from clip to key frame).

        Args:
            clip_map: (B, C, T, H, W) a feature map of the clips.
            keyframe: (B, 3, H, W) key frames, normalized RGB.
            sources: (B,) integers; rows with the same number come from one video.
        """
        clips, frames = self.project(clip_map, keyframe)
        others = gather(sources)

        def allowed(rows: Tensor) -> Tensor:
            return sources[rows, None] != others

        loss, accuracy = info_nce_in_blocks(clips, gather(frames), self.temperature, allowed=allowed)
        if self.symmetric:
            back, _ = info_nce_in_blocks(frames, gather(clips), self.temperature, allowed=allowed)
            loss = (loss + back) / 2
        return loss, accuracy

    def project(self, clip_map: Tensor, keyframe: Tensor) -> tuple[Tensor, Tensor]:
        """What is compared: clips (B, D) and their key frames (B, D)."""
        return self.clip_head(clip_map.mean((2, 3, 4))), self.frame_head(self.encoder(keyframe))


class MotionPrediction(nn.Module):
    """From a clip, predict the features of the motion vectors of its near future, point by point.

    Negatives of a point: all other points of its window ("places"), all points of other windows of its own
    video ("windows"), and all points of the other videos' windows ("videos").

    Args:
        predictor: From the clip's map to (B, P, its `width`).
        encoder: Of windows: (B, channels, T, G, G) to a map (B, its `width`, t, g, g), t g g = P.
        temperature: Of the InfoNCE.
        hidden: Width inside the projection heads.
        outs: D.
        negatives: Which of the three kinds are compared.

    Raises:
        ValueError: An unknown kind of negatives.

    Source:
        The paper's motion prediction task. Leaving points without vectors out of the comparison is ours.
    """

    def __init__(
        self,
        predictor: MotionPredictor,
        encoder: nn.Module | None = None,
        *,
        temperature: float = 0.1,
        hidden: int = 256,
        outs: int = 128,
        negatives: Iterable[str] = NEGATIVES,
    ) -> None:
        super().__init__()
        self.encoder = MotionEncoder() if encoder is None else encoder
        self.predictor = predictor
        self.predicted_head = ProjectionHead(predictor.width, hidden, outs)
        self.target_head = ProjectionHead(_width(self.encoder), hidden, outs)
        self.temperature, self.negatives = temperature, frozenset(negatives)
        if self.negatives - set(NEGATIVES):
            raise ValueError(f"negatives are some of {', '.join(NEGATIVES)}; got {sorted(self.negatives)}")

    def forward(
        self, clip_map: Tensor, motion: Tensor, valid: Tensor, sources: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The loss and the top-1 accuracy, over points.

        Args:
            clip_map: (B, C, T, H, W) a feature map of the clips.
            motion: (B, 1 + N, channels, T, G, G) windows; window 0 is the near future, the N others are
                further windows of the same video.
            valid: (B, 1 + N, P) bool; points that hold enough vectors to be a query or a key.
            sources: (B,) integers; rows with the same number come from one video.
        """
        queries, keys = self.project(clip_map, motion)
        near = len(queries)
        keys = torch.cat([gather(keys[:near]), gather(keys[near:])])
        return info_nce_in_blocks(
            queries,
            keys,
            self.temperature,
            valid[:, 0].flatten(),
            allowed=self._allowed(valid, sources, valid.shape[2]),
        )

    def project(self, clip_map: Tensor, motion: Tensor) -> tuple[Tensor, Tensor]:
        """What is compared: predictions (B P, D), and the windows' points ((1+N) B P, D), futures first."""
        predicted = self.predictor(clip_map)  # (B, P, D)
        maps = self.encoder(motion.transpose(0, 1).flatten(0, 1))  # ((1+N) B, C, t, g, g)
        rows = maps.flatten(2).transpose(1, 2).flatten(0, 1)  # ((1+N) B P, C)
        return self.predicted_head(predicted.flatten(0, 1)), self.target_head(rows)

    def _allowed(self, valid: Tensor, sources: Tensor, points: int) -> Allowed | None:
        """Which keys may stand beside which query; None where all may."""
        batch, (rank, world) = len(valid), processes()
        usable, everyone = _keys_first(valid), gather(sources)
        if self.negatives == set(NEGATIVES) and usable.all() and len(everyone.unique()) == len(everyone):
            return None
        owners = _keys_first(sources[:, None, None].expand_as(valid))
        number = torch.arange(batch, device=valid.device) + rank * batch
        samples = _keys_first(number[:, None, None].expand_as(valid))
        own_samples, own_sources = number.repeat_interleave(points), sources.repeat_interleave(points)
        future = torch.arange(len(usable), device=valid.device) < batch * world * points

        def allowed(rows: Tensor) -> Tensor:
            mine = own_samples[rows, None] == samples
            kept = mine | (own_sources[rows, None] != owners)  # another clip of the same video is no negative
            if "places" not in self.negatives:
                kept &= ~(mine & future)
            if "windows" not in self.negatives:
                kept &= ~mine | future
            if "videos" not in self.negatives:
                kept &= mine
            return kept & usable

        return allowed


class ResidualPrediction(MotionPrediction):
    """The same riddle about what vectors cannot tell: predict the features of the near future's residual.

    Networks, negatives and loss are those of `MotionPrediction`; the maps it reads are a residual's.

    Args:
        predictor: From the clip's map to (B, P, its `width`).
        encoder: Of windows of residuals: (B, 3, T, G, G), mean, mean size and mask, to a map.
        temperature: Of the InfoNCE.
        hidden: Width inside the projection heads.
        outs: D.
        negatives: Which of the three kinds are compared.

    Source:
        Ours: the paper leaves the residual out.
    """


class MotionRegression(nn.Module):
    """Motion prediction without comparisons: hit the target itself. For the ablation of InfoNCE.

    Args:
        predictor: From the clip's map to (B, P, its `width`).
        target: "vectors": each point's patch of the future window, x and y, by the smooth L1 distance over
            cells that hold a vector. "features": the motion encoder's projection of that point, by the
            squared distance of unit vectors. No gradient flows into the target, or one constant would solve
            the task at once; so encoder and target head keep their random start for ever, and the target is
            a fixed random summary of the vectors.
        encoder: Of windows, for "features".
        window: (T, G): vector maps of a window and cells a side, for "vectors".
        hidden: Width inside the projection heads.
        outs: D.

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
        outs: int = 128,
    ) -> None:
        super().__init__()
        self.predictor, self.target = predictor, target
        times, rows, columns = predictor.points
        self._patch = (window[0] // times, window[1] // rows, window[1] // columns)
        if target == "features":
            self.encoder = MotionEncoder() if encoder is None else encoder
            self.predicted_head: nn.Module = ProjectionHead(predictor.width, hidden, outs)
            self.target_head = ProjectionHead(_width(self.encoder), hidden, outs)
        else:
            length = 2 * self._patch[0] * self._patch[1] * self._patch[2]
            self.predicted_head = nn.Linear(predictor.width, length)

    def forward(self, clip_map: Tensor, motion: Tensor, mask: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """The loss, and the share of the target's variance that is explained (below 0: worse than its mean).

        Args:
            clip_map: (B, C, T, H, W) a feature map of the clips.
            motion: (B, 1 + N, channels, T, G, G) windows, of which the near future is read.
            mask: (B, 1 + N, T, G, G) bool; cells that hold a vector.
            valid: (B, 1 + N, P) bool; points that count.
        """
        predicted = self.predicted_head(self.predictor(clip_map).flatten(0, 1)).float()
        counted = valid[:, 0].flatten()[:, None]  # (B P, 1)
        if self.target == "vectors":
            wanted = self._patches(motion[:, 0, :2])
            weight = self._patches(mask[:, 0, None].expand(-1, 2, -1, -1, -1)) & counted
            wanted = wanted.float()
            loss = F.smooth_l1_loss(predicted, wanted, reduction="none") * weight
            return shared_mean(loss.sum(), weight.sum()), _explained(predicted, wanted, weight)
        with torch.no_grad():
            wanted = self.encoder(motion[:, 0]).flatten(2).transpose(1, 2).flatten(0, 1)
            wanted = F.normalize(self.target_head(wanted).float(), dim=1)
        predicted, weight = F.normalize(predicted, dim=1), counted.expand_as(wanted)
        loss = ((predicted - wanted) ** 2 * weight).sum()
        return shared_mean(loss, counted.sum()), _explained(predicted, wanted, weight)

    def _patches(self, maps: Tensor) -> Tensor:
        """(B, 2, T, G, G) to (B P, values of a point's patch)."""
        times, rows, columns = self._patch
        split = maps.unflatten(2, (-1, times)).unflatten(4, (-1, rows)).unflatten(6, (-1, columns))
        patches: Tensor = split.permute(0, 2, 4, 6, 1, 3, 5, 7).flatten(0, 3).flatten(1)
        return patches


def _explained(predicted: Tensor, wanted: Tensor, weight: Tensor) -> Tensor:
    """Of this process's points; where several train, the log holds the mean of theirs."""
    chosen, guess = wanted[weight], predicted.detach()[weight]
    if not len(chosen):
        return predicted.new_zeros(())
    return 1 - (guess - chosen).square().mean() / chosen.var(unbiased=False).clamp(min=1e-8)


def _keys_first(values: Tensor) -> Tensor:
    """(B, 1 + N, P) of this process to the order of the keys of all: ((1 + N) W B P,), futures first."""
    return torch.cat([gather(values[:, 0]).flatten(), gather(values[:, 1:].transpose(0, 1)).flatten()])


def _width(encoder: nn.Module) -> int:
    width = encoder.width
    assert isinstance(width, int)
    return width
