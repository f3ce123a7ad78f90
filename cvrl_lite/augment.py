"""Random views of a batch, made on its device: one geometry for pixels and vectors.

Axes: B batch, T time, C channel, H W pixels, S side of the decoded square, G vector cells a side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from cvrl_lite.datasets import VECTOR_STEPS, Batch

MEAN, STD = 0.45, 0.25  # of pixels in 0..1, for all three channels


@dataclass(frozen=True)
class Augmentation:
    """How strongly views differ. All but `size` and `cells` may be 0: then every view is the whole square.

    Attributes:
        size: Side of the pictures given to the networks, in pixels.
        cells: Side of the vector maps given to the motion encoder, in cells.
        least_area: Smallest share of the square that a random crop keeps; 1 keeps it whole.
        flip: Probability of mirroring left and right.
        brightness: Largest relative change of light and, separately, of contrast.
        hue: Largest turn of the colours, as a share of the circle.
        saturation: Largest relative change of saturation.
        grey: Probability of losing all colour.
        channel_mix: Strength of a random mixing of the colour channels.
        vector_scale: Pixels of the network's picture that become 1 in the motion encoder's input.
    """

    size: int = 64
    cells: int = 16
    least_area: float = 0.4
    flip: float = 0.5
    brightness: float = 0.4
    hue: float = 0.1
    saturation: float = 0.4
    grey: float = 0.2
    channel_mix: float = 0.0
    vector_scale: float = 2.0
    faithful: bool = False

    @classmethod
    def released(cls) -> Augmentation:
        """The released strengths."""
        return cls(size=112, cells=112, least_area=0.2, faithful=True)


@dataclass(frozen=True)
class Views:
    """What the networks read.

    Attributes:
        clip: (B, 3, T, size, size) float, normalised.
        keyframe: (B, 3, size, size) float, normalised.
        motion: (B, 1 + N, 3, W, cells, cells) float: x and y in units of `vector_scale`, and the mask.
        valid: (B,) bool; the near future holds at least one vector.
        sources: (B,) int64.
    """

    clip: Tensor
    keyframe: Tensor
    motion: Tensor
    valid: Tensor
    sources: Tensor
    mask: Tensor

    def point_valid(self, points: tuple[int, int, int]) -> Tensor:
        """Which points of the motion encoder's map see enough vectors: (B, 1 + N, P) bool."""
        share = F.adaptive_avg_pool3d(self.mask.flatten(0, 1)[:, None].float(), points)
        return (share >= 0.25).flatten(1).unflatten(0, self.mask.shape[:2])


@dataclass(frozen=True)
class Geometry:
    """A crop and a flip for each sample, in shares of the square.

    Attributes:
        centre: (B, 2) x and y of the crop's centre, 0..1.
        extent: (B, 2) width and height of the crop, 0..1.
        flip: (B,) bool.
    """

    centre: Tensor
    extent: Tensor
    flip: Tensor

    @classmethod
    def draw(cls, random: Tensor, least_area: float, flip: float) -> Geometry:
        """From uniform numbers (B, 5): area, aspect, x, y, flip."""
        area = least_area + (1 - least_area) * random[:, 0]
        limit = math.log(4 / 3) if least_area < 1 else 0.0
        aspect = torch.exp((2 * random[:, 1] - 1) * limit)
        extent = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], 1).clamp(max=1)
        centre = extent / 2 + random[:, 2:4] * (1 - extent)
        return cls(centre, extent, random[:, 4] < flip)

    def repeat(self, times: int) -> Geometry:
        """Each sample's geometry `times` times in a row."""
        return Geometry(*(t.repeat_interleave(times, 0) for t in (self.centre, self.extent, self.flip)))

    def sample(self, pictures: Tensor, size: int) -> Tensor:
        """(B, C, H, W) to (B, C, size, size), bilinear."""
        sign = torch.where(self.flip, -1.0, 1.0)
        theta = torch.zeros(len(pictures), 2, 3, device=pictures.device)
        theta[:, 0, 0] = self.extent[:, 0] * sign
        theta[:, 1, 1] = self.extent[:, 1]
        theta[:, :, 2] = self.centre * 2 - 1
        grid = F.affine_grid(theta, [len(pictures), 1, size, size], align_corners=False)
        return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)

    def sample_vectors(self, vectors: Tensor, mask: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Crops, flips and rescales vector maps.

        A flip negates x, and a crop that is enlarged enlarges its vectors. Masked cells take no part in
        the interpolation.

        Args:
            vectors: (B, W, 2, G, G) in pixels of the square.
            mask: (B, W, G, G) bool.
            size: Cells a side of the result.

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
        scale = 1 / self.extent  # (B, 2)
        scale = torch.stack([torch.where(self.flip, -scale[:, 0], scale[:, 0]), scale[:, 1]], 1)
        return values * scale[:, None, :, None, None] * kept[:, :, None], kept


def colour_matrix(random: Tensor, how: Augmentation) -> tuple[Tensor, Tensor]:
    """One linear change of colour a sample.

    Args:
        random: (B, 15) uniform numbers.
        how: Its strengths.

    Returns:
        A matrix (B, 3, 3) and an offset (B, 3), for pixels in 0..1.
    """
    device, batch = random.device, len(random)
    signed = 2 * random - 1
    eye = torch.eye(3, device=device).expand(batch, 3, 3)
    grey = torch.full((batch, 3, 3), 1 / 3, device=device)
    # A turn about the grey axis changes hue and keeps lightness (Rodrigues' formula).
    angle = (signed[:, 0] * how.hue * 2 * math.pi)[:, None, None]
    axis = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=device) / math.sqrt(3)
    turn = torch.cos(angle) * eye + torch.sin(angle) * axis + (1 - torch.cos(angle)) * grey
    saturation = 1 + signed[:, 1] * how.saturation
    saturation = torch.where(random[:, 2] < how.grey, 0.0, saturation)[:, None, None]
    matrix = (saturation * eye + (1 - saturation) * grey) @ turn
    matrix = (eye + how.channel_mix * signed[:, 3:12].unflatten(1, (3, 3))) @ matrix
    contrast = (1 + signed[:, 12] * how.brightness)[:, None, None]
    light = signed[:, 13] * how.brightness * MEAN
    offset = (light + MEAN * (1 - contrast[:, 0, 0]))[:, None].expand(batch, 3)
    return matrix * contrast, offset


