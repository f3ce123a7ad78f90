"""From compressed files to training samples.

`files` lists a data set, `decoded` reads it into memory, `sampling` cuts samples from it.
"""

from cvrl_lite.datasets.decoded import VECTOR_STEPS, DecodedSet, DecodedVideo, Skipped, decode
from cvrl_lite.datasets.files import Entry, MovingScenes, VideoFolder, VideoSet
from cvrl_lite.datasets.sampling import Batch, Sampler, Sampling, evaluation_clips

__all__ = [
    "VECTOR_STEPS",
    "Batch",
    "DecodedSet",
    "DecodedVideo",
    "Entry",
    "MovingScenes",
    "Sampler",
    "Sampling",
    "Skipped",
    "VideoFolder",
    "VideoSet",
    "decode",
    "evaluation_clips",
]
