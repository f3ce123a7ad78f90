"""Crops and flips of a batch, with the same geometry for pixels and vectors.

Axes: B batch, T time, C channel, H W pixels, G vector cells per side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

_POINT_SHARE = 0.25  # of a point's cells that must hold a vector


@dataclass(frozen=True)
class Geometry:
    """A crop and a flip for each sample, in shares of the square.

    Attributes:
        center: (B, 2) x and y of the crop's center, 0..1.
        extent: (B, 2) width and height of the crop, 0..1.
        flip: (B,) bool.

    Example:
        >>> center, extent = torch.tensor([[0.25, 0.5]]), torch.tensor([[0.5, 1.0]])
        >>> left_half = Geometry(center, extent, flip=torch.tensor([False]))
        >>> left_half.sample(torch.rand(1, 3, 72, 72), 64).shape
        torch.Size([1, 3, 64, 64])
    """

    center: Tensor
    extent: Tensor
    flip: Tensor

    @classmethod
    def random(cls, uniform: Tensor, min_scale: float, flip: float) -> Geometry:
        """Random crops and flips.

        Args:
            uniform: (B, 5) uniform numbers, 0..1: area, aspect, x, y, flip.
            min_scale: Smallest share of the square that a crop keeps.
            flip: Probability of a flip.
        """
        area = min_scale + (1 - min_scale) * uniform[:, 0]
        limit = math.log(4 / 3) if min_scale < 1 else 0.0
        aspect = torch.exp((2 * uniform[:, 1] - 1) * limit)
        extent = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], 1).clamp(max=1)
        center = extent / 2 + uniform[:, 2:4] * (1 - extent)
        return cls(center, extent, uniform[:, 4] < flip)

    def repeat(self, times: int) -> Geometry:
        """Repeats each sample's geometry `times` times."""
        return Geometry(*(t.repeat_interleave(times, 0) for t in (self.center, self.extent, self.flip)))

    def sample(self, images: Tensor, size: int) -> Tensor:
        """Crops, flips and resizes images, bilinear.

        Args:
            images: (B, C, H, W) float.
            size: Side of the result.

        Returns:
            (B, C, size, size).
        """
        sign = torch.where(self.flip, -1.0, 1.0)
        theta = torch.zeros(len(images), 2, 3, device=images.device)
        theta[:, 0, 0] = self.extent[:, 0] * sign
        theta[:, 1, 1] = self.extent[:, 1]
        theta[:, :, 2] = self.center * 2 - 1
        grid = F.affine_grid(theta, [len(images), 1, size, size], align_corners=False)
        return F.grid_sample(images, grid, padding_mode="border", align_corners=False)

    def sample_vectors(
        self, vectors: Tensor, mask: Tensor, size: int, *, rescale: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Crops, flips and resizes vector maps.

        A flip negates x, and resizing a crop scales its vectors. Masked cells are left out of the
        interpolation.

        Args:
            vectors: (B, W, 2, G, G) in pixels of the square.
            mask: (B, W, G, G) bool.
            size: Cells a side of the result.
            rescale: Whether signs and lengths change with the geometry. False for the released code's
                behavior, and for maps that are not vectors, such as residuals.

        Returns:
            Vectors (B, W, 2, size, size), in pixels of a square whose crop was enlarged to its full side,
            0 where masked, and mask (B, W, size, size) bool.
        """
        steps = mask.shape[1]
        weight = mask.float()
        stacked = torch.cat([(vectors * weight[:, :, None]).flatten(1, 2), weight], 1)  # (B, 3W, G, G)
        stacked = self.sample(stacked, size)
        values, weight = stacked[:, : 2 * steps], stacked[:, 2 * steps :]
        kept = weight >= 0.5
        values = values.unflatten(1, (steps, 2)) / weight.clamp(min=0.5)[:, :, None]
        if not rescale:
            return values * kept[:, :, None], kept
        scale = 1 / self.extent  # (B, 2)
        scale = torch.stack([torch.where(self.flip, -scale[:, 0], scale[:, 0]), scale[:, 1]], 1)
        return values * scale[:, None, :, None, None] * kept[:, :, None], kept


def valid_points(mask: Tensor, points: tuple[int, int, int]) -> Tensor:
    """Which points of an encoder's map see something valid in at least a quarter of their cells (ours).

    Args:
        mask: (B, 1 + N, W, cells, cells) bool.
        points: Times, rows and columns of the map, P in all.

    Returns:
        (B, 1 + N, P) bool, times first, then rows.

    Example:
        >>> mask = torch.ones(1, 1, 8, 16, 16, dtype=torch.bool)
        >>> mask[..., :4, :4] = False
        >>> valid_points(mask, (1, 4, 4))[0, 0, :2]
        tensor([False,  True])
    """
    share = F.adaptive_avg_pool3d(mask.flatten(0, 1)[:, None].float(), points)
    valid: Tensor = (share >= _POINT_SHARE).flatten(1).unflatten(0, mask.shape[:2])
    return valid
