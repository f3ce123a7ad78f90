"""cvrl-lite: self-supervised video representations from the compressed stream.

The rooms, ground floor first: `codec`, `scenes`, `datasets`, `augment`, `models`, `pretext`,
`pretrain`, `evaluate`, `figures`, `widgets`, `cli`. Importing the package alone does not load torch.
"""

from cvrl_lite.codec import CompressedVideo
from cvrl_lite.errors import (
    DamagedVideo,
    NoMotionVectors,
    NotAVideo,
    NoVideoStream,
    UnreadableFile,
    VideoError,
)
from cvrl_lite.files import data_path

__version__ = "0.1.0"

__all__ = [
    "CompressedVideo",
    "DamagedVideo",
    "NoMotionVectors",
    "NoVideoStream",
    "NotAVideo",
    "UnreadableFile",
    "VideoError",
    "data_path",
]