def _uniform(seeds: Tensor, count: int, device: torch.device) -> Tensor:
    """(B, count) uniform numbers, each row from its own seed alone."""
    rows = []
    for seed in seeds.tolist():
        generator = torch.Generator().manual_seed(seed)
        rows.append(torch.rand(count, generator=generator))
    return torch.stack(rows).to(device)


def _paint(pictures: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """(B, 3, N) pixels in 0..1, recoloured and normalised."""
    return (torch.baddbmm(offset[:, :, None], matrix, pictures).clamp(0, 1) - MEAN) / STD


def augment(batch: Batch, how: Augmentation) -> Views:
    """Random views: one crop and flip for a clip and its near future, others for all the rest.

    Args:
        batch: Samples; their `seeds` decide every choice.
        how: Strengths.

    Returns:
        Float views on the batch's device.

    Source:
        The released code's kinds of augmentation, at the strengths of `how`. Rescaling vectors with the
        crop and negating x under a flip are ours (the released code does neither).
    """
    device = batch.clip.device
    size, steps = how.size, batch.clip.shape[1]
    random = _uniform(batch.seeds, 60, device)
    shared = Geometry.draw(random[:, :5], how.least_area, how.flip)
    alone = Geometry.draw(random[:, 5:10], how.least_area, how.flip)

    clip = batch.clip.permute(0, 1, 4, 2, 3).flatten(1, 2).float() / 255  # (B, 3T, S, S)
    clip = shared.sample(clip, size).unflatten(1, (steps, 3)).transpose(1, 2)  # (B, 3, T, size, size)
    frame = alone.sample(batch.keyframe.permute(0, 3, 1, 2).float() / 255, size)
    clip = _paint(clip.flatten(2), *colour_matrix(random[:, 10:25], how)).view_as(clip)
    frame = _paint(frame.flatten(2), *colour_matrix(random[:, 25:40], how)).view_as(frame)

    motion, mask = _motion_views(batch, how, shared, random[:, 40:])
    inputs = torch.cat([motion, mask[:, :, :, None].float()], 3).transpose(2, 3)
    return Views(clip, frame, inputs, mask[:, 0].flatten(1).any(1), batch.sources, mask)


def _motion_views(batch: Batch, how: Augmentation, shared: Geometry, random: Tensor) -> tuple[Tensor, Tensor]:
    """Window 0 under the clip's geometry, all others under one of their own."""
    pixels = how.size / batch.clip.shape[2] / VECTOR_STEPS / how.vector_scale
    vectors, mask = batch.motion.float() * pixels, batch.motion_mask
    others = Geometry.draw(random[:, :5], how.least_area, how.flip)
    near = shared.sample_vectors(vectors[:, 0], mask[:, 0], how.cells)
    if vectors.shape[1] == 1:
        return near[0][:, None], near[1][:, None]
    count = vectors.shape[1] - 1
    far = others.repeat(count).sample_vectors(
        vectors[:, 1:].flatten(0, 1), mask[:, 1:].flatten(0, 1), how.cells
    )
    return (
        torch.cat([near[0][:, None], far[0].unflatten(0, (-1, count))], 1),
        torch.cat([near[1][:, None], far[1].unflatten(0, (-1, count))], 1),
    )


def plain(clips: Tensor, size: int) -> Tensor:
    """The view used for evaluation: the whole square, unchanged but for its scale.

    Args:
        clips: (B, T, S, S, 3) uint8.
        size: Side in pixels.

    Returns:
        (B, 3, T, size, size) float, normalised.
    """
    batch, steps = clips.shape[:2]
    pictures = clips.flatten(0, 1).permute(0, 3, 1, 2).float() / 255
    pictures = F.interpolate(pictures, size=(size, size), mode="bilinear", align_corners=False)
    return ((pictures - MEAN) / STD).unflatten(0, (batch, steps)).transpose(1, 2)
