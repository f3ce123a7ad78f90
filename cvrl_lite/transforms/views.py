"""Random views of a batch for training, made on its device: one geometry for pixels and vectors.

Axes: B batch, T time, C channel, H W pixels, S side of the decoded square, G vector cells per side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from cvrl_lite.datasets import RESIDUAL_STEPS, VECTOR_STEPS, Batch
from cvrl_lite.reprs import short_repr
from cvrl_lite.transforms.augmentation import Augmentation
from cvrl_lite.transforms.color import apply_color, color_matrix, gaussian_blur, normalize
from cvrl_lite.transforms.geometry import Geometry, valid_points


@dataclass(frozen=True)
class Views:
    """What the networks read.

    Attributes:
        clip: (B, 3, T, size, size) float, normalized.
        keyframe: (B, 3, size, size) float, normalized.
        motion: (B, 1 + N, 3, W, cells, cells) float: x and y in units of `vector_scale`, and the mask; two
            channels where the augmentation is `faithful`.
        sources: (B,) int64.
        mask: (B, 1 + N, W, cells, cells) bool; cells that hold a vector.
        residual: (B, 1 + N, 3, W, cells, cells) float: mean residual and its mean size, in units of
            `residual_scale`, and the mask; None if the batch has no residuals.
        residual_mask: (B, 1 + N, W, cells, cells) bool; cells that hold a residual.

    Example:
        >>> from cvrl_lite import data_path, datasets
        >>> videos = datasets.VideoDataset([datasets.Entry(data_path("sample.mp4"), "sample", {})])
        >>> views = augment(datasets.collate([videos[0]]))
        >>> tuple(views.motion.shape), views.valid_points((1, 4, 4)).shape
        ((1, 2, 3, 8, 16, 16), torch.Size([1, 2, 16]))
    """

    clip: Tensor
    keyframe: Tensor
    motion: Tensor
    sources: Tensor
    mask: Tensor
    residual: Tensor | None = None
    residual_mask: Tensor | None = None

    def __repr__(self) -> str:
        return short_repr(self)

    def valid_points(self, points: tuple[int, int, int]) -> Tensor:
        """Which points of the motion encoder's map see vectors in at least a quarter of their cells (ours).

        Args:
            points: Times, rows and columns of that map, P in all.

        Returns:
            (B, 1 + N, P) bool, times first, then rows.
        """
        return valid_points(self.mask, points)


def augment(batch: Batch, config: Augmentation | None = None) -> Views:
    """Random views: a clip and its near future share one crop and flip, key frame and negatives have others.

    Args:
        batch: Samples; all random numbers come from their `seeds`.
        config: Strengths; `Augmentation()` if None.

    Returns:
        Float views on the batch's device.

    Raises:
        TypeError: `batch` is not a `Batch`, but a single sample, for example.

    Source:
        The released code's kinds of augmentation, at the strengths of `config`. Rescaling vectors with the
        crop and negating x under a flip are ours (the released code does neither; see `faithful`).

    Example:
        >>> from cvrl_lite import data_path, datasets
        >>> videos = datasets.VideoDataset([datasets.Entry(data_path("sample.mp4"), "sample", {})])
        >>> batch = datasets.collate([videos[0], videos[0]])
        >>> augment(batch, Augmentation(size=48)).clip.shape
        torch.Size([2, 3, 8, 48, 48])
    """
    if not isinstance(batch, Batch):
        kind = type(batch).__name__
        raise TypeError(
            f"augment takes a Batch, not a {kind}: datasets.collate makes one of a list of samples"
        )
    config = config or Augmentation()
    device = batch.clip.device
    size, steps = config.size, batch.clip.shape[1]
    negatives = batch.motion.shape[1] - 1
    random, more = _uniform(batch.seeds, (60, 6 + 5 * negatives), device)
    near = Geometry.random(random[:, :5], config.min_scale, config.hflip)  # the clip's
    still = Geometry.random(random[:, 5:10], config.min_scale, config.hflip)  # the key frame's

    clip = batch.clip.permute(0, 1, 4, 2, 3).flatten(1, 2).float() / 255  # (B, 3T, S, S)
    clip = near.sample(clip, size).unflatten(1, (steps, 3)).transpose(1, 2)  # (B, 3, T, size, size)
    keyframe = batch.keyframe.flip(-1) if config.faithful else batch.keyframe
    keyframe = still.sample(keyframe.permute(0, 3, 1, 2).float() / 255, size)
    if config.gaussian_blur_prob:
        sigmas = (0.1 + 1.9 * more[:, 0:2]) * (more[:, 2:4] < config.gaussian_blur_prob)
        clip = gaussian_blur(clip.flatten(1, 2), sigmas[:, 0]).view_as(clip)
        keyframe = gaussian_blur(keyframe, sigmas[:, 1])
    clip = _jitter(clip, random[:, 10:25], more[:, 4], config)
    keyframe = _jitter(keyframe, random[:, 25:40], more[:, 5], config)

    if config.faithful:
        uniform = more[:, 6:].unflatten(1, (negatives, 5)).flatten(0, 1)
        far = Geometry.random(uniform, config.min_scale, config.hflip)
    else:
        far = Geometry.random(random[:, 40:45], config.min_scale, config.hflip).repeat(negatives)
    scale = size / batch.clip.shape[2] / VECTOR_STEPS / config.vector_scale
    vectors = batch.motion.float() * scale
    motion, mask = _sample_windows(
        vectors, batch.motion_mask, near, far, cells=config.cells, rescale=not config.faithful
    )
    if config.vector_clamp is not None:
        limit = config.vector_clamp / config.vector_scale
        motion = motion.clamp(-limit, limit)
    channels = [motion] if config.faithful else [motion, mask[:, :, :, None].float()]
    views = Views(clip, keyframe, torch.cat(channels, 3).transpose(2, 3), batch.sources, mask)
    if batch.residual is None or batch.residual_mask is None:
        return views
    levels = batch.residual.float() / RESIDUAL_STEPS / config.residual_scale
    levels, mask = _sample_windows(levels, batch.residual_mask, near, far, cells=config.cells, rescale=False)
    channels = [levels, mask[:, :, :, None].float()]
    return replace(views, residual=torch.cat(channels, 3).transpose(2, 3), residual_mask=mask)


def _uniform(seeds: Tensor, counts: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Uniform numbers (B, count) for each count; each row depends only on its own seed."""
    rows = []
    for seed in seeds.tolist():
        generator = torch.Generator().manual_seed(seed)
        rows.append([torch.rand(count, generator=generator) for count in counts])
    first, second = (torch.stack(part).to(device) for part in zip(*rows, strict=True))
    return first, second


def _jitter(images: Tensor, random: Tensor, chance: Tensor, config: Augmentation) -> Tensor:
    """Images (B, 3, ...) in 0..1, recolored and normalized."""
    pixels = apply_color(images.flatten(2), *color_matrix(random, config, chance))
    return normalize(pixels, config.mean, config.std, dim=-2).view_as(images)


def _sample_windows(
    maps: Tensor, mask: Tensor, near: Geometry, far: Geometry, *, cells: int, rescale: bool
) -> tuple[Tensor, Tensor]:
    """Maps (B, 1 + N, W, 2, cells, cells) and mask: window 0 under `near`, the negatives under `far`."""
    values, kept = near.sample_vectors(maps[:, 0], mask[:, 0], cells, rescale=rescale)
    values, kept = values[:, None], kept[:, None]
    negatives = maps.shape[1] - 1
    if not negatives:
        return values, kept
    others = far.sample_vectors(maps[:, 1:].flatten(0, 1), mask[:, 1:].flatten(0, 1), cells, rescale=rescale)
    far_values, far_kept = (part.unflatten(0, (-1, negatives)) for part in others)
    return torch.cat([values, far_values], 1), torch.cat([kept, far_kept], 1)
