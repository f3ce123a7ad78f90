"""Random views of a batch, made on its device: one geometry for pixels and vectors.

Axes: B batch, T time, C channel, H W pixels, S side of the decoded square, G vector cells a side.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from cvrl_lite.datasets import RESIDUAL_STEPS, VECTOR_STEPS, Batch

MEAN, STD = 0.45, 0.25  # of pixels in 0..1, for all three channels
_STATISTICS = {
    "plain": ((MEAN,) * 3, (STD,) * 3),
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}
_BLUR_RADIUS = 6  # pixels; three times the largest sigma
_POINT_SHARE = 0.25  # of a point's cells that must hold a vector


@dataclass(frozen=True)
class Augmentation:
    """How strongly views differ. All but `size` and `cells` may be 0: then every view is the whole square.

    Attributes:
        size: Side of the pictures given to the networks, in pixels.
        cells: Side of the vector maps given to the motion encoder, in cells.
        least_area: Smallest share of the square that a random crop keeps; 1 keeps it whole.
        flip: Probability of mirroring left and right.
        jitter: Probability of any change of light, contrast, hue and saturation.
        brightness: Largest relative change of light and, separately, of contrast.
        hue: Largest turn of the colors, as a share of the circle.
        saturation: Largest relative change of saturation.
        gray: Probability of losing all color.
        blur: Probability of a Gaussian blur, of a sigma of .1 to 2 pixels that all of a clip shares.
        normalize: Which mean and deviation pixels get: "plain" (.45 and .25) or "imagenet".
        vector_scale: Pixels of the network's picture that become 1 in the motion encoder's input.
        vector_clamp: Longest x and y, in pixels of the network's picture; None keeps all.
        residual_scale: Gray levels that become 1 in the residual encoder's input.
        faithful: Whether to do as the released code does: a flip leaves the sign of x, a crop the length of
            vectors; the key frame's colors come in the order BGR; each further window has a crop of its
            own; and the motion encoder gets x and y without the mask.
    """

    size: int = 64
    cells: int = 16
    least_area: float = 0.4
    flip: float = 0.5
    jitter: float = 1.0
    brightness: float = 0.4
    hue: float = 0.1
    saturation: float = 0.4
    gray: float = 0.2
    blur: float = 0.0
    normalize: Literal["plain", "imagenet"] = "plain"
    vector_scale: float = 2.0
    vector_clamp: float | None = None
    residual_scale: float = 4.0
    faithful: bool = False

    @classmethod
    def released(cls, *, height: int = 240, faithful: bool = False) -> Augmentation:
        """The released strengths.

        Args:
            height: Of the videos, in pixels: vectors were clamped at 10 of those pixels, and divided by 10.
            faithful: Whether with the release's oddities, too.
        """
        ten = 10 * 112 / height
        return cls(
            size=112,
            cells=112,
            least_area=0.2,
            jitter=0.5,
            blur=0.5,
            normalize="imagenet",
            vector_scale=ten,
            vector_clamp=ten,
            faithful=faithful,
        )


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
            `residual_scale`, and the mask; None where the batch has no residuals.
        residual_mask: (B, 1 + N, W, cells, cells) bool; cells that hold a residual.
    """

    clip: Tensor
    keyframe: Tensor
    motion: Tensor
    sources: Tensor
    mask: Tensor
    residual: Tensor | None = None
    residual_mask: Tensor | None = None

    def point_valid(self, points: tuple[int, int, int]) -> Tensor:
        """Which points of the motion encoder's map see vectors in a quarter of their cells, or more (ours).

        Args:
            points: Times, rows and columns of that map, P in all.

        Returns:
            (B, 1 + N, P) bool, times first, then rows.
        """
        return enough(self.mask, points)


def enough(mask: Tensor, points: tuple[int, int, int]) -> Tensor:
    """Which points of an encoder's map see something valid in a quarter of their cells, or more (ours).

    Args:
        mask: (B, 1 + N, W, cells, cells) bool.
        points: Times, rows and columns of the map, P in all.

    Returns:
        (B, 1 + N, P) bool, times first, then rows.
    """
    share = F.adaptive_avg_pool3d(mask.flatten(0, 1)[:, None].float(), points)
    return (share >= _POINT_SHARE).flatten(1).unflatten(0, mask.shape[:2])


