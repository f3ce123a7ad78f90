"""Views of a batch, made on its device: the same geometry for pixels and vectors."""

from cvrl_lite.transforms.views import (
    MEAN,
    STD,
    Augmentation,
    Geometry,
    Views,
    augment,
    blurred,
    color_matrix,
    enough,
    plain,
)

__all__ = [
    "MEAN",
    "STD",
    "Augmentation",
    "Geometry",
    "Views",
    "augment",
    "blurred",
    "color_matrix",
    "enough",
    "plain",
]
