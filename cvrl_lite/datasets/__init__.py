"""From compressed files to training samples.

`files` lists a data set, `decoded` reads it into memory, `sampling` cuts samples from it.
"""

from cvrl_lite.datasets.cutting import Cut, Sampling, Timeline
from cvrl_lite.datasets.decoded import VECTOR_STEPS, DecodedSet, DecodedVideo, Skipped, decode
from cvrl_lite.datasets.files import Entry, MovingScenes, VideoFolder, VideoSet
from cvrl_lite.datasets.sampling import Batch, Sampler, evaluation_clips
from cvrl_lite.datasets.stream import FileSampler

__all__ = [
    "VECTOR_STEPS",
    "Batch",
    "Cut",
    "DecodedSet",
    "DecodedVideo",
    "Entry",
    "FileSampler",
    "MovingScenes",
    "Sampler",
    "Sampling",
    "Skipped",
    "Timeline",
    "VideoFolder",
    "VideoSet",
    "decode",
    "evaluation_clips",
]
