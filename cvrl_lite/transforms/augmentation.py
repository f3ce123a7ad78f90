"""How strongly training views differ: a frozen configuration, stored in recipes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Augmentation:
    """Strength of the random views. With all strengths at 0, each view is the whole square.

    Attributes:
        size: Side of the clips and key frames given to the networks, in pixels.
        cells: Side of the vector maps given to the motion encoder, in cells.
        least_area: Smallest share of the square that a random crop keeps; 1 keeps it whole.
        flip: Probability of a horizontal flip.
        jitter: Probability of any change of brightness, contrast, hue and saturation.
        brightness: Largest relative change of brightness and, separately, of contrast.
        hue: Largest hue rotation, as a share of the color circle.
        saturation: Largest relative change of saturation.
        gray: Probability of losing all color.
        blur: Probability of a Gaussian blur; its sigma, .1 to 2 pixels, is shared by all frames of a clip.
        normalize: Which mean and standard deviation pixels get: "plain" (.45 and .25) or "imagenet".
        vector_scale: Length, in pixels of the network's input, that becomes 1 in the motion encoder's input.
        vector_clamp: Largest |x| and |y|, in pixels of the network's input; None keeps all.
        residual_scale: Gray levels that become 1 in the residual encoder's input.
        faithful: Whether to do as the released code does: a flip leaves the sign of x, a crop the length of
            vectors; the key frame's channels come in the order BGR; each negative window has a crop of its
            own; and the motion encoder gets x and y without the mask.

    Example:
        >>> Augmentation(size=112, flip=0.0).flip
        0.0
        >>> Augmentation.released().normalize
        'imagenet'
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
        """The strengths of the released code.

        Args:
            height: Of the videos, in pixels: vectors were clamped at 10 of those pixels, and divided by 10.
            faithful: Whether to keep the released code's oddities, too.
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
