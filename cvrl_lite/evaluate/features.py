"""Features of a decoded data set from a bare backbone, for checks during training.

Axes: N videos, D features.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from cvrl_lite.datasets import ClipSampling, DecodedSet
from cvrl_lite.models import VideoBackbone
from cvrl_lite.pretrained import Pretrained
from cvrl_lite.transforms import MEAN, STD, EvalTransform


def features(
    backbone: VideoBackbone,
    data: DecodedSet,
    sampling: ClipSampling,
    *,
    size: int = 64,
    clips: int = 3,
    mean: tuple[float, float, float] = MEAN,
    std: tuple[float, float, float] = STD,
) -> NDArray[np.float32]:
    """One vector per video: the mean over `clips` clips spread evenly over it.

    `Pretrained.embed` also gives names, labels and parts for each row, and reads files as well.

    Args:
        backbone: The network; it is put into evaluation mode.
        data: A decoded set of N videos.
        sampling: Frames and stride of a clip.
        size: Side of the frames in pixels.
        clips: Clips per video.
        mean: Of the channels of pixels in 0..1, as in the training's augmentation.
        std: As in the training's augmentation.

    Returns:
        (N, D) float32.

    Raises:
        ValueError: A video is too short for a clip.

    Example:
        >>> from cvrl_lite import data_path, datasets, models
        >>> videos = datasets.VideoDataset([datasets.Entry(data_path("sample.mp4"), "sample", {})])
        >>> data = datasets.decode(videos, size=32, cells=4, cache=False)
        >>> features(models.TinyR2Plus1D(), data, ClipSampling(), size=32).shape
        (1, 192)
    """
    side = data.videos[0].frames.shape[1] if data.videos else size
    model = Pretrained(backbone, sampling, EvalTransform(side, size, mean, std))
    table = model.embed(data, clips=clips)
    if len(table) < len(data.videos):
        raise ValueError("{}: {}".format(*table.skipped[-1]))
    return table.features
