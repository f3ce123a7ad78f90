"""From compressed files to training samples.

`files` and `benchmarks` list a data set, `moving_scenes` draws one, `downloads` fetches one; `from_memory`
and `from_files` cut samples from it, at the places that `clip_sampling` draws.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cvrl_lite.datasets.benchmarks import HMDB51, UCF101, Kinetics
    from cvrl_lite.datasets.clip_sampling import Cut, Sampling, Timeline
    from cvrl_lite.datasets.decoded import (
        RESIDUAL_STEPS,
        VECTOR_STEPS,
        DecodedSet,
        DecodedVideo,
        Skipped,
        decode,
    )
    from cvrl_lite.datasets.downloads import download
    from cvrl_lite.datasets.files import Entry, MovingScenes, VideoFolder, VideoSet
    from cvrl_lite.datasets.from_files import FileSampler
    from cvrl_lite.datasets.from_memory import Batch, Sampler, evaluation_clips, evaluation_frames

_MODULES = {
    "benchmarks": (
        "HMDB51",
        "Kinetics",
        "UCF101",
    ),
    "clip_sampling": (
        "Cut",
        "Sampling",
        "Timeline",
    ),
    "decoded": (
        "DecodedSet",
        "DecodedVideo",
        "RESIDUAL_STEPS",
        "Skipped",
        "VECTOR_STEPS",
        "decode",
    ),
    "downloads": ("download",),
    "files": (
        "Entry",
        "MovingScenes",
        "VideoFolder",
        "VideoSet",
    ),
    "from_files": ("FileSampler",),
    "from_memory": (
        "Batch",
        "Sampler",
        "evaluation_clips",
        "evaluation_frames",
    ),
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Loads a module when the first of its names is asked for: `moving_scenes` needs no torch."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


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