@dataclass(frozen=True)
class Geometry:
    """A crop and a flip for each sample, in shares of the square.

    Attributes:
        center: (B, 2) x and y of the crop's center, 0..1.
        extent: (B, 2) width and height of the crop, 0..1.
        flip: (B,) bool.
    """

    center: Tensor
    extent: Tensor
    flip: Tensor

    @classmethod
    def draw(cls, random: Tensor, least_area: float, flip: float) -> Geometry:
        """From uniform numbers (B, 5): area, aspect, x, y, flip."""
        area = least_area + (1 - least_area) * random[:, 0]
        limit = math.log(4 / 3) if least_area < 1 else 0.0
        aspect = torch.exp((2 * random[:, 1] - 1) * limit)
        extent = torch.stack([(area * aspect).sqrt(), (area / aspect).sqrt()], 1).clamp(max=1)
        center = extent / 2 + random[:, 2:4] * (1 - extent)
        return cls(center, extent, random[:, 4] < flip)

    def repeat(self, times: int) -> Geometry:
        """Each sample's geometry `times` times in a row."""
        return Geometry(*(t.repeat_interleave(times, 0) for t in (self.center, self.extent, self.flip)))

    def sample(self, pictures: Tensor, size: int) -> Tensor:
        """(B, C, H, W) to (B, C, size, size), bilinear."""
        sign = torch.where(self.flip, -1.0, 1.0)
        theta = torch.zeros(len(pictures), 2, 3, device=pictures.device)
        theta[:, 0, 0] = self.extent[:, 0] * sign
        theta[:, 1, 1] = self.extent[:, 1]
        theta[:, :, 2] = self.center * 2 - 1
        grid = F.affine_grid(theta, [len(pictures), 1, size, size], align_corners=False)
        return F.grid_sample(pictures, grid, padding_mode="border", align_corners=False)

    def sample_vectors(
        self, vectors: Tensor, mask: Tensor, size: int, *, as_they_are: bool = False
    ) -> tuple[Tensor, Tensor]:
        """Crops, flips and rescales vector maps.

        A flip negates x, and a crop that is enlarged enlarges its vectors. Masked cells take no part in
        the interpolation.

        Args:
            vectors: (B, W, 2, G, G) in pixels of the square.
            mask: (B, W, G, G) bool.
            size: Cells a side of the result.
            as_they_are: Leaves signs and lengths: as the released code does, and for what is no vector.

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
        if as_they_are:
            return values * kept[:, :, None], kept
        scale = 1 / self.extent  # (B, 2)
        scale = torch.stack([torch.where(self.flip, -scale[:, 0], scale[:, 0]), scale[:, 1]], 1)
        return values * scale[:, None, :, None, None] * kept[:, :, None], kept


def color_matrix(random: Tensor, how: Augmentation, chance: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """One linear change of color a sample. (Released: four changes in random order; one matrix is ours.)

    Args:
        random: (B, 15) uniform numbers; 3 to 11 have no use any more, and keep their place so that a seed
            gives the views it always gave.
        how: Its strengths.
        chance: (B,) uniform numbers that decide, with `how.jitter`, whether there is any; None: there is.

    Returns:
        A matrix (B, 3, 3) and an offset (B, 3), for pixels in 0..1.
    """
    device, batch = random.device, len(random)
    signed = 2 * random - 1
    if chance is not None:
        signed = signed * (chance < how.jitter)[:, None]
    eye = torch.eye(3, device=device).expand(batch, 3, 3)
    gray = torch.full((batch, 3, 3), 1 / 3, device=device)
    # A turn about the gray axis changes hue and keeps lightness (Rodrigues' formula).
    angle = (signed[:, 0] * how.hue * 2 * math.pi)[:, None, None]
    axis = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=device) / math.sqrt(3)
    turn = torch.cos(angle) * eye + torch.sin(angle) * axis + (1 - torch.cos(angle)) * gray
    saturation = 1 + signed[:, 1] * how.saturation
    saturation = torch.where(random[:, 2] < how.gray, 0.0, saturation)[:, None, None]
    matrix = (saturation * eye + (1 - saturation) * gray) @ turn
    contrast = (1 + signed[:, 12] * how.brightness)[:, None, None]
    light = signed[:, 13] * how.brightness * MEAN
    offset = (light + MEAN * (1 - contrast[:, 0, 0]))[:, None].expand(batch, 3)
    return matrix * contrast, offset


def blurred(pictures: Tensor, sigmas: Tensor) -> Tensor:
    """Gaussian blur, each sample with its own sigma; the border is repeated.

    Args:
        pictures: (B, C, H, W) float.
        sigmas: (B,) pixels; 0 leaves a sample as it is.
    """
    places = torch.arange(-_BLUR_RADIUS, _BLUR_RADIUS + 1, device=pictures.device)
    kernel = torch.exp(-0.5 * (places / sigmas.clamp(min=1e-3)[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(pictures.shape[1], 0)  # (B C, K)
    joined = F.pad(pictures, (_BLUR_RADIUS,) * 4, mode="replicate").flatten(0, 1)[None]
    joined = F.conv2d(joined, kernel[:, None, None, :], groups=len(kernel))
    return F.conv2d(joined, kernel[:, None, :, None], groups=len(kernel)).view_as(pictures)


def _uniform(seeds: Tensor, counts: tuple[int, int], device: torch.device) -> tuple[Tensor, Tensor]:
    """Uniform numbers (B, count) for each count; each row comes from its own seed alone."""
    rows = []
    for seed in seeds.tolist():
        generator = torch.Generator().manual_seed(seed)
        rows.append([torch.rand(count, generator=generator) for count in counts])
    first, second = (torch.stack(part).to(device) for part in zip(*rows, strict=True))
    return first, second


def _paint(pictures: Tensor, matrix: Tensor, offset: Tensor, normalize: str) -> Tensor:
    """(B, 3, N) pixels in 0..1, recolored and normalized."""
    mean, std = (pictures.new_tensor(values)[:, None] for values in _STATISTICS[normalize])
    return (torch.baddbmm(offset[:, :, None], matrix, pictures).clamp(0, 1) - mean) / std


def augment(batch: Batch, how: Augmentation) -> Views:
    """Random views: one crop and flip for a clip and its near future, others for all the rest.

    Args:
        batch: Samples; their `seeds` decide every choice.
        how: Strengths.

    Returns:
        Float views on the batch's device.

    Source:
        The released code's kinds of augmentation, at the strengths of `how`. Rescaling vectors with the
        crop and negating x under a flip are ours (the released code does neither; see `faithful`).
    """
    device = batch.clip.device
    size, steps = how.size, batch.clip.shape[1]
    random, more = _uniform(batch.seeds, (60, 6 + 5 * (batch.motion.shape[1] - 1)), device)
    shared = Geometry.draw(random[:, :5], how.least_area, how.flip)
    alone = Geometry.draw(random[:, 5:10], how.least_area, how.flip)

    clip = batch.clip.permute(0, 1, 4, 2, 3).flatten(1, 2).float() / 255  # (B, 3T, S, S)
    clip = shared.sample(clip, size).unflatten(1, (steps, 3)).transpose(1, 2)  # (B, 3, T, size, size)
    keyframe = batch.keyframe.flip(-1) if how.faithful else batch.keyframe
    frame = alone.sample(keyframe.permute(0, 3, 1, 2).float() / 255, size)
    if how.blur:
        sigmas = (0.1 + 1.9 * more[:, 0:2]) * (more[:, 2:4] < how.blur)
        clip = blurred(clip.flatten(1, 2), sigmas[:, 0]).view_as(clip)
        frame = blurred(frame, sigmas[:, 1])
    colors = (color_matrix(random[:, at : at + 15], how, more[:, 4 + i]) for i, at in enumerate((10, 25)))
    clip = _paint(clip.flatten(2), *next(colors), how.normalize).view_as(clip)
    frame = _paint(frame.flatten(2), *next(colors), how.normalize).view_as(frame)

    count = batch.motion.shape[1] - 1
    if how.faithful:
        others = Geometry.draw(more[:, 6:].unflatten(1, (count, 5)).flatten(0, 1), how.least_area, how.flip)
    else:
        others = Geometry.draw(random[:, 40:45], how.least_area, how.flip).repeat(count)
    pixels = how.size / batch.clip.shape[2] / VECTOR_STEPS / how.vector_scale
    motion, mask = _windows(
        batch.motion.float() * pixels, batch.motion_mask, (shared, others), how.cells, how.faithful
    )
    if how.vector_clamp is not None:
        motion = motion.clamp(-how.vector_clamp / how.vector_scale, how.vector_clamp / how.vector_scale)
    channels = [motion] if how.faithful else [motion, mask[:, :, :, None].float()]
    views = Views(clip, frame, torch.cat(channels, 3).transpose(2, 3), batch.sources, mask)
    if batch.residual is None or batch.residual_mask is None:
        return views
    levels = batch.residual.float() / RESIDUAL_STEPS / how.residual_scale
    levels, mask = _windows(levels, batch.residual_mask, (shared, others), how.cells, True)
    channels = [levels, mask[:, :, :, None].float()]
    return replace(views, residual=torch.cat(channels, 3).transpose(2, 3), residual_mask=mask)


def _windows(
    maps: Tensor, mask: Tensor, geometries: tuple[Geometry, Geometry], cells: int, as_they_are: bool
) -> tuple[Tensor, Tensor]:
    """Window 0 under the clip's geometry, the others under theirs: (B, 1 + N, W, 2, cells, cells), mask."""
    near, others = geometries
    values, kept = near.sample_vectors(maps[:, 0], mask[:, 0], cells, as_they_are=as_they_are)
    values, kept = values[:, None], kept[:, None]
    count = maps.shape[1] - 1
    if not count:
        return values, kept
    far = others.sample_vectors(
        maps[:, 1:].flatten(0, 1), mask[:, 1:].flatten(0, 1), cells, as_they_are=as_they_are
    )
    pairs = zip((values, kept), far, strict=True)
    values, kept = (torch.cat([one, more.unflatten(0, (-1, count))], 1) for one, more in pairs)
    return values, kept


def plain(clips: Tensor, size: int, normalize: Literal["plain", "imagenet"] = "plain") -> Tensor:
    """The view used for evaluation: the whole square, unchanged but for its scale.

    Args:
        clips: (B, T, S, S, 3) uint8.
        size: Side in pixels.
        normalize: As in `Augmentation`.

    Returns:
        (B, 3, T, size, size) float, normalized.
    """
    batch, steps = clips.shape[:2]
    pictures = clips.flatten(0, 1).permute(0, 3, 1, 2).float() / 255
    pictures = F.interpolate(pictures, size=(size, size), mode="bilinear", align_corners=False)
    mean, std = (pictures.new_tensor(values)[:, None, None] for values in _STATISTICS[normalize])
    return ((pictures - mean) / std).unflatten(0, (batch, steps)).transpose(1, 2)
