"""The two pretext tasks and the loss they share.

Axes: B batch, C channel, T time, H W pixels, G vector cells a side, P points, D projection width.

Source: *Self-supervised Video Representation Learning by Context and Motion Decoupling* (CVPR 2021).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cvrl_lite.models import ContextEncoder, MotionEncoder, MotionPredictor, ProjectionHead


def info_nce(
    queries: Tensor,
    keys: Tensor,
    temperature: float,
    valid: Tensor | None = None,
    *,
    allowed: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """InfoNCE: each query has to find its own key among all keys.

    Args:
        queries: (N, D) float.
        keys: (M, D) float, M >= N. Row i's positive is key i; all further keys are its negatives.
        temperature: Divides the cosine; small values look at the hardest negatives only. Above 0.
        valid: (N,) bool; rows that count. All, where it is None.
        allowed: (N, M) bool; pairs that may stand in the comparison. A positive always does.

    Returns:
        The mean loss over the valid rows, in nats, and the share of them whose own key scores highest.
        Both are 0 when no row is valid.

    Raises:
        ValueError: There are fewer keys than queries, or their widths differ.

    Source:
        The released code; van den Oord et al. 2018 (arXiv 1807.03748) for the loss.

    Example:
        >>> loss, accuracy = info_nce(torch.eye(4), torch.eye(4), temperature=0.1)
        >>> bool(loss < 0.001), float(accuracy)
        (True, 1.0)
    """
    if queries.ndim != 2 or keys.ndim != 2 or queries.shape[1] != keys.shape[1] or len(keys) < len(queries):
        raise ValueError(
            "info_nce takes queries (N, D) and keys (M, D), M >= N; "
            f"got {tuple(queries.shape)} and {tuple(keys.shape)}"
        )
    logits = F.normalize(queries.float(), dim=1) @ F.normalize(keys.float(), dim=1).T / temperature
    targets = torch.arange(len(queries), device=queries.device)
    if allowed is not None:
        own = torch.zeros_like(allowed)
        own[targets, targets] = True
        logits = logits.masked_fill(~(allowed | own), float("-inf"))
    if valid is not None:
        logits, targets = logits[valid], targets[valid]
    if not len(targets):
        return logits.sum() * 0.0, logits.new_zeros(())
    accuracy = (logits.argmax(1) == targets).float().mean()
    return F.cross_entropy(logits, targets), accuracy


def different_sources(sources: Tensor) -> Tensor:
    """Pairs (B, B) that may be each other's negatives: rows of different videos, and each with itself."""
    other = sources[:, None] != sources[None]
    return other | torch.eye(len(sources), dtype=torch.bool, device=sources.device)


class ContextMatching(nn.Module):
    """A clip has to find the key frame of its own video among those of the batch.

    Args:
        ins: Channels of the clip's feature map.
        temperature: Of the InfoNCE.

    Source:
        The paper's context matching task; one direction (clip to key frame), as released.
    """

    def __init__(self, ins: int, temperature: float = 0.1) -> None:
        super().__init__()
        self.encoder = ContextEncoder()
        self.clip_head = ProjectionHead(ins)
        self.frame_head = ProjectionHead(self.encoder.width)
        self.temperature = temperature

    def forward(self, clip_map: Tensor, keyframe: Tensor, sources: Tensor) -> tuple[Tensor, Tensor]:
        """The loss and the top-1 accuracy.

        Args:
            clip_map: (B, C, T, H, W) a feature map of the clips.
            keyframe: (B, 3, H, W) key frames, normalised RGB.
            sources: (B,) integers; rows with the same number come from one video.
        """
        clips = self.clip_head(clip_map.mean((2, 3, 4)))
        frames = self.frame_head(self.encoder(keyframe))
        return info_nce(clips, frames, self.temperature, allowed=different_sources(sources))


class MotionPrediction(nn.Module):
    """From a clip, predict the features of the motion vectors of its near future, point by point.

    Negatives of a point: all other points of its window, all points of the other videos' windows, and
    all points of other windows of its own video.

    Args:
        ins: Channels of the clip's feature map.
        grid: Times, rows and columns of that map.
        points: Times, rows and columns of a motion window's feature map.
        temperature: Of the InfoNCE.

    Source:
        The paper's motion prediction task. The mask as a third channel of the vectors is ours.
    """

    def __init__(
        self,
        ins: int,
        *,
        grid: tuple[int, int, int],
        points: tuple[int, int, int],
        temperature: float = 0.1,
    ) -> None:
        super().__init__()
        self.encoder = MotionEncoder()
        self.predictor = MotionPredictor(ins, grid=grid, points=points)
        self.predicted_head = ProjectionHead(self.predictor.width)
        self.target_head = ProjectionHead(self.encoder.width)
        self.temperature = temperature

    def forward(
        self, clip_map: Tensor, motion: Tensor, valid: Tensor, sources: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The loss and the top-1 accuracy, over points.

        Args:
            clip_map: (B, C, T, H, W) a feature map of the clips.
            motion: (B, 1 + N, 3, T, G, G) windows: x, y and mask; window 0 is the near future, the N
                others are further windows of the same video.
            valid: (B,) bool; clips whose near future holds any vector.
            sources: (B,) integers; rows with the same number come from one video.
        """
        windows = motion.shape[1]
        predicted = self.predictor(clip_map)  # (B, P, D)
        points = predicted.shape[1]
        maps = self.encoder(motion.transpose(0, 1).flatten(0, 1))  # ((1+N) B, C, t, g, g): futures first
        keys = self.target_head(maps.flatten(2).transpose(1, 2).flatten(0, 1))  # ((1+N) B P, D)
        queries = self.predicted_head(predicted.flatten(0, 1))  # (B P, D)
        pairs = different_sources(sources).repeat(1, windows)  # (B, (1+N) B)
        allowed = None
        if not pairs.all():
            allowed = pairs.repeat_interleave(points, 0).repeat_interleave(points, 1)
        return info_nce(queries, keys, self.temperature, valid.repeat_interleave(points), allowed=allowed)
