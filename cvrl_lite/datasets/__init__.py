"""From compressed files to training samples.

`base` says what a data set is: a torch `Dataset` of `samples`. `folder`, `ucf101`, `hmdb51` and `kinetics`
list one that is on disk (`lists` reads the official lists), `moving_scenes` draws one, `downloads` fetches
one. `clip_sampling` draws the places of samples, `scan` finds files that give none, `decoded` reads a
whole set into memory (`sizing` tells whether it fits, `eviction` limits its cache), and `loaders` make
batches from there or from the files.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cvrl_lite.datasets.base import Entry, VideoDataset
    from cvrl_lite.datasets.clip_sampling import ClipSampling, Cut, Timeline, evaluation_frames
    from cvrl_lite.datasets.decoded import DecodedSet, DecodedVideo, decode, evaluation_clips
    from cvrl_lite.datasets.downloads import download
    from cvrl_lite.datasets.folder import VideoFolder
    from cvrl_lite.datasets.hmdb51 import HMDB51
    from cvrl_lite.datasets.kinetics import Kinetics
    from cvrl_lite.datasets.loaders.files import FileLoader
    from cvrl_lite.datasets.loaders.memory import MemoryLoader
    from cvrl_lite.datasets.moving_scenes.dataset import MovingScenes
    from cvrl_lite.datasets.samples import RESIDUAL_STEPS, VECTOR_STEPS, Batch, Sample, SampleConfig, collate
    from cvrl_lite.datasets.scan import Skipped
    from cvrl_lite.datasets.sizing import fits_in_memory
    from cvrl_lite.datasets.ucf101 import UCF101

_MODULES = {
    "base": (
        "Entry",
        "VideoDataset",
    ),
    "clip_sampling": (
        "ClipSampling",
        "Cut",
        "Timeline",
        "evaluation_frames",
    ),
    "decoded": (
        "DecodedSet",
        "DecodedVideo",
        "decode",
        "evaluation_clips",
    ),
    "downloads": ("download",),
    "folder": ("VideoFolder",),
    "hmdb51": ("HMDB51",),
    "kinetics": ("Kinetics",),
    "loaders.files": ("FileLoader",),
    "loaders.memory": ("MemoryLoader",),
    "moving_scenes.dataset": ("MovingScenes",),
    "samples": (
        "RESIDUAL_STEPS",
        "VECTOR_STEPS",
        "Batch",
        "Sample",
        "SampleConfig",
        "collate",
    ),
    "scan": ("Skipped",),
    "sizing": ("fits_in_memory",),
    "ucf101": ("UCF101",),
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
    "ClipSampling",
    "Cut",
    "DecodedSet",
    "DecodedVideo",
    "Entry",
    "FileLoader",
    "Kinetics",
    "MemoryLoader",
    "MovingScenes",
    "Sample",
    "SampleConfig",
    "Skipped",
    "Timeline",
    "VideoDataset",
    "VideoFolder",
    "collate",
    "decode",
    "download",
    "evaluation_clips",
    "evaluation_frames",
    "fits_in_memory",
]
