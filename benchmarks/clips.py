"""The clips that are read: encoded here from a real video where one is there, from MovingScenes otherwise."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from cvrl_lite import CompressedVideo
from cvrl_lite.codec import encode
from cvrl_lite.datasets.moving_scenes import draw
from cvrl_lite.files import cache_dir

ROOT = Path(__file__).resolve().parent.parent
SUFFIXES = (".mp4", ".mkv", ".avi", ".webm", ".264")
MATERIAL = "skv_bikes.mp4"  # 250 pictures, a camera that follows cyclists
HD = "mvx_vid_h264.mp4"
FRAMES = 250

CLIPS: dict[str, tuple[str, tuple[int, int], dict[str, Any]]] = {
    "H.264 320x240 GOP 12": ("mp4", (240, 320), {"gop": 12, "preset": "medium", "crf": 23}),
    "H.264 320x240 GOP 12 with B": (
        "mp4",
        (240, 320),
        {"gop": 12, "preset": "medium", "crf": 23, "b_frames": 3, "references": 3},
    ),
    "H.264 1280x720": ("mp4", (720, 1280), {"gop": 250, "preset": "medium", "crf": 23}),
    "MPEG-4 320x240": ("avi", (240, 320), {"gop": 12, "codec": "mpeg4", "quantizer": 4}),
}
"""By name: container, (H, W), arguments of `encode`."""

H264, H264_B, H264_HD, MPEG4 = CLIPS


def videos_folder() -> Path | None:
    """The folder of real clips: $CVRL_VIDEOS, or ../shared/videos beside the project."""
    folder = Path(os.environ.get("CVRL_VIDEOS") or ROOT.parent / "shared" / "videos")
    return folder if folder.is_dir() else None


def real_clips() -> list[Path]:
    """The real clips that are there."""
    folder = videos_folder()
    return sorted(path for path in folder.iterdir() if path.suffix in SUFFIXES) if folder else []


def clip(name: str) -> Path:
    """One of `CLIPS`, made in the cache if it is missing; the 720p one is a real clip where there is one."""
    folder = videos_folder()
    if name == H264_HD and folder and (folder / HD).exists():
        return folder / HD
    suffix, size, settings = CLIPS[name]
    real = folder / MATERIAL if folder and (folder / MATERIAL).exists() else None
    made_of = hashlib.sha256(repr((real and real.name, size, settings)).encode()).hexdigest()[:12]
    path = cache_dir() / "benchmarks" / f"{made_of}.{suffix}"
    if not path.exists():
        if real:
            with CompressedVideo(real) as video:
                encode(islice(video.frames(size=size), FRAMES), path, **settings)
        else:
            encode(_drawn(size), path, **settings)
    return path


def material() -> str:
    """What the clips were encoded from, in words."""
    folder = videos_folder()
    return MATERIAL if folder and (folder / MATERIAL).exists() else "MovingScenes"


def _drawn(size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Pictures of MovingScenes, cropped from squares; large ones are drawn at half their size."""
    height, width = size
    times = 1 if width <= 640 else 2
    pictures = draw("bricks", "turn", 7, frames=FRAMES // times**2, size=width // times)
    top = (pictures.shape[1] - height // times) // 2
    for picture in pictures[:, top : top + height // times]:
        yield np.repeat(np.repeat(picture, times, 0), times, 1)
