"""Color jitter, blur and normalization of a batch, each sample with its own random numbers.

Axes: B batch, C channel, H W pixels.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from cvrl_lite.transforms.augmentation import MEAN, Augmentation, Channels

_PIVOT = MEAN[0]  # the gray level that a change of contrast leaves as it is
_BLUR_RADIUS = 6  # pixels; three times the largest sigma


def color_matrix(random: Tensor, config: Augmentation, chance: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """One affine change of color per sample. (Released: four changes in random order; one matrix is ours.)

    Args:
        random: (B, 15) uniform numbers; columns 3 to 11 are unused and keep their place, so that a seed
            gives the same views as ever.
        config: Its strengths.
        chance: (B,) uniform numbers; samples below `config.color_jitter_prob` change. None: all do.

    Returns:
        A matrix (B, 3, 3) and an offset (B, 3), for pixels in 0..1.

    Example:
        >>> matrix, offset = color_matrix(torch.rand(4, 15), Augmentation())
        >>> matrix.shape, offset.shape
        (torch.Size([4, 3, 3]), torch.Size([4, 3]))
    """
    device, batch = random.device, len(random)
    signed = 2 * random - 1
    if chance is not None:
        signed = signed * (chance < config.color_jitter_prob)[:, None]
    eye = torch.eye(3, device=device).expand(batch, 3, 3)
    gray = torch.full((batch, 3, 3), 1 / 3, device=device)
    # A rotation about the gray axis changes hue and keeps lightness (Rodrigues' formula).
    angle = (signed[:, 0] * config.hue * 2 * math.pi)[:, None, None]
    axis = torch.tensor([[0.0, -1, 1], [1, 0, -1], [-1, 1, 0]], device=device) / math.sqrt(3)
    rotation = torch.cos(angle) * eye + torch.sin(angle) * axis + (1 - torch.cos(angle)) * gray
    saturation = 1 + signed[:, 1] * config.saturation
    saturation = torch.where(random[:, 2] < config.grayscale_prob, 0.0, saturation)[:, None, None]
    matrix = (saturation * eye + (1 - saturation) * gray) @ rotation
    contrast = (1 + signed[:, 12] * config.brightness)[:, None, None]
    brightness = signed[:, 13] * config.brightness * _PIVOT
    offset = (brightness + _PIVOT * (1 - contrast[:, 0, 0]))[:, None].expand(batch, 3)
    return matrix * contrast, offset


def apply_color(pixels: Tensor, matrix: Tensor, offset: Tensor) -> Tensor:
    """(B, 3, N) pixels in 0..1, changed by a matrix (B, 3, 3) and an offset (B, 3), clamped to 0..1."""
    return torch.baddbmm(offset[:, :, None], matrix, pixels).clamp(0, 1)


def gaussian_blur(images: Tensor, sigmas: Tensor) -> Tensor:
    """Gaussian blur with a sigma per sample; the border is replicated.

    Args:
        images: (B, C, H, W) float.
        sigmas: (B,) pixels; 0 leaves a sample as it is.

    Returns:
        (B, C, H, W) float.

    Example:
        >>> gaussian_blur(torch.ones(2, 3, 32, 32), torch.tensor([0.0, 2.0])).shape
        torch.Size([2, 3, 32, 32])
    """
    taps = torch.arange(-_BLUR_RADIUS, _BLUR_RADIUS + 1, device=images.device)
    kernel = torch.exp(-0.5 * (taps / sigmas.clamp(min=1e-3)[:, None]) ** 2)
    kernel = (kernel / kernel.sum(1, keepdim=True)).repeat_interleave(images.shape[1], 0)  # (B C, K)
    padded = F.pad(images, (_BLUR_RADIUS,) * 4, mode="replicate").flatten(0, 1)[None]
    blurred = F.conv2d(padded, kernel[:, None, None, :], groups=len(kernel))
    return F.conv2d(blurred, kernel[:, None, :, None], groups=len(kernel)).view_as(images)


def normalize(images: Tensor, mean: Channels, std: Channels, *, dim: int) -> Tensor:
    """Subtracts the mean of each channel and divides by its standard deviation.

    Args:
        images: Float pixels in 0..1, with three channels at `dim`.
        mean: Of red, green and blue.
        std: Of red, green and blue.
        dim: The axis of channels, counted from the end: negative.

    Returns:
        The same shape.

    Example:
        >>> normalize(torch.full((2, 3, 8, 8), 0.45), (0.45,) * 3, (0.25,) * 3, dim=-3).abs().max().item()
        0.0
    """
    center, spread = (images.new_tensor(values).view(-1, *[1] * (-dim - 1)) for values in (mean, std))
    return (images - center) / spread
