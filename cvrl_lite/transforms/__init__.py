"""Batched transforms on the device, with the same geometry for pixels and vectors.

`augment` makes the random views of training, `eval_transform` the fixed view of evaluation.
"""

from cvrl_lite.transforms.augmentation import IMAGENET_MEAN, IMAGENET_STD, MEAN, STD, Augmentation
from cvrl_lite.transforms.color import color_matrix, gaussian_blur, normalize
from cvrl_lite.transforms.evaluation import EvalTransform, eval_transform
from cvrl_lite.transforms.geometry import Geometry, valid_points
from cvrl_lite.transforms.views import Views, augment

__all__ = [
    "IMAGENET_MEAN",
    "IMAGENET_STD",
    "MEAN",
    "STD",
    "Augmentation",
    "EvalTransform",
    "Geometry",
    "Views",
    "augment",
    "color_matrix",
    "eval_transform",
    "gaussian_blur",
    "normalize",
    "valid_points",
]
