"""The strength of augmentation: a frozen configuration, stored in recipes."""

from __future__ import annotations

from dataclasses import dataclass

Channels = tuple[float, float, float]
"""A value for red, green and blue each."""

MEAN: Channels = (0.45, 0.45, 0.45)
STD: Channels = (0.25, 0.25, 0.25)
IMAGENET_MEAN: Channels = (0.485, 0.456, 0.406)
IMAGENET_STD: Channels = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class Augmentation:
    """Strength of the random views. With all strengths at 0, each view is the whole square.

    Attributes:
        size: Side of the clips and key frames given to the networks, in pixels.
        cells: Side of the vector maps given to the motion encoder, in cells.
        min_scale: Smallest share of the square's area that a random resized crop keeps, the lower end of
            torchvision's `scale`; 1 keeps the whole square.
        hflip: Probability of a horizontal flip.
        color_jitter_prob: Probability of a change of brightness, contrast, hue and saturation.
        brightness: Largest relative change of brightness and, separately, of contrast.
        hue: Largest hue rotation, as a share of the color circle.
        saturation: Largest relative change of saturation.
        grayscale_prob: Probability of conversion to grayscale.
        gaussian_blur_prob: Probability of a Gaussian blur. Its sigma, .1 to 2 pixels, is shared by
            all frames of a clip.
        mean: Subtracted from the channels of pixels in 0..1.
        std: What the channels are divided by after that.
        vector_scale: Length, in pixels of the network's input, that becomes 1 in the motion encoder's input.
        vector_clamp: Largest size of x and of y, in pixels of the network's input; None keeps all.
        residual_scale: Gray levels that become 1 in the residual encoder's input.
        faithful: Whether to reproduce the released code: a flip keeps the sign of x, and a crop the length
            of vectors; the key frame's channels are in BGR order; each negative window has its own crop; and
            the motion encoder gets x and y without the mask.

    Example:
        >>> Augmentation(size=112, hflip=0.0).hflip
        0.0
        >>> Augmentation.released().mean
        (0.485, 0.456, 0.406)
    """

    size: int = 64
    cells: int = 16
    min_scale: float = 0.4
    hflip: float = 0.5
    color_jitter_prob: float = 1.0
    brightness: float = 0.4
    hue: float = 0.1
    saturation: float = 0.4
    grayscale_prob: float = 0.2
    gaussian_blur_prob: float = 0.0
    mean: Channels = MEAN
    std: Channels = STD
    vector_scale: float = 2.0
    vector_clamp: float | None = None
    residual_scale: float = 4.0
    faithful: bool = False

    def __post_init__(self) -> None:
        for name in ("mean", "std"):  # JSON has lists only
            values = tuple(getattr(self, name))
            if len(values) != 3:
                raise ValueError(f"augmentation.{name} is a number for each of 3 channels; got {values}")
            object.__setattr__(self, name, values)

    @classmethod
    def released(cls, *, height: int = 240, faithful: bool = False) -> Augmentation:
        """The strengths of the released code.

        Args:
            height: Height of the videos in pixels; vectors were clamped at 10 of those pixels and divided by
                10.
            faithful: Whether to reproduce the released code's quirks, too.
        """
        ten = 10 * 112 / height
        return cls(
            size=112,
            cells=112,
            min_scale=0.2,
            color_jitter_prob=0.5,
            gaussian_blur_prob=0.5,
            mean=IMAGENET_MEAN,
            std=IMAGENET_STD,
            vector_scale=ten,
            vector_clamp=ten,
            faithful=faithful,
        )
