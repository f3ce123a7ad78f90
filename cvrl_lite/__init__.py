"""cvrl-lite: self-supervised video representations from the compressed stream.

The rooms, ground floor first: `codec`, `datasets`, `transforms`, `models`, `pretext`, `train`, `evaluate`,
`course`, `cli`. Importing the package alone loads neither torch nor PyAV.
"""

from typing import TYPE_CHECKING, Any

from cvrl_lite.errors import (
    DamagedVideo,
    EncryptedVideo,
    NoMotionVectors,
    NotAVideo,
    NoVideoStream,
    UnreadableFile,
    VideoError,
)
from cvrl_lite.files import data_path

if TYPE_CHECKING:
    from cvrl_lite.codec import CompressedVideo
    from cvrl_lite.train import load_shipped as load

__version__ = "0.1.0"

__all__ = [
    "CompressedVideo",
    "DamagedVideo",
    "EncryptedVideo",
    "NoMotionVectors",
    "NoVideoStream",
    "NotAVideo",
    "UnreadableFile",
    "VideoError",
    "data_path",
    "load",
]


def __getattr__(name: str) -> Any:
    if name == "CompressedVideo":
        from cvrl_lite.codec import CompressedVideo

        return CompressedVideo
    if name == "load":
        from cvrl_lite.train import load_shipped

        return load_shipped
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
