"""Self-supervised video representations from the compressed stream: I-frames for context, vectors for motion.

What most programs need is here, and loads when it is first used:

- `CompressedVideo`: a file's frames, key frames, motion vectors and residuals.
- `load`: a trained network, as a `Pretrained`, which embeds videos as `Embeddings` and searches them.
- `codec`: read, encode, transcode and extract.
- `datasets`: MovingScenes, UCF101, HMDB51, Kinetics, any folder of videos.
- `train`: recipes, pretraining, finetuning.
- `evaluate`: retrieval and probes.
- `VideoError`, what is wrong with a file, and its kinds: `UnreadableFile`, `NotAVideo`, `NoVideoStream`,
  `NoMotionVectors`, `DamagedVideo`, `EncryptedVideo`.
- `Diverged`: a training whose loss is no number any more.
- `data_path`: the path of a file that comes with the package.

`models`, `pretext` and `transforms` hold the parts of which training is made, `course` the figures of the
notebooks.

Example:
    >>> import cvrl_lite
    >>> with cvrl_lite.CompressedVideo(cvrl_lite.data_path("sample.mp4")) as video:
    ...     print(video.info.codec, video.keyframes().images.shape)
    h264 (6, 224, 224, 3)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cvrl_lite.errors import (
    DamagedVideo,
    Diverged,
    EncryptedVideo,
    NoMotionVectors,
    NotAVideo,
    NoVideoStream,
    UnreadableFile,
    VideoError,
)
from cvrl_lite.files import data_path

if TYPE_CHECKING:
    from cvrl_lite import (  # noqa: F401
        codec,
        course,
        datasets,
        evaluate,
        models,
        pretext,
        pretrained,
        train,
        transforms,
    )
    from cvrl_lite.codec import CompressedVideo
    from cvrl_lite.pretrained import Embeddings, Pretrained, load

__version__ = "0.1.0"

__all__ = [
    "CompressedVideo",
    "DamagedVideo",
    "Diverged",
    "Embeddings",
    "EncryptedVideo",
    "NoMotionVectors",
    "NoVideoStream",
    "NotAVideo",
    "Pretrained",
    "UnreadableFile",
    "VideoError",
    "codec",
    "data_path",
    "datasets",
    "evaluate",
    "load",
    "train",
]

_OBJECTS = {
    "CompressedVideo": ("cvrl_lite.codec", "CompressedVideo"),
    "Embeddings": ("cvrl_lite.pretrained", "Embeddings"),
    "Pretrained": ("cvrl_lite.pretrained", "Pretrained"),
    "load": ("cvrl_lite.pretrained", "load"),
}
_MODULES = {
    "codec",
    "course",
    "datasets",
    "evaluate",
    "models",
    "pretext",
    "pretrained",
    "train",
    "transforms",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"cvrl_lite.{name}")
    if name not in _OBJECTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, attribute = _OBJECTS[name]
    value = globals()[name] = getattr(import_module(module), attribute)
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__", "models", "pretext", "transforms"])
