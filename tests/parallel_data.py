"""A small data set in memory and recipes for it, shared by processes that train together."""

from pathlib import Path

import numpy as np

from cvrl_lite import train
from cvrl_lite.datasets import ClipSampling, DecodedSet, DecodedVideo, Entry
from cvrl_lite.pretext import DenseConfig, RegressionConfig
from cvrl_lite.transforms import Augmentation


def data(videos: int = 18) -> DecodedSet:
    """Random frames, vectors and residuals; some are missing, and two files each come from one video."""
    random = np.random.default_rng(0)

    def video(number: int) -> DecodedVideo:
        frames = random.integers(0, 256, (60, 36, 36, 3), dtype=np.uint8)
        vectors = random.integers(-40, 40, (60, 2, 5, 5)).astype(np.int16)
        mask = random.random((60, 5, 5)) < 0.4
        mask[:, :2] &= number % 3 > 0
        entry = Entry(Path(f"{number}.mp4"), str(number // 2), {})
        times, keys = np.arange(60) / 25, np.arange(0, 60, 12)
        return DecodedVideo(entry, frames, vectors, mask, times, keys, vectors.copy(), mask)

    return DecodedSet(tuple(video(i) for i in range(videos)), (), {})


_SMALL = train.Recipe(
    batch=12,
    precision="float32",
    networks=train.Networks(widths=(4, 8, 8, 8), hidden=16, projection=8, d_model=16, nhead=2),
    augmentation=Augmentation(size=32, cells=8),
    sampling=ClipSampling(num_negative_windows=2),
)
RECIPES = {
    "all": _SMALL,
    "symmetric": _SMALL.replace(tasks=("context",)).replace(tasks={"context": {"symmetric": True}}),
    "no other windows": _SMALL.replace(sampling={"num_negative_windows": 0}),
    "places only": _SMALL.replace(tasks=("motion",)).replace(tasks={"motion": {"negatives": ("places",)}}),
    # These leave a branch of the backbone, or the target's networks, without a gradient.
    "no context": _SMALL.replace(tasks={"residual": DenseConfig(source="residual")}).replace(
        tasks=("motion", "residual")
    ),
    "fixed target": _SMALL.replace(tasks={"motion": RegressionConfig(target="features")}),
}
