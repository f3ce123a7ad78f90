"""From compressed files to training samples.

`files` and `benchmarks` list a data set, `download` fetches one, `decoded` reads it into memory, `sampling`
cuts samples from it.
"""

from cvrl_lite.datasets.benchmarks import HMDB51, UCF101, Kinetics
from cvrl_lite.datasets.cutting import Cut, Sampling, Timeline
from cvrl_lite.datasets.decoded import (
    RESIDUAL_STEPS,
    VECTOR_STEPS,
    DecodedSet,
    DecodedVideo,
    Skipped,
    decode,
)
from cvrl_lite.datasets.download import download
from cvrl_lite.datasets.files import Entry, MovingScenes, VideoFolder, VideoSet
from cvrl_lite.datasets.sampling import Batch, Sampler, evaluation_clips, evaluation_frames
from cvrl_lite.datasets.stream import FileSampler

__all__ = [
    "HMDB51",
    "RESIDUAL_STEPS",
    "UCF101",
    "VECTOR_STEPS",
    "Batch",
    "Cut",
    "DecodedSet",
    "DecodedVideo",
    "Entry",
    "FileSampler",
    "Kinetics",
    "MovingScenes",
    "Sampler",
    "Sampling",
    "Skipped",
    "Timeline",
    "VideoFolder",
    "VideoSet",
    "decode",
    "download",
    "evaluation_clips",
    "evaluation_frames",
]
